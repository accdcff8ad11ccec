"""The table of operations: every method of every route, what it takes and what it answers.

A test holds the table against the routes, both ways. The operations on accounts are in a table
of their own.
"""

from __future__ import annotations

from dataclasses import replace

from cardiorisk.errors import (
    InvalidPatient,
    InvalidQuery,
    MalformedBody,
    NotFound,
    NotReady,
    Overloaded,
    ReloadUnderWay,
    StoreUnavailable,
    UnknownAssessment,
    UnusableArtefact,
    WrongPlan,
)
from cardiorisk.openapi import examples
from cardiorisk.openapi.account_operations import ACCOUNT_OPERATIONS
from cardiorisk.openapi.operator_operations import OPERATOR_OPERATIONS
from cardiorisk.openapi.parameters import CURVES, EXPLAIN, LARGE_LIMIT
from cardiorisk.openapi.words import Answer, Body, Operation
from cardiorisk.patients.patient import FIELD_NAMES

_ASSESSING = (MalformedBody.code, InvalidPatient.code, NotReady.code)
_PATIENTS = {"assignment": examples.PATIENT, "at_risk": examples.AT_RISK}
_ASSESSED = Answer(
    200,
    "The assessment: explained where that was asked for, and with `advertencias` where a value "
    "lies beyond all that training saw",
    "Assessment",
    examples.EXPLAINED,
)
_GONE = Answer(204, "It is done", content_types=())

_POST_SERVICE = Operation(
    "POST",
    "/service",
    "assess",
    "service",
    "Assess a patient",
    _ASSESSED,
    "Six values in, an assessment out. Nothing is kept. With `?explicar=1` it says why, "
    "with `?curvas=1` what would change it.",
    body=Body("Patient", _PATIENTS),
    errors=_ASSESSING,
    parameters=(EXPLAIN, CURVES),
)

_SERVICE = (
    _POST_SERVICE,
    replace(
        _POST_SERVICE,
        method="GET",
        name="assessByQuery",
        summary="Assess a patient given in the query string",
        description="The same. A GET may instead carry the patient as a JSON body, exactly as "
        "`POST /service` does, and only `explicar` and `curvas` are then looked at in its "
        "query string; no OpenAPI document and few clients can say so, `curl -X GET -d` can.",
        body=None,
        parameters=(*FIELD_NAMES, EXPLAIN, CURVES),
        errors=(InvalidPatient.code, MalformedBody.code, NotReady.code),
    ),
    replace(
        _POST_SERVICE,
        method="QUERY",
        name="assessSafely",
        summary="Assess a patient with the method QUERY",
        description="The same by QUERY (RFC 10008), which is safe like GET and has a body like "
        "POST. OpenAPI has a place for this method from 3.2 on; until readers know that version, "
        "it stands in the extension `x-query`, as an Operation Object.",
    ),
)

_PREDICTIONS = (
    Operation(
        "POST",
        "/predictions",
        "keepAssessment",
        "predictions",
        "Assess a patient and keep the result",
        Answer(201, "The assessment as it is kept", "KeptAssessment", examples.KEPT, ("Location",)),
        body=Body("LabelledPatient", {"labelled": examples.LABELLED, "bare": examples.PATIENT}),
        errors=_ASSESSING,
    ),
    Operation(
        "GET",
        "/predictions",
        "listAssessments",
        "predictions",
        "List your assessments, the newest first",
        Answer(
            200,
            "A page; send its `after` to get the next one, null means that there is none",
            "KeptAssessments",
            {"items": [examples.KEPT], "after": None},
        ),
        parameters=("limit", "after"),
        errors=(InvalidQuery.code, MalformedBody.code),
    ),
    Operation(
        "GET",
        "/predictions/{id}",
        "showAssessment",
        "predictions",
        "Show one of your assessments",
        Answer(200, "The assessment", "KeptAssessment", examples.KEPT),
        errors=(UnknownAssessment.code,),
    ),
    Operation(
        "DELETE",
        "/predictions/{id}",
        "deleteAssessment",
        "predictions",
        "Delete one of your assessments for good",
        _GONE,
        errors=(UnknownAssessment.code,),
    ),
)


def _original(plan: str) -> tuple[Operation, ...]:
    title = plan.capitalize()
    return (
        Operation(
            "POST",
            f"/{plan}/predict",
            f"original{title}Predict",
            "original",
            f"Assess a patient and keep the result ({plan} accounts)",
            Answer(200, "The assessment", "OriginalAssessment", examples.ORIGINAL_ANSWER),
            body=Body("OriginalPatient", {"original": examples.ORIGINAL}),
            errors=(*_ASSESSING, WrongPlan.code),
        ),
        Operation(
            "GET",
            f"/{plan}/predict",
            f"original{title}List",
            "original",
            f"List your assessments, the newest first ({plan} accounts)",
            Answer(
                200,
                "They; where there are more, the header `Link` says where",
                "OriginalAssessments",
                [examples.ORIGINAL_ANSWER],
                optional_headers=("Link",),
            ),
            "Your own, whichever plan they were made on.",
            parameters=(LARGE_LIMIT, "after"),
            errors=(WrongPlan.code, InvalidQuery.code, MalformedBody.code),
        ),
        Operation(
            "GET",
            f"/{plan}/predictById/{{id}}",
            f"original{title}Show",
            "original",
            f"Show one of your assessments ({plan} accounts)",
            Answer(200, "The assessment", "OriginalAssessment", examples.ORIGINAL_ANSWER),
            errors=(WrongPlan.code, UnknownAssessment.code),
        ),
    )


def _with_head(operation: Operation) -> tuple[Operation, Operation]:
    """Return a GET and the HEAD beside it, which answers the same without the body."""
    head = replace(
        operation,
        method="HEAD",
        name=f"{operation.name}Head",
        summary=f"{operation.summary}: the headers alone",
        answer=replace(operation.answer, content_types=()),
    )
    return operation, head


_STATUS = (
    *_with_head(
        Operation(
            "GET",
            "/healthz",
            "health",
            "operation",
            "Is the process up?",
            Answer(200, "It is", "Health", {"status": "ok", "version": "0.1.0"}),
            access="open",
        )
    ),
    *_with_head(
        Operation(
            "GET",
            "/readyz",
            "readiness",
            "operation",
            "Would a request sent now be assessed?",
            Answer(200, "It would", "Readiness", {"status": "ready", "modelo": examples.MODEL}),
            "Checks the network, the database and, by its own line, the request log.",
            access="open",
            errors=(NotReady.code, StoreUnavailable.code, Overloaded.code),
        )
    ),
    *_with_head(
        Operation(
            "GET",
            "/model",
            "model",
            "operation",
            "Show the card of the network that answers",
            Answer(200, "The card", "Model", examples.MODEL_CARD),
            access="open",
            errors=(NotReady.code,),
        )
    ),
    Operation(
        "POST",
        "/model/reload",
        "reloadModel",
        "operation",
        "Replace the network while it answers (operators)",
        Answer(
            200,
            "The network that answers from the next batch on, and the one before",
            "Reload",
            {"modelo": examples.MODEL, "anterior": "14-7-1-1dde5cf4"},
        ),
        "Loads what is in the model's directory now and checks it: hash, order of the fields, "
        "golden rows. Where it does not hold, the old one goes on. It draws on no limit.",
        access="operator",
        errors=(NotReady.code, ReloadUnderWay.code, UnusableArtefact.code),
    ),
)

_METRICS = _with_head(
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "operation",
        "Counts for a Prometheus server (callers on this machine, operators)",
        Answer(200, "The counts, in Prometheus's text format", content_types=("text/plain",)),
        "A caller on the same machine needs no key; a key that is sent is judged all the same. "
        "It draws on no limit.",
        access="loopback",
    )
)

_DOCUMENTS = (
    *_with_head(
        Operation(
            "GET",
            "/openapi.json",
            "openApi",
            "operation",
            "This document",
            Answer(200, "The document", "OpenApi", {"openapi": "3.1.0", "info": {}, "paths": {}}),
            access="open",
        )
    ),
    *_with_head(
        Operation(
            "GET",
            "/docs",
            "docs",
            "operation",
            "This document as a page to read and to try",
            Answer(
                200, "The page", headers=("Content-Security-Policy",), content_types=("text/html",)
            ),
            access="open",
        )
    ),
    *_with_head(
        Operation(
            "GET",
            "/docs/{file}",
            "docsFile",
            "operation",
            "What the page is made of",
            Answer(200, "The file", content_types=("text/css", "text/javascript", "image/png")),
            access="open",
            errors=(NotFound.code,),
        )
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *_SERVICE,
    *_PREDICTIONS,
    *ACCOUNT_OPERATIONS,
    *_original("freemium"),
    *_original("premium"),
    *_STATUS,
    *_METRICS,
    *OPERATOR_OPERATIONS,
    *_DOCUMENTS,
)
