"""Whether an answer is one that the API's description has: its status, headers and body.

Every answer that a test receives through ``tests.support.Caller`` is held to this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from tornado.httpclient import HTTPResponse

from cardiorisk.routes import API_ROUTES, ROUTES
from cardiorisk.web.openapi import describe
from cardiorisk.web.problems import CONTENT_TYPE as PROBLEM_TYPE
from cardiorisk.web.reader import path_pattern

_ROUTES = [re.compile(path_pattern(route.template)) for route in ROUTES]
_PAGES = [re.compile(path_pattern(route.template)) for route in ROUTES if not route.tag]
_DOCUMENT_URI = "urn:cardiorisk:openapi"


@cache
def description() -> dict[str, Any]:
    """Return the description as a reader gets it: after JSON, and not Python's own objects."""
    found: dict[str, Any] = json.loads(json.dumps(describe(API_ROUTES)))
    return found


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference inside the description, where there is one."""
    while "$ref" in part:
        found: Any = description()
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Make a validator of a schema that may refer to parts of the description."""
    resource = DRAFT202012.create_resource(description())
    registry: Registry[Any] = Registry().with_resource(_DOCUMENT_URI, resource)
    return Draft202012Validator(
        _absolute(schema),
        registry=registry,
        format_checker=FormatChecker(["date-time", "email"]),
    )


def require_described(response: HTTPResponse) -> None:
    """Fail unless the answer is described."""
    path = urlsplit(response.request.url).path
    content_type = response.headers.get("Content-Type", "")
    is_problem = content_type == PROBLEM_TYPE
    # What leads nowhere is told to a browser as a page, and a page is no part of the API.
    is_told_as_page = response.code == 404 and content_type.startswith("text/html")
    is_nowhere = is_told_as_page and not any(route.fullmatch(path) for route in _ROUTES)
    if is_nowhere or (not is_problem and any(page.fullmatch(path) for page in _PAGES)):
        return
    described = _responses(path, response.request.method)
    where = f"{response.request.method} {path} -> {response.code}"
    assert str(response.code) in described, f"{where} is not described: {sorted(described)}"
    answer = resolved(described[str(response.code)])
    _require_headers(answer.get("headers", {}), response.headers, where)
    _require_body(answer.get("content", {}), response, where)


def _responses(path: str, method: str) -> dict[str, Any]:
    """Return what may be answered, by status."""
    shared = description()["x-anywhere"]
    if method == "OPTIONS":
        return {"204": shared["Options"], "404": shared["NotFound"]} | _anywhere()
    item = next((item for pattern, item in _patterns() if pattern.fullmatch(path)), None)
    if item is None:
        shared = {"404": shared["NotFound"], "405": shared["MethodNotAllowed"]}
        return shared | _anywhere()
    key = "x-query" if method == "QUERY" else method.lower()
    if key not in item:
        return {"405": shared["MethodNotAllowed"]} | _anywhere()
    found: dict[str, Any] = item[key]["responses"]
    return found


def _anywhere() -> dict[str, Any]:
    """Return what may be answered to anything: by the routes that do the least."""
    responses: dict[str, Any] = description()["paths"]["/healthz"]["get"]["responses"]
    return {status: answer for status, answer in responses.items() if status != "200"}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    def pattern(template: str) -> re.Pattern[str]:
        return re.compile("[^/]+".join(map(re.escape, re.split(r"\{[a-z_]+\}", template))))

    return tuple((pattern(path), item) for path, item in description()["paths"].items())


def _require_headers(described: dict[str, Any], sent: Mapping[str, str], where: str) -> None:
    shared = {*description()["components"]["headers"], *description()["x-anywhere"]["headers"]}
    for name in {key.partition(".")[0] for key in shared}:
        if name not in described:
            assert name not in sent, f"{where}: {name} is not described"
            continue
        header = resolved(described[name])
        if name not in sent:
            assert not header.get("required"), f"{where}: {name} is missing"
            continue
        schema, text = header["schema"], sent[name]
        if schema["type"] == "integer":
            assert int(text) >= schema["minimum"], f"{where}: {name}: {text}"
        else:
            assert re.search(schema["pattern"], text), f"{where}: {name}: {text}"


def _require_body(described: dict[str, Any], response: HTTPResponse, where: str) -> None:
    if not described:
        assert not response.body, f"{where} is described without a body"
        return
    content_type = response.headers["Content-Type"].partition(";")[0]
    assert content_type in described, f"{where}: {content_type} is not described"
    if not content_type.endswith("json"):
        return
    checker = _checker(json.dumps(described[content_type]["schema"]))
    document = json.loads(response.body)
    fault = next(checker.iter_errors(document), None)
    assert fault is None, f"{where}: {fault.json_path}: {fault.message}"
    if (problems := described[content_type].get("examples")) is not None:
        assert document["code"] in problems, f"{where}: {document['code']} is not described"
        assert document["status"] == response.code, where


@cache
def _checker(schema: str) -> Draft202012Validator:
    return validator(json.loads(schema))


def _absolute(part: Any) -> Any:
    """Point references at the description, from wherever the schema stands."""
    if isinstance(part, dict):
        return {
            name: _DOCUMENT_URI + value if name == "$ref" else _absolute(value)
            for name, value in part.items()
        }
    return [_absolute(item) for item in part] if isinstance(part, list) else part
