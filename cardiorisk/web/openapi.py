"""The API's description, OpenAPI 3.1, written from the routes and the shapes.

Every object that is answered is closed: what a caller may find in it is in here, and the tests hold
every answer to that. Problem documents are open, as RFC 9457 wants.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import TypeAdapter

from cardiorisk.errors import (
    AccountSuspended,
    BodyTooLarge,
    ClientClosed,
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
    ServiceError,
    StoreUnavailable,
    TooManyAttempts,
    WrongXsrfToken,
)
from cardiorisk.limits.window import WINDOW_SECONDS
from cardiorisk.model.card import NOTICE
from cardiorisk.monitoring.queries import LARGEST_NUMBER
from cardiorisk.version import VERSION
from cardiorisk.web.account import RefreshHandler
from cardiorisk.web.files import FILE_NAMES
from cardiorisk.web.handlers import AuthenticatedHandler, IdentifiedHandler, OperatorHandler
from cardiorisk.web.metrics import MetricsHandler
from cardiorisk.web.problems import CONTENT_TYPE, FIELD_PROBLEMS, PROBLEMS, problem_document
from cardiorisk.web.reader import BODY_LIMIT_BYTES
from cardiorisk.web.shapes import FieldProblemAnswer, Json, ProblemAnswer, Sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cardiorisk.web.operations import Operation, Route

JSON_TYPE = "application/json"
_SCHEMAS = "#/components/schemas/"
_TAGS = {
    "service": "The service itself: assess a patient, keep nothing",
    "predictions": "Assessments that are kept, each account's own",
    "account": "Register, log in, change the plan; guarded by limits on attempts",
    "keys": "Your own API keys",
    "original": "The original system's routes, with its names and its answers",
    "operation": "What operators and readers ask",
    "operators": "How the service is, and everybody's accounts; for operators alone",
}
_SECURITY_SCHEMES: Json = {
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
_Security = list[dict[str, list[str]]]
_KEY: _Security = [{"apiKey": []}, {"bearer": []}]
_ALWAYS = (BodyTooLarge, InternalFailure, LogUnavailable)
_TOKEN = (MissingKey, InvalidKey, AccountSuspended, Overloaded, StoreUnavailable)
_KNOWN = (*_TOKEN, WrongXsrfToken)
_ACCESSES: tuple[tuple[type, _Security, tuple[type[ServiceError], ...]], ...] = (
    (AuthenticatedHandler, _KEY, (*_KNOWN, RateLimited)),
    (MetricsHandler, [{}, *_KEY], (*_KNOWN, OperatorOnly)),
    (OperatorHandler, _KEY, (*_KNOWN, OperatorOnly)),
    (IdentifiedHandler, _KEY, _KNOWN),
    (RefreshHandler, [{"refreshToken": []}], _TOKEN),
    (object, [], ()),
)
"""By the rung that a handler stands on, the highest first: how to say who is calling, and what
those are answered who may not come in."""
_DESCRIPTION = (
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
    f"label says, up to {BODY_LIMIT_BYTES // 1024} KiB.\n\n"
    "**QUERY** (RFC 10008) has no place of its own in OpenAPI 3.1: see `x-query` of `/service`."
)

_ID = "5b6c1f0e9d8a47c2b3e4f5a697887766"
_PLAN = '"[a-z][a-z0-9_-]{0,31}"'
_HEADERS: dict[str, tuple[str, str, str, str]] = {
    "X-Request-ID": (
        "The request's name, also in the request log: yours where it is well formed",
        "",
        "^[A-Za-z0-9._~-]{1,128}$",
        _ID,
    ),
    "Server-Timing": (
        "Milliseconds of each stage",
        "",
        r"^([a-z]+;dur=[0-9.e-]+, )*total;dur=[0-9.e-]+$",
        "auth;dur=0.02, limit;dur=0.01, validate;dur=0.05, predict;dur=0.8, total;dur=1.02",
    ),
    "RateLimit-Policy": (
        "The plan: `q` requests in `w` seconds",
        "once the key is known",
        f"^{_PLAN};q=[0-9]+;w={WINDOW_SECONDS}$",
        '"freemium";q=5;w=60',
    ),
    "RateLimit": (
        "What is left: `r` requests in this minute, which ends in `t` seconds",
        "once the key is known",
        f"^{_PLAN};r=[0-9]+;t=[0-9]+$",
        '"freemium";r=3;t=18',
    ),
    "Retry-After": ("Seconds after which another try makes sense", "only where it does", "", "18"),
    "WWW-Authenticate": (
        "What is wanted in `Authorization`",
        "",
        '^Bearer realm="cardiorisk"(, error="invalid_token")?$',
        'Bearer realm="cardiorisk"',
    ),
    "Allow": (
        "The methods that the path answers",
        "",
        "^[A-Z]+(, [A-Z]+)*$",
        "GET, POST, QUERY",
    ),
    "Location": (
        "Where the assessment is kept, or the page is",
        "",
        "^(/predictions/pred_[0-9a-z]+|cuenta)$",
        "/predictions/pred_0mc4f8k2t7q67h3n5xk9w2c4bta",
    ),
    "Link": (
        "Where the next ones are",
        "only where there are more",
        '^</[a-z]+/predict\\?limit=[0-9]+&after=pred_[0-9a-z]+>; rel="next"$',
        '</premium/predict?limit=100&after=pred_0mc4f8k2t7q67h3n5xk9w2c4bta>; rel="next"',
    ),
    "Content-Security-Policy": (
        "What the page may load: the service's own files and nothing else",
        "",
        "^default-src 'none'; ",
        "default-src 'none'; script-src 'self'; …",
    ),
}
"""Description, when it is there if not always, pattern (none for seconds), and an example."""
_MOMENTS = {"date-time": "2026-11-22T20:47:23.123456+00:00", "date": "2026-11-22"}
_EVERY_ANSWER = ("X-Request-ID", "Server-Timing")
_METERED = ("RateLimit-Policy", "RateLimit")
_REQUEST_ID: Json = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "Your own name for the request, 1 to 128 of `A-Z a-z 0-9 . _ ~ -`; "
    "anything else is replaced",
    # No example: the page would send it with every request that is tried.
    "schema": {"type": "string"},
}
_KEY_ID: Json = {"description": "The id of a key", "example": "key_3f9a1c7be204"}
_IDS: dict[str, Json] = {
    "/account": _KEY_ID,
    "/operator": {
        "description": "The number of an account",
        "example": 7,
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER},
    },
    "": {
        "description": "The id of a kept assessment",
        "example": "pred_0mc4f8k2t7q67h3n5xk9w2c4bta",
    },
}
"""What ``{id}`` is, by how the path begins."""


def describe(routes: Iterable[Route]) -> Json:
    """Return the OpenAPI document."""
    routes = tuple(routes)
    writer = _Writer(_schemas(routes))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cardiorisk",
            "version": VERSION,
            "summary": "Estimates cardiac risk from six values with a small neural network",
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {route.template: writer.path(route) for route in routes},
        "components": {
            "schemas": writer.schemas,
            "responses": writer.responses,
            "headers": _header_components(),
            "parameters": {"X-Request-ID": _REQUEST_ID},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def expected_answers(routes: Iterable[Route]) -> Iterator[tuple[str, str, int]]:
    """Give the method, the path and the status of every answer that the description has."""
    for route in routes:
        for method, operation in route.operations.items():
            codes = _codes(route, operation)
            statuses = {operation.status, *(PROBLEMS[code].status for code in codes)}
            statuses |= {303} if operation.redirection else set()
            yield from ((method, route.template, status) for status in sorted(statuses))


class _Writer:
    """Writes paths, and collects the answers that they share."""

    def __init__(self, described: Json) -> None:
        self._described = described
        self.schemas = {
            name: schema for name, schema in described.items() if not name.endswith("Parameters")
        }
        self.responses: Json = {
            "NotFound": self._problems([NotFound.code], is_metered=False),
            "MethodNotAllowed": self._problems([MethodNotAllowed.code], is_metered=False),
        }

    def path(self, route: Route) -> Json:
        operations = {
            "x-query" if method == "QUERY" else method.lower(): self._operation(
                route, method, operation
            )
            for method, operation in route.operations.items()
        }
        request_id = {"$ref": "#/components/parameters/X-Request-ID"}
        return {"parameters": [request_id, *_path_parameters(route.template)], **operations}

    def _operation(self, route: Route, method: str, operation: Operation) -> Json:
        summary, _, more = operation.documentation.partition("\n\n")
        described: Json = {
            "operationId": operation.name,
            "tags": [route.tag],
            "summary": summary.removesuffix("."),
            "description": " ".join((more or summary).split()),
            "security": _security(route),
        }
        if operation.query:
            described["parameters"] = list(self._parameters(operation))
        if operation.body:
            described["requestBody"] = self._body(operation.body)
        answers = {str(operation.status): self._success(route, method, operation)}
        if operation.redirection:
            headers = _headers(("Location",))
            answers["303"] = {"description": operation.redirection, "headers": headers}
        return described | {"responses": answers | self._failures(route, method, operation)}

    def _parameters(self, operation: Operation) -> Iterator[Json]:
        for shape in operation.query:
            schema = self._described[_name(shape)]
            for name, member in schema["properties"].items():
                is_required = name in schema.get("required", ())
                more = {"required": True} if is_required else {}
                if examples := member.get("examples"):
                    more["example"] = examples[0]
                left_out = "; left out where the request has a body" if is_required else ""
                yield {
                    "name": name,
                    "in": "query",
                    "description": member["description"] + left_out,
                    "schema": {part: member[part] for part in member if part != "description"},
                    **more,
                }

    def _body(self, shape: type[Sent]) -> Json:
        schema = self.schemas[_name(shape)]
        examples = shape.examples or (_example(schema, self.schemas, is_whole=True),)
        shown = {f"example {n}": {"value": value} for n, value in enumerate(examples, 1)}
        content = {JSON_TYPE: {"schema": _reference(shape), "examples": shown}}
        return {
            "description": schema["description"],
            "required": not shape.is_optional,
            "content": content,
        }

    def _success(self, route: Route, method: str, operation: Operation) -> Json:
        description = operation.answer
        content: Json = {kind: {"schema": {"type": "string"}} for kind in operation.content_types}
        if operation.gives is not None:
            schema = _reference(operation.gives)
            example = _example(schema, self.schemas)
            content = {JSON_TYPE: {"schema": schema, "example": example}}
            if "$ref" in schema:
                description = self.schemas[_name(operation.gives)]["description"]
        metered = _METERED if _is_metered(route) else ()
        described: Json = {
            "description": description,
            "headers": _headers((*metered, *operation.headers), operation.optional_headers),
        }
        return described | ({"content": content} if content and method != "HEAD" else {})

    def _failures(self, route: Route, method: str, operation: Operation) -> Json:
        """Refer to the failures by status, and add those that nothing has referred to yet."""
        codes = _codes(route, operation)
        by_status: dict[int, list[str]] = {}
        for code, problem in PROBLEMS.items():
            if code in codes:
                by_status.setdefault(problem.status, []).append(code)
        is_metered = _is_metered(route)
        suffix = (".metered" if is_metered else "") + (".head" if method == "HEAD" else "")
        found = {}
        for status, named in sorted(by_status.items()):
            name = ".".join(named) + suffix
            if name not in self.responses:
                self.responses[name] = self._problems(named, is_metered=is_metered)
                if method == "HEAD":
                    del self.responses[name]["content"]
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found

    def _problems(self, codes: list[str], *, is_metered: bool) -> Json:
        """Describe the answers of one status: which codes, with which headers, how they look."""
        rows = [PROBLEMS[code] for code in codes]
        required = ["WWW-Authenticate"] if rows[0].challenge else []
        required += ["Allow"] if MethodNotAllowed.code in codes else []
        optional = list(_METERED) if is_metered else []
        timed = [
            row.retry_after_seconds is not None or code in {RateLimited.code, TooManyAttempts.code}
            for code, row in zip(codes, rows, strict=True)
        ]
        if any(timed):
            (required if all(timed) else optional).append("Retry-After")
        shape = FieldProblemAnswer if codes[0] in FIELD_PROBLEMS else ProblemAnswer
        narrowed = {
            "properties": {
                "status": {"type": "integer", "enum": [rows[0].status]},
                "code": {"type": "string", "enum": codes},
            }
        }
        schema = _reference(shape)
        example = _example(schema, self.schemas)
        return {
            "description": "; ".join(
                f"`{code}`: {row.title}" for code, row in zip(codes, rows, strict=True)
            ),
            "headers": _headers(required, optional),
            "content": {
                CONTENT_TYPE: {
                    "schema": {"allOf": [schema, narrowed]},
                    "examples": {
                        code: {"value": {**example, **problem_document(code, row.title, _ID)}}
                        for code, row in zip(codes, rows, strict=True)
                    },
                }
            },
        }


def _security(route: Route) -> _Security:
    return next(security for rung, security, _ in _ACCESSES if issubclass(route.handler, rung))


def _codes(route: Route, operation: Operation) -> set[str]:
    """Return the codes of all that may go wrong with an operation."""
    refused = next(errors for rung, _, errors in _ACCESSES if issubclass(route.handler, rung))
    sent = [shape for shape in (*operation.query, operation.body) if shape is not None]
    unreadable = (MalformedBody,) if sent or "{" in route.template else ()
    refusals = (shape.refusal for shape in sent)
    errors = (*_ALWAYS, *refused, *operation.problems, *unreadable, *refusals)
    return {error.code for error in errors}


def _is_metered(route: Route) -> bool:
    return issubclass(route.handler, AuthenticatedHandler)


def _schemas(routes: tuple[Route, ...]) -> Json:
    """Describe every shape that is asked, sent or answered, by name."""
    shapes: list[Any] = [ProblemAnswer, FieldProblemAnswer]
    for route in routes:
        for operation in route.operations.values():
            shapes += [*operation.query, operation.body, operation.gives]
    shown = [shape for shape in dict.fromkeys(shapes) if shape is not None]
    _, described = TypeAdapter.json_schemas(
        [(place, "validation", TypeAdapter(shape)) for place, shape in enumerate(shown)],
        ref_template=_SCHEMAS + "{model}",
    )
    schemas: Json = {
        _plain_name(name): _plain(schema) for name, schema in described["$defs"].items()
    }
    codes = [code for code in PROBLEMS if code != ClientClosed.code]
    for name in ("Problem", "FieldProblem"):
        schemas[name]["properties"]["code"]["enum"] = codes
    return schemas


def _plain(part: Any) -> Any:
    """Return a schema of pydantic's as we write it, with everything in it."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {name: _plain(inner) for name, inner in part.items()}
    if isinstance(plain.get("title"), str):
        del plain["title"]
    if isinstance(text := plain.get("description"), str):
        plain["description"] = " ".join(text.partition("\n\n")[0].split())
    if isinstance(reference := plain.get("$ref"), str):
        plain["$ref"] = _plain_name(reference)
    if "properties" in plain:
        plain.setdefault("additionalProperties", False)
    return _simple(plain)


def _simple(schema: Json) -> Json:
    """Write a schema so that clients can be generated from it: with types, and with ``items``."""
    default = schema.get("default", ...)
    if default is None:
        del schema["default"]
    elif isinstance(default, bool):
        schema["default"] = int(default)
    if "prefixItems" in schema:
        schema["items"] = schema.pop("prefixItems")[0]
    match schema.get("anyOf"):
        case [{"type": str(kind)} as known, {"type": "null"}]:
            del schema["anyOf"]
            return {**known, "type": [kind, "null"], **schema}
    return schema


def _plain_name(name: str) -> str:
    return name.removesuffix("Answer").removesuffix("Body")


def _name(shape: Any) -> str:
    return _plain_name(shape.__name__)


def _reference(shape: Any) -> Json:
    if get_origin(shape) is list:
        return {"type": "array", "items": _reference(get_args(shape)[0])}
    return {"$ref": _SCHEMAS + _name(shape)}


def _example(schema: Json, schemas: Json, *, is_whole: bool = False) -> Any:
    """Make an example out of those of the members: of all of them, or of those always there."""
    if "$ref" in schema and "examples" not in schema:
        schema = schemas[schema["$ref"].removeprefix(_SCHEMAS)]
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first}:
            return first
        case {"type": "object"}:
            members = schema.get("properties", {})
            names = members if is_whole else schema.get("required", ())
            return {name: _example(members[name], schemas) for name in members if name in names}
        case {"type": "array"}:
            return [_example(schema["items"], schemas)] * schema.get("minItems", 1)
        case {"type": "string"}:
            return _MOMENTS.get(schema.get("format", ""), "…")
        case {"type": "integer" | "number"}:
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    return False if schema.get("type") == "boolean" else None  # which others may be


def _path_parameters(template: str) -> Iterator[Json]:
    described: dict[str, Json] = {
        "id": next(part for start, part in _IDS.items() if template.startswith(start)),
        "key_id": _KEY_ID,
        "file": {
            "description": "The name of a file",
            "schema": {"type": "string", "enum": list(FILE_NAMES)},
        },
    }
    for name in re.findall(r"\{([a-z_]+)\}", template):
        text = {"schema": {"type": "string", "minLength": 1}}
        yield {"name": name, "in": "path", "required": True} | text | described[name]


def _headers(required: Iterable[str], optional: Iterable[str] = ()) -> Json:
    found = {name: {"$ref": f"#/components/headers/{name}"} for name in (*_EVERY_ANSWER, *required)}
    return found | {name: {"$ref": f"#/components/headers/{name}.sometimes"} for name in optional}


def _header_components() -> Json:
    """Describe the headers; those of some answers only stand a second time, as optional."""
    components: Json = {}
    for name, (description, sometimes, pattern, example) in _HEADERS.items():
        schema = {"type": "string", "pattern": pattern} if pattern else _SECONDS
        shown = example if pattern else int(example)
        header = {"description": description, "schema": schema, "example": shown}
        components[name] = {"required": True} | header
        if sometimes:
            components[f"{name}.sometimes"] = header | {
                "description": f"{description}; {sometimes}"
            }
    return components


_SECONDS = {"type": "integer", "minimum": 1}
