"""The parameters of requests: in the path, in the query string, in headers; and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.accounts.assessments import DEFAULT_PAGE, LARGEST_PAGE
from cardiorisk.monitoring.queries import (
    DEFAULT_ACCOUNTS,
    DEFAULT_LINES,
    LARGEST_NUMBER,
    LONGEST_TEXT,
    MOST_ACCOUNTS,
    MOST_LINES,
    STATUS_PATTERN,
)
from cardiorisk.openapi import examples
from cardiorisk.openapi.schemas import ASSESSMENT_ID, field_schema
from cardiorisk.patients.patient import FIELDS

if TYPE_CHECKING:
    from cardiorisk.openapi.words import Json

EXPLAIN = "explicar"
CURVES = "curvas"
LOG_PARAMETERS = tuple(
    f"log.{name}" for name in ("status", "route", "code", "key", "account", "limit")
)
ACCOUNT_PARAMETERS = ("accounts.search", "accounts.after", "accounts.limit")
LARGE_LIMIT = "limit.large"
"""The component of a ``limit`` that is the largest page where it is not sent."""


def path_item(template: str, file_names: tuple[str, ...]) -> Json:
    """Describe what all the methods of a path have in common."""
    parameters: list[Json] = [{"$ref": "#/components/parameters/X-Request-ID"}]
    if "{id}" in template:
        example: Any = examples.ASSESSMENT_ID
        schema: Json = {"type": "string", "minLength": 1}
        if template.startswith("/account"):
            example = examples.KEY_ID
        elif template.startswith("/operator"):
            example, schema = 7, {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}
        parameters.append(
            {"name": "id", "in": "path", "required": True, "example": example} | {"schema": schema}
        )
    if "{key_id}" in template:
        name: Json = {"name": "key_id", "in": "path", "required": True}
        text = {"type": "string", "minLength": 1}
        parameters.append(name | {"example": examples.KEY_ID, "schema": text})
    if "{file}" in template:
        names = list(file_names)
        parameters.append(
            {"name": "file", "in": "path", "required": True, "schema": {"enum": names}}
        )
    return {"parameters": parameters}


def parameter_components() -> Json:
    """Describe the parameters, by name."""
    fields = {
        field.wire_name: {
            "name": field.wire_name,
            "in": "query",
            "required": True,
            "description": "Left out where the request has a body",
            "schema": field_schema(field),
            "example": examples.PATIENT[field.wire_name],
        }
        for field in FIELDS
    }
    limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": DEFAULT_PAGE}
    return fields | {
        EXPLAIN: {
            "name": EXPLAIN,
            "in": "query",
            "description": "Whether the answer is to say why: `base`, `contribuciones` and "
            "`explicacion`",
            "schema": {"enum": [0, 1, False, True], "default": 0},
        },
        CURVES: {
            "name": CURVES,
            "in": "query",
            "description": "Whether the answer is to have `curvas`: the probability as each value "
            "moves over its range and the others stay",
            "schema": {"enum": [0, 1, False, True], "default": 0},
        },
        "limit": {
            "name": "limit",
            "in": "query",
            "description": "How many at most",
            "schema": limit,
        },
        LARGE_LIMIT: {
            "name": "limit",
            "in": "query",
            "description": "How many at most",
            "schema": limit | {"default": LARGEST_PAGE},
        },
        "after": {
            "name": "after",
            "in": "query",
            "description": "The last id of the page before, which gives it as `after`",
            "schema": ASSESSMENT_ID,
        },
        **_operator_components(),
        "X-Request-ID": {
            "name": "X-Request-ID",
            "in": "header",
            "description": "Your own name for the request, 1 to 128 of `A-Z a-z 0-9 . _ ~ -`; "
            "anything else is replaced",
            # No example: the page would send it with every request that is tried.
            "schema": {"type": "string"},
        },
    }


def _operator_components() -> Json:
    """Describe what operators may ask for, by name."""
    text: Json = {"type": "string", "maxLength": LONGEST_TEXT}
    wanted: dict[str, tuple[str, Json]] = {
        "log.status": (
            "A status, or all of a class",
            {"type": "string", "pattern": STATUS_PATTERN},
        ),
        "log.route": ("A route's template, as it stands in the log", text),
        "log.code": ("The code of an error", text),
        "log.key": ("The id of a key; an access token's begins with `jwt_`", text),
        "log.account": (
            "The name of an account: the lines of its keys; its tokens have ids of their own",
            text,
        ),
        "log.limit": ("How many lines at most", _most(DEFAULT_LINES, MOST_LINES)),
        "accounts.search": (
            "Part of a name or an address, the id of a key, or the characters shown of one",
            text,
        ),
        "accounts.after": (
            "The number to go on after",
            {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
        ),
        "accounts.limit": ("How many at most", _most(DEFAULT_ACCOUNTS, MOST_ACCOUNTS)),
    }
    return {
        name: {
            "name": name.partition(".")[2],
            "in": "query",
            "description": description,
            "schema": schema,
        }
        for name, (description, schema) in wanted.items()
    }


def _most(default: int, maximum: int) -> Json:
    return {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}


def security_schemes() -> Json:
    """Describe the ways to say who is calling."""
    return {
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "An API key (`crk_…`) or an access token, alone in the header",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The same after `Bearer`: an API key or an access token",
        },
        "refreshToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "A refresh token, for `POST /refresh` alone",
        },
    }
