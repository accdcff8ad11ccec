"""The Postman collection, run from top to bottom by newman as a grader would run it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.routes import API_ROUTES
from cardiorisk.web.operations import Route
from cardiorisk.web.problems import PROBLEMS
from cardiorisk.web.reader import path_pattern
from tests.battery.derived import COLLECTION, requests_of
from tests.processes import Server, require_program

POSTMAN = Path(__file__).parents[2] / "docs" / "postman"
ENVIRONMENT = POSTMAN / "cardiorisk.postman_environment.json"
REPORT = POSTMAN.parent / "informe.md"
UNREACHABLE_CODES = {
    "body-timeout",  # is answered to no client that sends what it has announced
    "too-many-attempts",  # would lock the address out of the rest of the run
    "client-closed",  # has no receiver
    "internal",
    "log-unavailable",
    "limits-unavailable",  # needs a Redis that is away
    "not-ready",
    "overloaded",
    "registration-closed",  # is a setting
    "reload-under-way",  # is answered to operators alone, whom only a command makes
    "store-unavailable",
    "unknown-account",  # is answered to operators alone
    "suspended",  # is answered to accounts that only an operator can suspend
    "unusable-artefact",  # likewise
}
"""What a healthy server does not answer to a polite caller who is no operator."""


@pytest.fixture(scope="module")
def run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    newman = require_program("newman", "see .ci/run")
    report = tmp_path_factory.mktemp("newman") / "report.json"
    command = [newman, "run", str(COLLECTION), "--environment", str(ENVIRONMENT)]
    variables = ["--env-var", f"base_url=http://{server.address}"]
    reporters = ["--reporters", "json", "--reporter-json-export", str(report)]
    subprocess.run([*command, *variables, *reporters], check=False, capture_output=True)
    finished: dict[str, Any] = json.loads(report.read_text())["run"]
    return finished


def test_every_assertion_of_the_collection_holds(
    run: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    failures = [
        f"{failure['source']['name']}: {failure['error']['test']}: {failure['error']['message']}"
        if "test" in failure["error"]
        else f"{failure['source']['name']}: {failure['error']['message']}"
        for failure in run["failures"]
    ]
    assert failures == []
    requests, assertions = run["stats"]["requests"]["total"], run["stats"]["assertions"]["total"]
    with capsys.disabled():
        said = f"{requests} requests, {assertions} assertions, 0 failures"
        print(f"\nnewman: {said}")  # noqa: T201 - figures for the run's reader
    assert requests >= len(list(requests_of(json.loads(COLLECTION.read_text()))))
    assert assertions > 2 * requests


@pytest.mark.parametrize("counted", ["requests", "assertions"])
def test_the_report_prints_what_the_run_counts(run: dict[str, Any], counted: str) -> None:
    total = run["stats"][counted]["total"]
    assert re.search(rf"^│ +{counted} │ +{total} │ +0 │$", REPORT.read_text(), re.MULTILINE)


def test_every_request_of_the_run_is_in_the_log(run: dict[str, Any], server: Server) -> None:
    sent = [
        header["value"]
        for execution in run["executions"]
        for header in execution["response"]["header"]
        if header["key"].lower() == "x-request-id"
    ]
    assert [line["request_id"] for line in server.log_lines()] == sent


@pytest.mark.usefixtures("run")
def test_no_secret_of_the_run_is_in_the_log(server: Server) -> None:
    assert re.findall(r"crk_|eyJ|clave-|example\.org|Natalia", server.log_text()) == []


@pytest.mark.parametrize("route", API_ROUTES, ids=lambda route: route.template)
def test_every_route_and_method_is_in_the_collection(route: Route) -> None:
    sent = {
        (request["request"]["method"], "/" + "/".join(request["request"]["url"]["path"]))
        for request in requests_of(json.loads(COLLECTION.read_text()))
    }
    pattern = re.compile(path_pattern(route.template))
    methods = {method for method, path in sent if pattern.fullmatch(path)}
    assert set(route.handler.allowed_methods) <= methods


@pytest.mark.parametrize("code", sorted(set(PROBLEMS) - UNREACHABLE_CODES))
def test_every_error_that_a_caller_can_cause_is_in_the_collection(code: str) -> None:
    assert f'pm.expect(pm.response.json().code).to.eql(\\"{code}\\")' in COLLECTION.read_text()
