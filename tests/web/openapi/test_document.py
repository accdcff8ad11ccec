"""The description is a valid one, it is complete, and its examples are what it says they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cardiorisk.model.card import NOTICE
from cardiorisk.openapi.answers import HEADERS
from cardiorisk.openapi.examples import DETAILS, FAULTS
from cardiorisk.openapi.operations import OPERATIONS
from cardiorisk.patients.patient import FIELDS
from cardiorisk.routes import API_ROUTES
from cardiorisk.web.handlers import AuthenticatedHandler, IdentifiedHandler, OperatorHandler
from cardiorisk.web.metrics import MetricsHandler
from cardiorisk.web.problems import PROBLEMS
from tests.conformity import description, resolved, validator
from tests.support import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cardiorisk.openapi.words import Operation

DESCRIBED = description()
HANDLERS = {route.template: route.handler for route in API_ROUTES}
RECEIVABLE = PROBLEMS.keys() - {"client-closed"}
"""Who has hung up receives nothing."""


def described(operation: Operation) -> dict[str, Any]:
    key = "x-query" if operation.method == "QUERY" else operation.method.lower()
    found: dict[str, Any] = DESCRIBED["paths"][operation.template][key]
    return found


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.template}"


def answers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation in OPERATIONS:
        for status, answer in described(operation)["responses"].items():
            yield name_of(operation), status, resolved(answer)
    for name, answer in DESCRIBED["components"]["responses"].items():
        yield name, "", answer


def codes_of(answer: dict[str, Any]) -> set[str]:
    problem = answer.get("content", {}).get("application/problem+json")
    return set(problem["schema"]["allOf"][1]["properties"]["code"]["enum"]) if problem else set()


def test_it_is_valid_openapi_3_1() -> None:
    assert not [error.message for error in OpenAPIV31SpecValidator(DESCRIBED).iter_errors()]


def test_it_has_every_method_of_every_route_and_no_other() -> None:
    served = {
        (route.template, method) for route in API_ROUTES for method in route.handler.allowed_methods
    }
    assert {(operation.template, operation.method) for operation in OPERATIONS} == served
    assert len(OPERATIONS) == len(served)


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [described(operation)["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_a_credential_is_asked_for_where_the_handler_asks_for_one(operation: Operation) -> None:
    handler = HANDLERS[operation.template]
    if issubclass(handler, AuthenticatedHandler):
        expected = "metered"
    elif issubclass(handler, MetricsHandler):
        expected = "loopback"
    elif issubclass(handler, OperatorHandler):
        expected = "operator"
    elif issubclass(handler, IdentifiedHandler):
        expected = "identified"
    else:
        expected = "refresh" if operation.template == "/refresh" else "open"
    assert operation.access == expected
    assert bool(described(operation)["security"]) == (expected != "open")


def test_every_code_that_a_caller_can_receive_is_the_answer_of_something() -> None:
    assert set().union(*(codes_of(answer) for _, _, answer in answers())) == RECEIVABLE


def test_every_code_has_an_example_of_its_own() -> None:
    assert DETAILS.keys() == RECEIVABLE
    assert FAULTS.keys() <= RECEIVABLE


@pytest.mark.parametrize("code", sorted(RECEIVABLE))
def test_a_code_stands_under_its_own_status_only(code: str) -> None:
    statuses = {
        status for _, status, answer in answers() if status and code in codes_of(answer)
    } - {""}
    assert statuses <= {str(PROBLEMS[code].status)}


@pytest.mark.parametrize(
    ("place", "status", "answer"), list(answers()), ids=lambda part: str(part)[:40]
)
def test_every_answer_has_its_headers(place: str, status: str, answer: dict[str, Any]) -> None:
    expected = {"X-Request-ID", "Server-Timing"}
    if status == "401" or "missing-key" in codes_of(answer):
        expected.add("WWW-Authenticate")
    if status in {"429", "503"} or codes_of(answer) & {"rate-limited", "too-many-attempts"}:
        expected.add("Retry-After")
    if "method-not-allowed" in codes_of(answer):
        expected.add("Allow")
    required = {name for name, part in answer["headers"].items() if resolved(part).get("required")}
    assert expected <= required, place


def test_every_example_is_what_its_schema_says() -> None:
    checked = 0
    for content in contents(DESCRIBED):
        shown = [example["value"] for example in content.get("examples", {}).values()]
        for example in [*shown, content["example"]] if "example" in content else shown:
            validator(content["schema"]).validate(example)
            checked += 1
    assert checked > len(OPERATIONS)


def contents(part: Any) -> Iterator[dict[str, Any]]:
    """Find every body with JSON in the description."""
    if isinstance(part, dict):
        for name, inner in part.items():
            if name.endswith("json") and isinstance(inner, dict):
                yield inner
            else:
                yield from contents(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from contents(inner)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_operation_shows_what_to_send_and_what_comes_back(operation: Operation) -> None:
    part = described(operation)
    if "requestBody" in part:
        assert part["requestBody"]["content"]["application/json"]["examples"]
    for body in part["responses"][str(operation.answer.status)].get("content", {}).values():
        assert "example" in body or body["schema"] == {"type": "string"}


@pytest.mark.parametrize(("name", "row"), HEADERS.items(), ids=HEADERS)
def test_every_header_is_shown_as_it_is_written(name: str, row: tuple[str, Any, str]) -> None:
    _, schema, example = row
    assert name
    if schema["type"] == "string":
        assert re.search(schema["pattern"], example)
    else:
        assert int(example) >= schema["minimum"]


def test_the_first_example_is_the_assignments_own() -> None:
    shown = DESCRIBED["paths"]["/service"]["post"]["requestBody"]["content"]["application/json"]
    assert next(iter(shown["examples"].values())) == {"value": EXAMPLE}
    assert validator(shown["schema"]).is_valid(EXAMPLE)


def test_the_query_method_is_described_like_the_others() -> None:
    service = DESCRIBED["paths"]["/service"]
    differing = {"operationId", "summary", "description"}
    assert {name: part for name, part in service["x-query"].items() if name not in differing} == {
        name: part for name, part in service["post"].items() if name not in differing
    }


def test_what_the_model_is_not_is_said_first() -> None:
    assert NOTICE in DESCRIBED["info"]["description"]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.wire_name)
def test_a_patients_ranges_are_those_that_are_checked(field: Any) -> None:
    schema = DESCRIBED["components"]["schemas"]["Patient"]["properties"][field.wire_name]
    if field.kind == "flag":
        assert schema["enum"] == [0, 1, False, True]
    else:
        assert (schema["minimum"], schema["maximum"]) == (field.minimum, field.maximum)
