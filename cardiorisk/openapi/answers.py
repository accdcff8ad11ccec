"""The parts that answers share: headers, and the problem documents that errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.errors import ClientClosed, MethodNotAllowed, RateLimited, TooManyAttempts
from cardiorisk.openapi.examples import ASSESSMENT_ID, DETAILS, FAULTS, REQUEST_ID
from cardiorisk.openapi.schemas import closed, referred

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cardiorisk.openapi.words import Json, ProblemRow

PROBLEM_TYPE = "application/problem+json"
EVERY_ANSWER = ("X-Request-ID", "Server-Timing")
METERED = ("RateLimit-Policy", "RateLimit")
_SOMETIMES = {
    "RateLimit-Policy": "once the key is known",
    "RateLimit": "once the key is known",
    "Retry-After": "only where it does",
    "Link": "only where there are more",
}
"""Headers that some of one status's answers have, and which of them."""
_TIMED = {RateLimited.code, TooManyAttempts.code}

_PLAN = '"[a-z][a-z0-9_-]{0,31}"'

HEADERS: dict[str, tuple[str, Json, str]] = {
    "X-Request-ID": (
        "The request's name, also in the request log: yours where it is well formed",
        {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,128}$"},
        REQUEST_ID,
    ),
    "Server-Timing": (
        "Milliseconds of each stage",
        {"type": "string", "pattern": r"^([a-z]+;dur=[0-9.e-]+, )*total;dur=[0-9.e-]+$"},
        "auth;dur=0.02, limit;dur=0.01, validate;dur=0.05, predict;dur=0.8, total;dur=1.02",
    ),
    "RateLimit-Policy": (
        "The plan: `q` requests in `w` seconds",
        {"type": "string", "pattern": f"^{_PLAN};q=[0-9]+;w=60$"},
        '"freemium";q=5;w=60',
    ),
    "RateLimit": (
        "What is left: `r` requests in this minute, which ends in `t` seconds",
        {"type": "string", "pattern": f"^{_PLAN};r=[0-9]+;t=[0-9]+$"},
        '"freemium";r=3;t=18',
    ),
    "Retry-After": (
        "Seconds after which another try makes sense",
        {"type": "integer", "minimum": 1},
        "18",
    ),
    "WWW-Authenticate": (
        "What is wanted in `Authorization`",
        {"type": "string", "pattern": '^Bearer realm="cardiorisk"(, error="invalid_token")?$'},
        'Bearer realm="cardiorisk"',
    ),
    "Allow": (
        "The methods that the path answers",
        {"type": "string", "pattern": "^[A-Z]+(, [A-Z]+)*$"},
        "GET, POST, QUERY",
    ),
    "Location": (
        "Where the assessment is kept, or the page is",
        {"type": "string", "pattern": "^(/predictions/pred_[0-9a-z]+|cuenta)$"},
        f"/predictions/{ASSESSMENT_ID}",
    ),
    "Link": (
        "Where the next ones are",
        {
            "type": "string",
            "pattern": '^</[a-z]+/predict\\?limit=[0-9]+&after=pred_[0-9a-z]+>; rel="next"$',
        },
        f'</premium/predict?limit=100&after={ASSESSMENT_ID}>; rel="next"',
    ),
    "Content-Security-Policy": (
        "What the page may load: the service's own files and nothing else",
        {"type": "string", "pattern": "^default-src 'none'; "},
        "default-src 'none'; script-src 'self'; …",
    ),
}
"""Description, schema and an example of each header, as it is written."""


def header_components() -> Json:
    """Describe the headers, by name; those of some answers only stand a second time as optional."""
    components = {}
    for name, (description, schema, example) in HEADERS.items():
        shown = int(example) if schema["type"] == "integer" else example
        header = {"description": description, "schema": schema, "example": shown}
        components[name] = {"required": True} | header
        if name in _SOMETIMES:
            components[f"{name}.sometimes"] = header | {
                "description": f"{description}; {_SOMETIMES[name]}"
            }
    return components


def headers_of(names: Iterable[str], optional: Iterable[str] = ()) -> Json:
    """Refer to the headers of one answer."""
    found = {name: {"$ref": f"#/components/headers/{name}"} for name in (*EVERY_ANSWER, *names)}
    return found | {name: {"$ref": f"#/components/headers/{name}.sometimes"} for name in optional}


def codes_for_callers(problems: Mapping[str, ProblemRow]) -> list[str]:
    """Return the codes that somebody can receive: who has hung up receives none."""
    return [code for code in problems if code != ClientClosed.code]


def problem_schemas(problems: Mapping[str, ProblemRow]) -> Json:
    """Describe the problem documents; a reader must put up with members that are added later."""
    problem = closed(
        {
            "type": {"type": "string", "pattern": "^urn:cardiorisk:problem:"},
            "title": {"type": "string", "description": "The code in words"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people: what to do"},
            "code": {"enum": codes_for_callers(problems), "description": "Match on this"},
            "request_id": {"type": "string"},
        },
        description="A failure (RFC 9457)",
    )
    del problem["additionalProperties"]
    fault = closed({"field": {"type": "string"}, "detail": {"type": "string"}})
    faults = {"type": "array", "items": referred("Fault"), "minItems": 1}
    return {
        "Problem": problem,
        "Fault": fault | {"description": "What is wrong with one field or parameter"},
        "FieldProblem": {
            "description": "A failure that names every field it is about",
            "allOf": [referred("Problem")],
            "properties": {"errors": faults},
            "required": ["errors"],
        },
    }


def problem_response(codes: list[str], problems: Mapping[str, ProblemRow], access: str) -> Json:
    """Describe the answers of one status: which codes, with which headers, and how they look."""
    rows = [problems[code] for code in codes]
    status = rows[0].status
    extra: list[str] = []
    optional = list(METERED) if access == "metered" else []
    if rows[0].challenge is not None:
        extra.append("WWW-Authenticate")
    timed = [
        row.retry_after_seconds is not None or code in _TIMED
        for code, row in zip(codes, rows, strict=True)
    ]
    if all(timed):
        extra.append("Retry-After")
    elif any(timed):
        optional.append("Retry-After")
    if MethodNotAllowed.code in codes:
        extra.append("Allow")
    name = "FieldProblem" if codes[0] in FAULTS else "Problem"
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {
        "description": "; ".join(
            f"`{code}`: {row.title}" for code, row in zip(codes, rows, strict=True)
        ),
        "headers": headers_of(extra, optional),
        "content": {
            PROBLEM_TYPE: {
                "schema": {"allOf": [referred(name), narrowed]},
                "examples": {code: {"value": _example(code, problems[code])} for code in codes},
            }
        },
    }


def _example(code: str, row: ProblemRow) -> Json:
    document: Json = {
        "type": f"urn:cardiorisk:problem:{code}",
        "title": row.title,
        "status": row.status,
        "detail": DETAILS[code],
        "code": code,
        "request_id": REQUEST_ID,
    }
    return document | ({"errors": [FAULTS[code]]} if code in FAULTS else {})
