"""JSON schemas of what operators are answered, each with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.monitoring.last_hour import MINUTES
from cardiorisk.openapi import examples
from cardiorisk.openapi.schemas import closed, referred

if TYPE_CHECKING:
    from cardiorisk.openapi.words import Json

_TEXT: Json = {"type": "string"}
_MAYBE_TEXT: Json = {"type": ["string", "null"]}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_MAYBE_MOMENT: Json = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_MS: Json = {"type": "number", "minimum": 0}
_VERDICTS = ["stable", "noticeable", "large", "too few rows"]


def operator_schemas() -> Json:
    """Describe what operators send and are answered, by name."""
    account = _account()
    keys = {"keys": {"type": "array", "items": referred("Key")}}
    return {
        "Overview": _overview(),
        "Stretch": _stretch(),
        "Drift": closed(
            {
                "name": _TEXT,
                "rows": _COUNT,
                "psi": {"type": ["number", "null"], "description": "Null where rows are too few"},
                "verdict": {"enum": _VERDICTS},
            },
            description="The population stability index of recent values against the training's",
        ),
        "LogLine": _line(),
        "LogLines": closed(
            {
                "items": {"type": "array", "items": referred("LogLine")},
                "searched_bytes": _COUNT,
                "exhaustive": {"type": "boolean"},
            }
        ),
        "OperatedAccount": closed(account),
        "OperatedAccountWithKeys": closed(account | keys),
        "OperatedAccounts": closed(
            {
                "items": {"type": "array", "items": referred("OperatedAccount")},
                "after": {"type": ["integer", "null"]},
            }
        ),
        "PlanChange": closed({"plan": _TEXT | {"description": "The name of a plan that is set"}}),
    }


def _account() -> Json:
    return {
        "account_id": {"type": "integer", "minimum": 1},
        "username": _TEXT,
        "email": _MAYBE_TEXT,
        "plan": _TEXT,
        "requests_per_minute": {"type": "integer", "minimum": 1},
        "active_keys": _COUNT,
        "operator": {"type": "boolean"},
        "suspended_at": _MAYBE_MOMENT | {"description": "Null where it is not suspended"},
        "created_at": _MOMENT,
    }


def _overview() -> Json:
    minute = closed(
        {"starts_at": _MOMENT, "requests": _COUNT, "refusals": _COUNT, "failures": _COUNT},
        description="Requests, those over a limit, and those answered with 5xx",
    )
    memo = dict.fromkeys(("hits", "refusals", "misses", "known", "refused"), _COUNT)
    drift = closed(
        {
            "computed_at": _MOMENT,
            "answers": _COUNT | {"description": "Newest answers that were looked at"},
            "other_networks": _COUNT,
            "score": referred("Drift"),
            "fields": {"type": "array", "items": referred("Drift")},
        }
    )
    return closed(
        {
            "at": _MOMENT,
            "version": _TEXT,
            "modelo": _MAYBE_TEXT,
            "minutes": {
                "type": "array",
                "items": minute,
                "minItems": MINUTES,
                "maxItems": MINUTES,
                "description": "Clock minutes, the running one last",
            },
            "last_5_minutes": referred("Stretch"),
            "last_hour": referred("Stretch"),
            "open_requests": _COUNT,
            "waiting_patients": _COUNT,
            "active_accounts": _COUNT,
            "memo": closed(memo),
            "bitacora": closed({"lines": _COUNT, "failures": _COUNT}),
            "drift": {"anyOf": [drift, {"type": "null"}]},
        }
    )


def _stretch() -> Json:
    counts = {"type": "object", "additionalProperties": _COUNT}
    times = closed({"count": _COUNT, "p50": _MS, "p90": _MS, "p99": _MS})
    return closed(
        {
            "requests": _COUNT,
            "by_status": counts,
            "refusals_by_plan": counts,
            "stages_ms": {"type": "object", "additionalProperties": times},
        }
    )


def _line() -> Json:
    members: dict[str, Any] = {
        "v": {"const": 1},
        "ts": _MOMENT,
        "request_id": _TEXT,
        "key_id": _MAYBE_TEXT,
        "plan": _MAYBE_TEXT,
        "method": _TEXT,
        "route": _TEXT,
        "status": {"type": "integer"},
        "ip": _TEXT,
        "riesgo_cardiaco": {"type": ["boolean", "null"]},
        "probabilidad": {"type": ["number", "null"]},
        "modelo": _MAYBE_TEXT,
        "code": _MAYBE_TEXT,
        "timings_ms": {"type": "object", "additionalProperties": {"type": "number"}},
    }
    described = closed(members, description="As it stands in the log, without the patient's values")
    # A line of another version of the service may have more.
    del described["additionalProperties"]
    return described


ACCOUNT_EXAMPLE: Json = {
    "account_id": 7,
    "username": "clinica",
    "email": "clinica@example.org",
    "plan": "freemium",
    "requests_per_minute": 5,
    "active_keys": 1,
    "operator": False,
    "suspended_at": None,
    "created_at": examples.MOMENT,
}
KEYED_EXAMPLE: Json = ACCOUNT_EXAMPLE | {"keys": [examples.KEY]}
LOG_EXAMPLE: Json = {
    "items": [
        {
            "v": 1,
            "ts": "2026-11-22T20:47:23.123456Z",
            "request_id": examples.REQUEST_ID,
            "key_id": examples.KEY_ID,
            "plan": "freemium",
            "method": "POST",
            "route": "/service",
            "status": 429,
            "ip": "127.0.0.1",
            "riesgo_cardiaco": None,
            "probabilidad": None,
            "modelo": examples.MODEL,
            "code": "rate-limited",
            "timings_ms": {"auth": 0.02, "limit": 0.01, "total": 0.11},
        }
    ],
    "searched_bytes": 51200,
    "exhaustive": True,
}
_STRETCH_EXAMPLE: Json = {
    "requests": 7,
    "by_status": {"200": 5, "429": 2},
    "refusals_by_plan": {"freemium": 2},
    "stages_ms": {"total": {"count": 7, "p50": 0.61, "p90": 1.8, "p99": 2.3}},
}
OVERVIEW_EXAMPLE: Json = {
    "at": "2026-11-22T20:47:23.123456Z",
    "version": "0.1.0",
    "modelo": examples.MODEL,
    "minutes": [
        {
            "starts_at": f"2026-11-22T{minute // 60}:{minute % 60:02}:00+00:00",
            "requests": 7 if minute == 20 * 60 + 47 else 0,
            "refusals": 2 if minute == 20 * 60 + 47 else 0,
            "failures": 0,
        }
        for minute in range(20 * 60 + 48 - MINUTES, 20 * 60 + 48)
    ],
    "last_5_minutes": _STRETCH_EXAMPLE,
    "last_hour": _STRETCH_EXAMPLE,
    "open_requests": 1,
    "waiting_patients": 0,
    "active_accounts": 1,
    "memo": {"hits": 6, "refusals": 0, "misses": 1, "known": 1, "refused": 0},
    "bitacora": {"lines": 7, "failures": 0},
    "drift": {
        "computed_at": "2026-11-22T20:47:21.000000Z",
        "answers": 5,
        "other_networks": 0,
        "score": {"name": "probabilidad", "rows": 5, "psi": None, "verdict": "too few rows"},
        "fields": [],
    },
}
