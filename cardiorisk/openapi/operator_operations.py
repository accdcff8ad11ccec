"""The operations of operators: how the service is, its newest lines, everybody's accounts."""

from __future__ import annotations

from cardiorisk.errors import (
    Conflict,
    InvalidAccount,
    InvalidQuery,
    MalformedBody,
    NotReady,
    UnknownAccount,
    UnknownKey,
)
from cardiorisk.openapi import examples
from cardiorisk.openapi.operator_schemas import (
    ACCOUNT_EXAMPLE,
    KEYED_EXAMPLE,
    LOG_EXAMPLE,
    OVERVIEW_EXAMPLE,
)
from cardiorisk.openapi.parameters import ACCOUNT_PARAMETERS, LOG_PARAMETERS
from cardiorisk.openapi.words import Answer, Body, Operation

_QUERY = (MalformedBody.code, InvalidQuery.code)
_ACCOUNT = Answer(200, "The account as it is now", "OperatedAccount", ACCOUNT_EXAMPLE)

_WATCHING = (
    Operation(
        "GET",
        "/operator/overview",
        "operatorOverview",
        "operators",
        "How the service is",
        Answer(200, "One look", "Overview", OVERVIEW_EXAMPLE),
        "Of this process, since its start. Percentiles are estimates out of the histogram of "
        "`/metrics`. The drift is that of the newest answers in the log, at most a minute old.",
        access="operator",
    ),
    Operation(
        "GET",
        "/operator/events",
        "operatorEvents",
        "operators",
        "The same every two seconds, and the newest lines, as server-sent events",
        Answer(200, "The events; they have no end", content_types=("text/event-stream",)),
        "`overview` events are answers of `/operator/overview`; `lines` events are arrays of lines "
        "as in `/operator/log`, which the parameters choose, the newest first. At most 16 may "
        "watch; who does not read is cut off.",
        access="operator",
        parameters=LOG_PARAMETERS,
        errors=(*_QUERY, NotReady.code),
    ),
    Operation(
        "GET",
        "/operator/log",
        "operatorSearchLog",
        "operators",
        "The newest lines of the request log",
        Answer(200, "The lines, the newest first", "LogLines", LOG_EXAMPLE),
        "Searches the end of the file that is written to now, at most 4 MiB of it; `exhaustive` "
        "is false where there may be more before that.",
        access="operator",
        parameters=LOG_PARAMETERS,
        errors=_QUERY,
    ),
)

_ACCOUNTS = (
    Operation(
        "GET",
        "/operator/accounts",
        "operatorSearchAccounts",
        "operators",
        "Look accounts up",
        Answer(
            200,
            "A page; send its `after` to get the next one, null means that there is none",
            "OperatedAccounts",
            {"items": [ACCOUNT_EXAMPLE], "after": None},
        ),
        access="operator",
        parameters=ACCOUNT_PARAMETERS,
        errors=_QUERY,
    ),
    Operation(
        "GET",
        "/operator/accounts/{id}",
        "operatorShowAccount",
        "operators",
        "Show an account and its keys",
        Answer(200, "The account", "OperatedAccountWithKeys", KEYED_EXAMPLE),
        access="operator",
        errors=(UnknownAccount.code,),
    ),
    Operation(
        "POST",
        "/operator/accounts/{id}/suspend",
        "operatorSuspend",
        "operators",
        "Refuse an account's keys, tokens and logins from the next request on",
        Answer(
            200,
            "The account as it is now",
            "OperatedAccount",
            ACCOUNT_EXAMPLE | {"suspended_at": examples.MOMENT},
        ),
        "Nothing of it is deleted. One's own account cannot be suspended, nor the last operator's.",
        access="operator",
        errors=(UnknownAccount.code, Conflict.code),
    ),
    Operation(
        "POST",
        "/operator/accounts/{id}/resume",
        "operatorResume",
        "operators",
        "End a suspension",
        _ACCOUNT,
        access="operator",
        errors=(UnknownAccount.code,),
    ),
    Operation(
        "POST",
        "/operator/accounts/{id}/plan",
        "operatorSetPlan",
        "operators",
        "Put an account on a plan",
        _ACCOUNT,
        access="operator",
        body=Body("PlanChange", {"premium": {"plan": "premium"}}),
        errors=(UnknownAccount.code, MalformedBody.code, InvalidAccount.code),
    ),
    Operation(
        "POST",
        "/operator/accounts/{id}/keys/{key_id}/revoke",
        "operatorRevokeKey",
        "operators",
        "End one key of an account at once",
        Answer(200, "The key as it is now", "Key", examples.REVOKED_KEY),
        "A key that was revoked before keeps its moment.",
        access="operator",
        errors=(UnknownAccount.code, UnknownKey.code),
    ),
)

OPERATOR_OPERATIONS: tuple[Operation, ...] = (*_WATCHING, *_ACCOUNTS)
