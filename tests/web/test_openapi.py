"""The description is a valid one, it is complete, and its examples are what it says they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cardiorisk.routes import API_ROUTES
from cardiorisk.web.account import RegisterHandler
from cardiorisk.web.handlers import IdentifiedHandler, OperatorHandler
from cardiorisk.web.openapi import expected_answers
from cardiorisk.web.operations import Route
from cardiorisk.web.problems import PROBLEMS
from cardiorisk.web.status import MetricsHandler
from tests.conformity import description, resolved, validator
from tests.support import EXAMPLE

DESCRIBED = description()
SCHEMAS = DESCRIBED["components"]["schemas"]
RECEIVABLE = PROBLEMS.keys() - {"client-closed"}
"""Who has hung up receives nothing."""
METHODS = ("get", "head", "post", "delete", "x-query")
OPERATIONS = {
    f"{method} {path}": item[method]
    for path, item in DESCRIBED["paths"].items()
    for method in METHODS
    if method in item
}
KEY: list[dict[str, list[str]]] = [{"apiKey": []}, {"bearer": []}]


def answers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, operation in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            yield name, status, resolved(answer)
    for name, answer in (DESCRIBED["components"]["responses"] | DESCRIBED["x-anywhere"]).items():
        if name != "headers":
            yield name, "", answer


def codes_of(answer: dict[str, Any]) -> set[str]:
    """Return the codes of a failure, each of which has its example."""
    problem = answer.get("content", {}).get("application/problem+json")
    problem = problem or answer.get("content", {}).get("application/json", {})
    return set(problem.get("examples", ()))


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Find every object in a part of the description, wherever it stands."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def test_it_is_valid_openapi_3_1() -> None:
    assert not [error.message for error in OpenAPIV31SpecValidator(DESCRIBED).iter_errors()]


def test_every_operation_has_a_name_of_its_own_and_a_chapter_that_is_there() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names) == 62
    assert {"assess", "switchToPremium", "originalFreemiumList", "healthHead"} <= set(names)
    tags = {tag["name"] for tag in DESCRIBED["tags"]}
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == tags


def test_what_an_operation_says_is_its_method_s_docstring() -> None:
    head = OPERATIONS["head /readyz"]
    assert head["summary"] == "Would a request sent now be assessed?: the headers alone"
    assert head["description"] == (
        "Checks the network, the database and, by its own line, the request log."
    )
    switch = OPERATIONS["post /SwitchToPremium"]["summary"]
    assert switch.startswith("Put your account on the plan premium")
    assert (
        OPERATIONS["get /account/keys"]["description"]
        == OPERATIONS["get /account/keys"]["summary"] + "."
    )


def test_everything_is_described_in_words() -> None:
    for name, operation in OPERATIONS.items():
        assert operation["description"], name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter)
    for path, item in DESCRIBED["paths"].items():
        assert all(resolved(parameter)["description"] for parameter in item["parameters"]), path
    assert all(schema["description"] for schema in SCHEMAS.values())
    for schema in objects(DESCRIBED):
        if {"properties", "type"} <= schema.keys():
            for name, member in schema["properties"].items():
                assert resolved(member)["description"], name


def test_a_client_can_be_generated() -> None:
    """Clients are made from types: each ``enum`` and ``const`` has one, and each array items."""
    parameters = [operation.get("parameters", []) for operation in OPERATIONS.values()]
    for part in objects([SCHEMAS, DESCRIBED["components"]["responses"], parameters]):
        is_schema = "enum" in part or "const" in part
        assert not is_schema or isinstance(part["type"], str), part
        assert part.get("type") != "array" or "items" in part, part


@pytest.mark.parametrize("route", API_ROUTES, ids=lambda route: route.template)
def test_a_credential_is_asked_for_where_the_handler_asks_for_one(route: Route) -> None:
    expected: list[dict[str, list[str]]] = []
    if issubclass(route.handler, MetricsHandler | RegisterHandler):
        expected = [{}, *KEY]
    elif issubclass(route.handler, IdentifiedHandler):
        expected = KEY
    elif route.template == "/refresh":
        expected = [{"refreshToken": []}]
    for method, operation in DESCRIBED["paths"][route.template].items():
        if method in METHODS:
            assert operation["security"] == expected
            known = resolved(operation["responses"]["503"])["headers"]
            assert ("RateLimit" in known) == issubclass(route.handler, IdentifiedHandler)
            refusals = codes_of(resolved(operation["responses"].get("403", {})))
            if method != "head":
                is_operators = issubclass(route.handler, OperatorHandler)
                assert ("operator-only" in refusals) == is_operators


def test_every_code_that_a_caller_can_receive_is_the_answer_of_something() -> None:
    assert set().union(*(codes_of(answer) for _, _, answer in answers())) == RECEIVABLE
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == RECEIVABLE


def test_a_code_stands_under_its_own_status_only() -> None:
    for place, status, answer in answers():
        for code in codes_of(answer) if status else ():
            assert str(PROBLEMS[code].status) == status, place
            (shown,) = answer["content"].values()
            assert shown["examples"][code]["value"]["status"] == int(status)
            with_fields = {"invalid-patient", "invalid-account", "invalid-query", "taken"}
            names_fields = with_fields.issuperset(codes_of(answer))
            assert ("errors" in resolved(shown["schema"])["properties"]) == names_fields


def test_the_answers_to_be_counted_are_those_described() -> None:
    described = {
        (name.partition(" ")[0].removeprefix("x-").upper(), name.partition(" ")[2], int(status))
        for name, operation in OPERATIONS.items()
        for status in operation["responses"]
    }
    expected = list(expected_answers(API_ROUTES))
    assert set(expected) == described
    assert len(expected) == len(described)


def test_every_answer_has_its_headers() -> None:
    for place, status, answer in answers():
        codes = codes_of(answer)
        expected = {"X-Request-ID", "Server-Timing"}
        if status == "401" or "missing-key" in codes:
            expected.add("WWW-Authenticate")
        if status in {"429", "503"} or codes & {"rate-limited", "too-many-attempts"}:
            expected.add("Retry-After")
        if "method-not-allowed" in codes:
            expected.add("Allow")
        headers = answer["headers"].items()
        required = {name for name, part in headers if resolved(part).get("required")}
        assert expected <= required, (place, status)


def test_every_example_is_what_its_schema_says() -> None:
    checked = 0
    for part in objects(DESCRIBED):
        for content in (part[name] for name in part if name.endswith("json") and "/" in name):
            shown = [example["value"] for example in content.get("examples", {}).values()]
            for example in [*shown, content["example"]] if "example" in content else shown:
                validator(content["schema"]).validate(example)
                checked += 1
    assert checked > len(OPERATIONS)


def test_the_examples_of_members_are_what_their_schemas_say() -> None:
    for schema in SCHEMAS.values():
        for member in schema["properties"].values():
            for example in member.get("examples", ()):
                validator(member).validate(example)


def test_a_body_that_says_nothing_may_be_left_out() -> None:
    assert not OPERATIONS["post /account/keys"]["requestBody"]["required"]


@pytest.mark.parametrize("header", DESCRIBED["components"]["headers"].values())
def test_every_header_is_shown_as_it_is_written(header: dict[str, Any]) -> None:
    if header["schema"]["type"] == "string":
        assert re.search(header["schema"]["pattern"], header["example"])
    else:
        assert header["example"] >= header["schema"]["minimum"]


def test_the_first_example_is_the_assignments_own() -> None:
    shown = SCHEMAS["Patient"]["properties"]
    assert {name: member["examples"][0] for name, member in shown.items()} == EXAMPLE
    assert OPERATIONS["post /service"]["requestBody"]["required"]
    by_query = {part["name"]: part for part in OPERATIONS["get /service"]["parameters"]}
    assert {name: by_query[name]["example"] for name in EXAMPLE} == EXAMPLE
    assert [name for name, part in by_query.items() if part.get("required")] == list(EXAMPLE)


def test_the_query_method_is_described_like_the_others() -> None:
    differing = {"operationId", "summary", "description"}
    post, query = ({**OPERATIONS[name]} for name in ("post /service", "x-query /service"))
    for name in differing:
        assert post.pop(name) != query.pop(name)
    assert post == query


def test_it_shows_no_rows_of_patients() -> None:
    assert "background" not in SCHEMAS["Card"]["properties"]
    assert "background" not in SCHEMAS["Card"]["required"]
