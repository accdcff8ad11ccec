"""The failures: one stable code each, and messages that are fit to be shown."""

from __future__ import annotations

import re

import pytest

from cardiorisk import errors
from cardiorisk.errors import FieldFault, InvalidPatient, RateLimited, ServiceError

LEAVES = [
    leaf
    for leaf in vars(errors).values()
    if isinstance(leaf, type) and issubclass(leaf, ServiceError) and leaf is not ServiceError
]
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


def test_no_two_failures_share_a_code() -> None:
    codes = [leaf.code for leaf in LEAVES]
    assert len(codes) == len(set(codes))


def test_every_code_of_the_contract_has_a_failure() -> None:
    assert {leaf.code for leaf in LEAVES} >= CONTRACT_CODES


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_codes_are_lower_case_words_joined_by_hyphens(leaf: type[ServiceError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", leaf.code)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_every_failure_stands_directly_below_the_root(leaf: type[ServiceError]) -> None:
    assert leaf.__bases__ == (ServiceError,)


def test_rate_limit_tells_when_it_ends() -> None:
    assert RateLimited("wait", resets_in_seconds=18).resets_in_seconds == 18


def test_invalid_patient_keeps_every_fault() -> None:
    assert InvalidPatient(faults(3)).faults == faults(3)


def test_invalid_patient_names_its_fields() -> None:
    assert str(InvalidPatient(faults(2))) == "2 fields cannot be accepted: f0, f1"


def test_message_of_many_faults_stays_short() -> None:
    assert str(InvalidPatient(faults(5000))) == (
        "5000 fields cannot be accepted: f0, f1, f2, f3, f4, f5…"
    )
