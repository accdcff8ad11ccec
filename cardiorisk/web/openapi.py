"""The API's description, OpenAPI 3.1, written from the routes, the shapes and ``api.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from cardiorisk import errors
from cardiorisk.config import VERSION
from cardiorisk.web import account, handlers, problems
from cardiorisk.web.operations import SPOKEN, Operation, Route
from cardiorisk.web.problems import PROBLEMS
from cardiorisk.web.shapes import FieldProblemAnswer, Json, ProblemAnswer, Sent
from cardiorisk.web.status import MetricsHandler

Security = list[dict[str, list[str]]]

_HERE = Path(__file__).parent
_JSON_TYPE = "application/json"
_SCHEMAS = "#/components/schemas/"
_ALWAYS = (
    *(errors.InvalidQuery, errors.BodyTimeout, errors.BodyTooLarge, errors.UnsupportedCoding),
    *(errors.InternalFailure, errors.LogUnavailable),
)
_TOKEN = (
    *(errors.MissingKey, errors.InvalidKey, errors.AccountSuspended),
    *(errors.Overloaded, errors.StoreUnavailable),
)
_KNOWN = (*_TOKEN, errors.WrongXsrfToken)
_LIMITED = (*_KNOWN, errors.RateLimited, errors.LimitsUnavailable)
_KEY: Security = [{"apiKey": []}, {"bearer": []}]
# Rungs of the ladder, the highest first: how a caller is known there, and how it is refused.
_RUNGS: tuple[tuple[type, Security, tuple[type[errors.ServiceError], ...]], ...] = (
    (handlers.AssessingHandler, _KEY, (*_LIMITED, errors.NotReady)),
    (handlers.AuthenticatedHandler, _KEY, _LIMITED),
    (MetricsHandler, [{}, *_KEY], (*_KNOWN, errors.OperatorOnly)),
    (handlers.OperatorHandler, _KEY, (*_KNOWN, errors.OperatorOnly)),
    (handlers.IdentifiedHandler, _KEY, _KNOWN),
    (account.RegisterHandler, [{}, *_KEY], _TOKEN),
    (account.RefreshHandler, [{"refreshToken": []}], _TOKEN),
    (object, [], ()),
)
# Whose id ``{id}`` is in a path, by how the path begins.
_IDS = (("/account", "key"), ("/operator", "account"), ("/", "assessment"))
_METERED = ("RateLimit-Policy", "RateLimit")
_REQUEST_ID = "5b6c1f0e9d8a47c2b3e4f5a697887766"
_FAULT = {"field": "edad", "detail": "must be an integer from 0 to 99 (years)"}


def describe(routes: Iterable[Route]) -> Json:
    routes = tuple(routes)
    document: Json = json.loads((_HERE / "api.json").read_text(encoding="utf-8"))
    paragraphs = (_HERE / "api.md").read_text(encoding="utf-8").split("\n\n")
    words = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    document["info"] |= {"version": VERSION, "description": words}
    components = document["components"]
    components["headers"] = _header_components(components["headers"])
    writer = _Writer(_schemas(routes))
    document["paths"] = {route.template: writer.path(route) for route in routes}
    components |= {"schemas": writer.schemas, "responses": writer.responses}
    headers, used = components["headers"], json.dumps([document["paths"], writer.responses])
    components["headers"] = {name: headers[name] for name in headers if f'/{name}"' in used}
    # Not in ``components``, where readers expect what operations refer to.
    document["x-anywhere"] = writer.anywhere | {"headers": {"Allow": headers["Allow"]}}
    return document


def expected_answers(routes: Iterable[Route]) -> Iterator[tuple[str, str, int]]:
    for route in routes:
        for method, operation in route.operations.items():
            statuses = {PROBLEMS[code].status for code in _codes(route, operation)}
            statuses.add(operation.status)
            yield from ((method, route.template, status) for status in sorted(statuses))


class _Writer:
    def __init__(self, described: Json) -> None:
        self._described = described
        self.schemas = {
            name: schema for name, schema in described.items() if not name.endswith("Parameters")
        }
        self.responses: Json = {}
        kinds = (problems.CONTENT_TYPE, _JSON_TYPE)
        self.anywhere: Json = {
            "NotFound": self._problems([errors.NotFound.code], *kinds),
            "MethodNotAllowed": self._problems([errors.MethodNotAllowed.code], *kinds),
            "Options": {"description": "Which methods there are", "headers": _headers(["Allow"])},
        }

    def path(self, route: Route) -> Json:
        names = re.findall(r"\{([a-z_]+)\}", route.template)
        whose = next(name for start, name in _IDS if route.template.startswith(start))
        parameters = ["X-Request-ID", *(whose if name == "id" else name for name in names)]
        item: Json = {
            "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
        }
        for method, operation in route.operations.items():
            key = "x-query" if method == "QUERY" else method.lower()
            item[key] = self._operation(route, method, operation)
        return item

    def _operation(self, route: Route, method: str, operation: Operation) -> Json:
        summary, _, more = operation.documentation.partition("\n\n")
        answers = {str(operation.status): self._success(route, method, operation)}
        described: Json = {
            "operationId": operation.name,
            "tags": [route.tag],
            "summary": summary.removesuffix("."),
            "description": " ".join((more or summary).split()),
            "security": _rung(route)[0],
            "responses": answers | self._failures(route, method, operation),
        }
        if operation.query:
            described["parameters"] = list(self._parameters(operation))
        if operation.body:
            described["requestBody"] = self._body(operation.body)
        return described

    def _parameters(self, operation: Operation) -> Iterator[Json]:
        for shape in operation.query:
            schema = self._described[_name(shape)]
            for name, member in schema["properties"].items():
                parameter = {"name": name, "in": "query", "description": member["description"]}
                parameter["schema"] = {part: member[part] for part in member.keys() - parameter}
                if name in schema.get("required", ()):
                    parameter["description"] += "; left out where the request has a body"
                    parameter |= {"required": True, "example": member["examples"][0]}
                yield parameter

    def _body(self, shape: type[Sent]) -> Json:
        return {
            "description": self.schemas[_name(shape)]["description"],
            "required": not shape.is_optional,
            "content": {_JSON_TYPE: {"schema": _reference(shape)}},
        }

    def _success(self, route: Route, method: str, operation: Operation) -> Json:
        description = operation.answer
        content: Json = {kind: {"schema": {"type": "string"}} for kind in operation.content_types}
        if operation.gives is not None:
            schema = _reference(operation.gives)
            content[_JSON_TYPE] = {"schema": schema}
            if "$ref" in schema:
                description = self.schemas[_name(operation.gives)]["description"]
        required, optional = operation.headers, operation.optional_headers
        if _is_metered(route):
            is_sure = {} not in _rung(route)[0]
            required += _METERED if is_sure else ()
            optional += () if is_sure else _METERED
        headers = _headers(required, optional)
        described = {"description": description, "headers": headers}
        return described | ({"content": content} if content and method != "HEAD" else {})

    def _failures(self, route: Route, method: str, operation: Operation) -> Json:
        codes = _codes(route, operation)
        by_status: dict[int, list[str]] = {}
        for code, problem in PROBLEMS.items():
            if code in codes:
                by_status.setdefault(problem.status, []).append(code)
        is_metered, kind = _is_metered(route), problems.content_type_of(route.template)
        suffix = ".metered" if is_metered else ""
        suffix += (".head" if method == "HEAD" else "") + (".v2" if kind == _JSON_TYPE else "")
        found = {}
        for status, named in sorted(by_status.items()):
            name = ".".join(named) + suffix
            if name not in self.responses:
                self.responses[name] = self._problems(named, kind, is_metered=is_metered)
                if method == "HEAD":
                    del self.responses[name]["content"]
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found

    def _problems(self, codes: list[str], *kinds: str, is_metered: bool = False) -> Json:
        rows = {code: PROBLEMS[code] for code in codes}
        first = rows[codes[0]]
        required = ["WWW-Authenticate"] if first.status == HTTPStatus.UNAUTHORIZED else []
        required += ["Allow"] if errors.MethodNotAllowed.code in codes else []
        required += ["Accept-Encoding"] if errors.UnsupportedCoding.code in codes else []
        optional = list(SPOKEN) if errors.InvalidPatient.code in codes else []
        optional += _METERED if is_metered else ()
        timed = {code for code, row in rows.items() if row.retry_after_seconds is not None}
        timed |= rows.keys() & {errors.RateLimited.code, errors.TooManyAttempts.code}
        if timed:
            (required if timed == rows.keys() else optional).append("Retry-After")
        has_fields = problems.FIELD_PROBLEMS.issuperset(codes)
        shape = _reference(FieldProblemAnswer if has_fields else ProblemAnswer)
        faults = {"errors": [_FAULT]} if has_fields else {}
        examples = {
            code: {"value": {**problems.problem_document(code, row.title, _REQUEST_ID), **faults}}
            for code, row in rows.items()
        }
        return {
            "description": "; ".join(f"`{code}`: {row.title}" for code, row in rows.items()),
            "headers": _headers(required, optional),
            "content": {kind: {"schema": shape, "examples": examples} for kind in kinds},
        }


def _rung(route: Route) -> tuple[Security, tuple[type[errors.ServiceError], ...]]:
    return next(
        (security, refused)
        for handler, security, refused in _RUNGS
        if issubclass(route.handler, handler)
    )


def _is_metered(route: Route) -> bool:
    return issubclass(route.handler, handlers.IdentifiedHandler)


def _codes(route: Route, operation: Operation) -> set[str]:
    found: set[type[errors.ServiceError]] = {*_ALWAYS, *_rung(route)[1], *operation.problems}
    sent = [shape for shape in (*operation.query, operation.body) if shape is not None]
    found.update(shape.refusal for shape in sent)
    if sent or "{" in route.template:
        found.add(errors.MalformedBody)
    return {error.code for error in found}


def _schemas(routes: tuple[Route, ...]) -> Json:
    shapes = [ProblemAnswer, FieldProblemAnswer] + [
        shape
        for route in routes
        for operation in route.operations.values()
        for shape in (*operation.query, operation.body, operation.gives)
        if shape is not None
    ]
    _, described = TypeAdapter.json_schemas(
        [(shape, "validation", TypeAdapter(shape)) for shape in dict.fromkeys(shapes)],
        ref_template=_SCHEMAS + "{model}",
    )
    schemas: Json = {_plain_name(name): _plain(part) for name, part in described["$defs"].items()}
    for name in ("Problem", "FieldProblem"):
        codes = [code for code in PROBLEMS if code != errors.ClientClosed.code]
        schemas[name]["properties"]["code"]["enum"] = codes
    return schemas


def _plain(part: Any) -> Any:
    """Return a schema of pydantic's so that clients can be generated from it, parts and all."""
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
    default = plain.pop("default", None)
    if default is not None:
        plain["default"] = int(default) if isinstance(default, bool) else default
    if "prefixItems" in plain:
        plain["items"] = plain.pop("prefixItems")[0]
    match plain.get("anyOf"):
        case [{"type": str(kind)} as known, {"type": "null"}]:
            del plain["anyOf"]
            return {**known, "type": [kind, "null"], **plain}
    return plain


def _plain_name(name: str) -> str:
    return name.removesuffix("Answer").removesuffix("Body")


def _name(shape: Any) -> str:
    return _plain_name(shape.__name__)


def _reference(shape: Any) -> Json:
    inner = get_args(shape)  # of a list
    if inner:
        return {"type": "array", "items": _reference(inner[0])}
    return {"$ref": _SCHEMAS + _name(shape)}


def _headers(required: Iterable[str], optional: Iterable[str] = ()) -> Json:
    names = ["X-Request-ID", "Server-Timing", *required]
    found = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if "Allow" in found:
        found["Allow"] = {"$ref": "#/x-anywhere/headers/Allow"}
    return found | {name: {"$ref": f"#/components/headers/{name}.sometimes"} for name in optional}


def _header_components(headers: Json) -> Json:
    """Describe the headers; those of some answers only stand a second time, as optional."""
    components: Json = {}
    for name, header in headers.items():
        sometimes = header.pop("x-sometimes", "")
        components[name] = {"required": True} | header
        if sometimes:
            description = f"{header['description']}; {sometimes}"
            components[f"{name}.sometimes"] = header | {"description": description}
    return components
