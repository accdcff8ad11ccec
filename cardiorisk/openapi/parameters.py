"""The parameters of requests: in the path, in the query string, in headers; and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.assessments import DEFAULT_PAGE, LARGEST_PAGE
from cardiorisk.openapi import examples
from cardiorisk.openapi.schemas import ASSESSMENT_ID, field_schema
from cardiorisk.patient import FIELDS

if TYPE_CHECKING:
    from cardiorisk.openapi.words import Json

EXPLAIN = "explicar"
CURVES = "curvas"
LARGE_LIMIT = "limit.large"
"""The component of a ``limit`` that is the largest page where it is not sent."""


def path_item(template: str, file_names: tuple[str, ...]) -> Json:
    """Describe what all the methods of a path have in common."""
    parameters: list[Json] = [{"$ref": "#/components/parameters/X-Request-ID"}]
    if "{id}" in template:
        example = examples.KEY_ID if template.startswith("/account") else examples.ASSESSMENT_ID
        parameters.append(
            {"name": "id", "in": "path", "required": True, "example": example}
            | {"schema": {"type": "string", "minLength": 1}}
        )
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
        "X-Request-ID": {
            "name": "X-Request-ID",
            "in": "header",
            "description": "Your own name for the request, 1 to 128 of `A-Z a-z 0-9 . _ ~ -`; "
            "anything else is replaced",
            # No example: the page would send it with every request that is tried.
            "schema": {"type": "string"},
        },
    }


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
