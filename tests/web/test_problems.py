"""Every failure has its row, or is known to be for the command line only."""

from __future__ import annotations

import pytest

from cardiorisk.errors import MissingKey, ServiceError, UnusableData
from cardiorisk.web.problems import PROBLEMS, problem_body, problem_of, to_json

FOR_COMMANDS_ONLY = {
    "cannot-listen",
    "invalid-settings",
    "unknown-account",
    "unknown-plan",
    "unusable-artefact",
    "unusable-data",
}


def test_every_failure_is_in_the_table_or_for_commands_only() -> None:
    codes = [failure.code for failure in ServiceError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert set(codes) == PROBLEMS.keys() | FOR_COMMANDS_ONLY


def test_a_failure_without_a_row_shows_as_internal() -> None:
    assert problem_of(UnusableData("a path of ours")).status == 500


def test_half_a_surrogate_pair_does_not_stop_an_answer() -> None:
    assert to_json({"a": "\ud800ñ"}) == b'{"a": "?\xc3\xb1"}\n'


@pytest.mark.parametrize("request_id", ["a", "b"])
def test_a_problem_names_its_request(request_id: str) -> None:
    assert f'"request_id": "{request_id}"'.encode() in problem_body(MissingKey("x"), request_id)
