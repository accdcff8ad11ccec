"""The failures: one stable code each, and messages that are fit to be shown."""

import re

import pytest

from cardiorisk.errors import FieldFault, InvalidPatient, InvalidQuery, ServiceError, Taken

CODES = [failure.code for failure in ServiceError.__subclasses__()]
CONTRACT_CODES = {
    "missing-key",
    "invalid-key",
    "rate-limited",
    "malformed-body",
    "invalid-patient",
    "body-too-large",
    "not-found",
    "method-not-allowed",
    "overloaded",
    "not-ready",
    "log-unavailable",
    "store-unavailable",
    "internal",
}


def faults(count: int) -> tuple[FieldFault, ...]:
    return tuple(FieldFault(f"f{number}", "is wrong") for number in range(count))


def test_every_code_is_a_lower_case_word_of_one_failure() -> None:
    assert len(CODES) == len(set(CODES))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


def test_every_code_of_the_contract_has_a_failure() -> None:
    assert set(CODES) >= CONTRACT_CODES


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InvalidPatient(faults(2)), "2 fields cannot be accepted: f0, f1"),
        (InvalidPatient(faults(6)), "6 fields cannot be accepted: f0, f1, f2, f3, f4, f5"),
        (InvalidPatient(faults(5000)), "5000 fields cannot be accepted: f0, f1, f2, f3, f4, f5…"),
        (InvalidQuery(faults(1)), "1 parameter cannot be accepted: f0"),
        (Taken(faults(2)), "already taken: f0, f1"),
    ],
)
def test_a_message_names_the_first_faulty_fields(error: ServiceError, message: str) -> None:
    assert str(error) == message
