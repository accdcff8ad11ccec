"""Every failure has its row, or is known to be for the command line only."""

from cardiorisk.errors import FieldFault, InvalidPatient, ServiceError, UnusableData
from cardiorisk.web.problems import PROBLEMS, problem_answer, problem_of

FOR_COMMANDS_ONLY = {
    "cannot-listen",
    "invalid-settings",
    "unknown-account",
    "unusable-artefact",
    "unusable-data",
}


def test_every_failure_is_in_the_table_or_for_commands_only() -> None:
    codes = [failure.code for failure in ServiceError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert set(codes) == PROBLEMS.keys() | FOR_COMMANDS_ONLY


def test_a_failure_without_a_row_shows_as_internal() -> None:
    assert problem_of(UnusableData("a path of ours")).status == 500


def test_a_problem_names_its_request_and_its_faults() -> None:
    fault = FieldFault("edad", "must be less")
    assert problem_answer(InvalidPatient((fault,)), "x") == {
        "type": "urn:cardiorisk:problem:invalid-patient",
        "title": "The patient's values cannot be accepted",
        "status": 422,
        "detail": "1 field cannot be accepted: edad",
        "code": "invalid-patient",
        "request_id": "x",
        "errors": [{"field": "edad", "detail": "must be less"}],
    }
