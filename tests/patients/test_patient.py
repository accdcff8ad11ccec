"""The table of a patient's values, and what becomes of a query string."""

from typing import Any

import pytest

from cardiorisk.patients.json_object import REPEATED
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS, Patient, query_values

PATIENT = Patient(2.0, 1.2, 1.0, 40.0, 1.0, 0.0)


def test_fields_are_the_six_of_the_assignment_in_its_order() -> None:
    assert list(FIELD_NAMES) == list(EXAMPLE)
    assert list(Patient.__slots__) == [field.name for field in FIELDS]


def test_values_of_a_patient_are_in_the_fields_order() -> None:
    assert PATIENT.values == (2.0, 1.2, 1.0, 40.0, 1.0, 0.0)


def test_members_of_a_patient_may_be_sent_again() -> None:
    assert PATIENT.members == EXAMPLE
    assert [type(value) for value in PATIENT.members.values()] == [float] * 3 + [int] * 3


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("nivel_colesterol", "a number from 1 to 3 (g/L)"),
        ("presion_arterial", "a number from 0.6 to 1.8 (100 mmHg)"),
        ("azucar", "a number from 0.5 to 2 (g/L)"),
        ("edad", "an integer from 0 to 99 (years)"),
        ("sobrepeso", "0, 1, false or true"),
        ("tabaquismo", "0, 1, false or true"),
    ],
)
def test_fields_say_what_they_accept(name: str, accepted: str) -> None:
    assert FIELDS[FIELD_NAMES.index(name)].accepted == accepted


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("edad", b"4e1", 40.0),
        ("edad", b"-0", 0.0),
        ("edad", b"true", "true"),
        ("sobrepeso", b"true", True),
        ("sobrepeso", b"True", True),
        ("sobrepeso", b"TRUE", "TRUE"),
        ("explicar", b"1", "1"),
        ("azucar", b"\xff", "\N{REPLACEMENT CHARACTER}"),
        *(
            ("azucar", text, text.decode())
            for text in (b"", b" 1", b"1 ", b"+1", b"01", b"1.", b".5", b"1,5", b"1_0", b"0x1")
        ),
        *(("azucar", text, text.decode()) for text in (b"nan", b"inf", b"1\n", "١".encode())),  # noqa: RUF001 - a digit in Unicode and in Python, not in JSON
    ],
)
def test_a_query_string_s_text_is_what_json_makes_of_it(name: str, text: bytes, value: Any) -> None:
    found = query_values({name: [text]})[name]
    assert (found, type(found)) == (value, type(value))


def test_an_argument_that_is_sent_twice_is_repeated() -> None:
    assert query_values({"edad": [b"40", b"40"]}) == {"edad": REPEATED}
