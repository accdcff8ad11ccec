"""The whole description, put together once at the start of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from cardiorisk.errors import (
    AccountSuspended,
    BodyTooLarge,
    InternalFailure,
    InvalidKey,
    LogUnavailable,
    MalformedBody,
    MethodNotAllowed,
    MissingKey,
    NotFound,
    OperatorOnly,
    Overloaded,
    RateLimited,
    StoreUnavailable,
    WrongXsrfToken,
)
from cardiorisk.limits.window import WINDOW_SECONDS
from cardiorisk.model.card import NOTICE
from cardiorisk.openapi.answers import (
    METERED,
    header_components,
    headers_of,
    problem_response,
    problem_schemas,
)
from cardiorisk.openapi.operations import OPERATIONS
from cardiorisk.openapi.operator_schemas import operator_schemas
from cardiorisk.openapi.parameters import parameter_components, path_item, security_schemes
from cardiorisk.openapi.schemas import answer_schemas, referred, request_schemas
from cardiorisk.openapi.words import JSON_TYPE, Method
from cardiorisk.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cardiorisk.openapi.words import Access, Answer, Body, Json, Operation, Sources

_ALWAYS = (BodyTooLarge.code, InternalFailure.code, LogUnavailable.code)
_TOKEN = (
    MissingKey.code,
    InvalidKey.code,
    AccountSuspended.code,
    Overloaded.code,
    StoreUnavailable.code,
)
_KNOWN = (*_TOKEN, WrongXsrfToken.code)
_BY_ACCESS: dict[Access, tuple[str, ...]] = {
    "open": (),
    "identified": _KNOWN,
    "operator": (*_KNOWN, OperatorOnly.code),
    "loopback": (*_KNOWN, OperatorOnly.code),
    "refresh": _TOKEN,
    "metered": (*_KNOWN, RateLimited.code),
}
_SECURITY: dict[Access, list[Json]] = {
    "open": [],
    "identified": [{"apiKey": []}, {"bearer": []}],
    "operator": [{"apiKey": []}, {"bearer": []}],
    "loopback": [{}, {"apiKey": []}, {"bearer": []}],
    "refresh": [{"refreshToken": []}],
    "metered": [{"apiKey": []}, {"bearer": []}],
}
_ANYWHERE = {"NotFound": NotFound.code, "MethodNotAllowed": MethodNotAllowed.code}
"""Answers of paths and methods that are not in the document."""

_TAGS = {
    "service": "The service itself: assess a patient, keep nothing",
    "predictions": "Assessments that are kept, each account's own",
    "account": "Register, log in, change the plan; guarded by limits on attempts",
    "keys": "Your own API keys",
    "original": "The original system's routes, with its names and its answers",
    "operation": "What operators and readers ask",
    "operators": "How the service is, and everybody's accounts; for operators alone",
}


def describe(sources: Sources) -> Json:
    """Return the OpenAPI document."""
    responses: Json = {
        name: problem_response([code], sources.problems, "open") for name, code in _ANYWHERE.items()
    }
    paths: Json = {}
    for operation in OPERATIONS:
        path = paths.setdefault(
            operation.template, path_item(operation.template, sources.file_names)
        )
        key = operation.method.lower()
        path["x-query" if key == "query" else key] = _operation(operation, sources, responses)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cardiorisk",
            "version": VERSION,
            "summary": "Estimates cardiac risk from six values with a small neural network",
            "description": _description(sources),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": request_schemas(sources.original_names)
            | answer_schemas(sources.original_names)
            | operator_schemas()
            | problem_schemas(sources.problems),
            "responses": responses,
            "headers": header_components(),
            "parameters": parameter_components(),
            "securitySchemes": security_schemes(),
        },
    }


def answers_of(document: Json) -> Iterator[tuple[str, str, int]]:
    """Give the method, the path and the status of every answer that the document describes."""
    for template, item in document["paths"].items():
        for key, described in item.items():
            method = key.removeprefix("x-").upper()
            if method in get_args(Method):
                for status in described["responses"]:
                    yield method, template, int(status)


def _operation(operation: Operation, sources: Sources, responses: Json) -> Json:
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        described["description"] = operation.description
    if operation.parameters:
        described["parameters"] = [
            {"$ref": f"#/components/parameters/{name}"} for name in operation.parameters
        ]
    if operation.body is not None:
        described["requestBody"] = _request(operation.body)
    answers = {
        str(answer.status): _success(answer, operation.access)
        for answer in (operation.answer, operation.other_answer)
        if answer is not None
    }
    described["responses"] = answers | _failures(operation, sources, responses)
    described["security"] = _SECURITY[operation.access]
    return described


def _request(body: Body) -> Json:
    shown = {name: {"value": value} for name, value in body.examples.items()}
    return {
        "required": body.is_required,
        "content": {JSON_TYPE: {"schema": referred(body.schema), "examples": shown}},
    }


def _success(answer: Answer, access: Access) -> Json:
    metered = METERED if access == "metered" else ()
    described: Json = {
        "description": answer.description,
        "headers": headers_of((*metered, *answer.headers), answer.optional_headers),
    }
    if answer.content_types:
        shown = {"schema": referred(answer.schema), "example": answer.example}
        text = {"schema": {"type": "string"}}
        described["content"] = dict.fromkeys(answer.content_types, shown if answer.schema else text)
    return described


def _failures(operation: Operation, sources: Sources, responses: Json) -> Json:
    """Refer to the failures by status, and add those that nothing has referred to yet."""
    codes = {*_ALWAYS, *_BY_ACCESS[operation.access], *operation.errors}
    if "{" in operation.template:
        codes.add(MalformedBody.code)
    by_status: dict[int, list[str]] = {}
    for code, problem in sources.problems.items():
        if code in codes:
            by_status.setdefault(problem.status, []).append(code)
    suffix = ".metered" if operation.access == "metered" else ""
    without_body = ".head" if operation.method == "HEAD" else ""
    found = {}
    for status, named in sorted(by_status.items()):
        name = ".".join(named) + suffix + without_body
        if name not in responses:
            response = problem_response(named, sources.problems, operation.access)
            if without_body:
                del response["content"]
            responses[name] = response
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def _description(sources: Sources) -> str:
    return (
        "Six clinical values in, a probability and a yes or no out, from a small network.\n\n"
        f"**What the model is not.** Every answer says so in `aviso`: *{NOTICE}* It was trained "
        "on invented patients whose risk is a rule that somebody wrote down. It is not a medical "
        "device and evidence of nothing.\n\n"
        "**Credentials.** An API key or an access token goes into the header `Authorization`, "
        "alone or after `Bearer`, and never into the URL. All credentials of an account draw on "
        f"one limit: so many requests in each clock minute ({WINDOW_SECONDS} s, UTC), which "
        "`RateLimit-Policy` and `RateLimit` tell. "
        "The service's own pages have a cookie instead, which is worth nothing without the token "
        "that they send beside it in `X-XSRFToken`: it is for them, and no promise to programs."
        "\n\n"
        "**Order of work.** Method, key, limit, body, network, a line in the request log, answer. "
        "An answer that cannot be logged is not given.\n\n"
        "**Errors** are problem documents (RFC 9457); match on `code`. A path that is not in here "
        "gets `404 not-found`, a method that is not in here `405 method-not-allowed` with "
        "`Allow`, as described under `components.responses`. A body is read as JSON whatever its "
        f"label says, up to {sources.body_limit_bytes // 1024} KiB.\n\n"
        "**QUERY** (RFC 10008) has no place of its own in OpenAPI 3.1: see `x-query` of "
        "`/service`."
    )
