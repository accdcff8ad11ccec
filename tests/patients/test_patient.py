"""The patient: what is accepted, what is refused, and how every fault is told at once."""

from __future__ import annotations

import json
import math
import time
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import FieldFault, InvalidPatient, MalformedBody
from cardiorisk.patients.patient import (
    FIELD_NAMES,
    FIELDS,
    Patient,
    parse_json,
    parse_query,
)

EXAMPLE: dict[str, Any] = {
    "nivel_colesterol": 2.0,
    "presion_arterial": 1.2,
    "azucar": 1.0,
    "edad": 40,
    "sobrepeso": True,
    "tabaquismo": 0,
}
PATIENT = Patient(2.0, 1.2, 1.0, 40.0, 1.0, 0.0)

ACCEPTED = {
    "nivel_colesterol": ["1", "1.0", "2.345678", "3", "3.0", "30e-1"],
    "presion_arterial": ["0.6", "1", "1.8"],
    "azucar": ["0.5", "2", "2.0"],
    "edad": ["0", "-0", "-0.0", "0.0", "40", "40.0", "4e1", "99"],
    "sobrepeso": ["0", "1", "false", "true", "1.0", "0.0"],
    "tabaquismo": ["0", "1", "false", "true"],
}
"""JSON texts at both ends of each range and inside it. Source: the contract's table."""

NO_NUMBERS = ["null", '""', '"1"', "[]", "[1]", "{}", '{"edad":1}', "NaN", "Infinity"]
NO_NUMBERS += [
    "-Infinity",
    "1e999",
    "-1e999",
    "9" * 4000,
    "9" * 5000,
    "-" + "9" * 5000,
    '"\\ud800"',
]
REFUSED = {
    "nivel_colesterol": ["0.9999999", "3.0000001", "0", "-1", "200", "true", "false"],
    "presion_arterial": ["0.5999999", "1.8000001", "120", "true"],
    "azucar": ["0.4999999", "2.0000001", "100", "true"],
    "edad": ["-1", "-0.5", "100", "99.5", "40.5", "0.0000001", "true", "false"],
    "sobrepeso": ["2", "-1", "0.5", '"true"', '"True"'],
    "tabaquismo": ["2", "-1", "0.5", '"false"', '"no"'],
}
"""JSON texts just outside each range, and of other types."""


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in table.items() for text in texts]


def body_with(name: str, text: str) -> bytes:
    """Write the example with one member's JSON text replaced."""
    members = {key: json.dumps(value) for key, value in EXAMPLE.items()} | {name: text}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}").encode()


def faults_of(body: bytes) -> list[FieldFault]:
    with pytest.raises(InvalidPatient) as raised:
        parse_json(body)
    return list(raised.value.faults)


def faulty_fields(body: bytes) -> list[str]:
    return [fault.field for fault in faults_of(body)]


# The table


def test_fields_are_the_six_of_the_assignment_in_its_order() -> None:
    assert list(FIELD_NAMES) == list(EXAMPLE)


def test_a_patients_attributes_are_the_fields_in_their_order() -> None:
    assert list(Patient.__slots__) == [field.name for field in FIELDS]


def test_values_of_a_patient_are_in_the_fields_order() -> None:
    assert PATIENT.values == (2.0, 1.2, 1.0, 40.0, 1.0, 0.0)


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


# JSON


def test_assignments_example_is_a_patient() -> None:
    assert parse_json(json.dumps(EXAMPLE).encode()) == PATIENT


@pytest.mark.parametrize(("name", "text"), rows(ACCEPTED))
def test_values_inside_the_range_are_accepted(name: str, text: str) -> None:
    patient = parse_json(body_with(name, text))
    assert astuple(patient)[FIELD_NAMES.index(name)] == float(json.loads(text))


@pytest.mark.parametrize(("name", "text"), rows(REFUSED))
def test_values_outside_the_range_are_refused(name: str, text: str) -> None:
    assert faulty_fields(body_with(name, text)) == [name]


@pytest.mark.parametrize("name", FIELD_NAMES)
@pytest.mark.parametrize("text", NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_no_number_is_refused_everywhere(name: str, text: str) -> None:
    assert faulty_fields(body_with(name, text)) == [name]


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_parsed_values_are_plain_floats(name: str) -> None:
    value = astuple(parse_json(json.dumps(EXAMPLE).encode()))[FIELD_NAMES.index(name)]
    assert type(value) is float


@pytest.mark.parametrize("text", ["-0", "-0.0"])
def test_negative_zero_is_zero(text: str) -> None:
    assert math.copysign(1, parse_json(body_with("edad", text)).age) == 1.0


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_missing_field_is_named(name: str) -> None:
    members = {key: value for key, value in EXAMPLE.items() if key != name}
    assert faulty_fields(json.dumps(members).encode()) == [name]


def test_missing_field_is_told_what_it_must_be() -> None:
    members = {key: value for key, value in EXAMPLE.items() if key != "nivel_colesterol"}
    assert faults_of(json.dumps(members).encode())[0].detail == (
        "is missing: it must be a number from 1 to 3 (g/L); 200 mg/dL is 2.00 g/L"
    )


def test_faulty_field_is_told_what_it_must_be() -> None:
    assert faults_of(body_with("edad", '"forty"'))[0].detail == (
        "must be an integer from 0 to 99 (years)"
    )


def test_all_faults_are_told_at_once() -> None:
    body = b'{"nivel_colesterol":9,"azucar":null,"edad":1.5,"edad":2,"sobrepeso":7,"x":1,"y":2}'
    assert faulty_fields(body) == [*FIELD_NAMES, "x", "y"]


def test_empty_object_lacks_every_field() -> None:
    assert faulty_fields(b"{}") == list(FIELD_NAMES)


def test_repeated_field_is_refused_even_with_equal_values() -> None:
    body = body_with("edad", "40").replace(b'"edad":40', b'"edad":40,"edad":40')
    assert faults_of(body) == [FieldFault("edad", "is given more than once")]


def test_repeated_unknown_field_is_named_once() -> None:
    assert faulty_fields(body_with("x", '1,"x":2')) == ["x"]


@pytest.mark.parametrize("name", ["", "Edad", "edad ", "ninguno", "__class__", "ñandú", "\u0000"])
def test_unknown_field_is_named(name: str) -> None:
    body = json.dumps(EXAMPLE | {name: 1}).encode()
    assert faults_of(body) == [FieldFault(name, "is not a field of a patient")]


def test_long_unknown_name_is_cut_short() -> None:
    assert faulty_fields(json.dumps(EXAMPLE | {"x" * 1000: 1}).encode()) == ["x" * 64]


def test_unknown_name_with_half_a_surrogate_pair_can_be_sent_back() -> None:
    body = json.dumps(EXAMPLE).encode().replace(b"{", b'{"\\ud800\xc3\xb1":1,')
    assert faulty_fields(body) == ["?ñ"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\0",
        b"edad=40",
        b"{",
        b'{"edad":40',
        b'{"edad":40,}',
        b"{'edad':40}",
        b'{"edad":+40}',
        b'{"edad":040}',
        b'{"edad":0x28}',
        b'{"edad":nan}',
        b'{"edad":"\n"}',
        b'{"edad":40}{}',
        b"[]",
        b"[{}]",
        b"null",
        b"true",
        b"40",
        b"NaN",
        b'"edad"',
        b'{"ed\xffad":40}',
        b'{"\xed\xa0\x80":1}',
        b"[" * 65_536,
        b"[" * 32_768 + b"]" * 32_768,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"edad":' + b"[" * 32_000 + b"]" * 32_000 + b"}",
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_json(body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_than_utf_8_are_malformed(encoding: str) -> None:
    with pytest.raises(MalformedBody):
        parse_json(json.dumps(EXAMPLE).encode(encoding))


def test_byte_order_mark_is_passed_over() -> None:
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode()) == PATIENT


def test_second_byte_order_mark_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        parse_json(b"\xef\xbb\xbf" * 2 + json.dumps(EXAMPLE).encode())


def test_blanks_around_the_object_are_accepted() -> None:
    assert parse_json(b"\r\n\t " + json.dumps(EXAMPLE, indent=4).encode() + b"\n") == PATIENT


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"edad":"\xff"}', "is not UTF-8"),
        (
            b'{"edad": 40     "azucar": 1}',
            "is not JSON: Expecting ',' delimiter at line 1 column 17",
        ),
        (b'{"edad":\n"4\n"}', "is not JSON: Invalid control character at line 2 column 3"),
        (b'{"edad":"secret', "is not JSON: Unterminated string starting at line 1 column 9"),
        (b"[" * 60_000, "is nested too deeply"),
        (b"[]", "is an array or a single value"),
        (b"40", "is an array or a single value"),
    ],
)
def test_malformed_body_is_told_what_is_wrong_with_it(body: bytes, fault: str) -> None:
    with pytest.raises(MalformedBody) as raised:
        parse_json(body)
    assert str(raised.value) == (
        f"the body {fault}; it must be a JSON object with the fields {', '.join(FIELD_NAMES)}"
    )


def test_malformed_body_is_told_the_fields() -> None:
    with pytest.raises(MalformedBody, match="nivel_colesterol, presion_arterial, azucar, edad"):
        parse_json(b"{")


@given(st.binary(max_size=300))
def test_no_bytes_get_past_the_two_refusals(body: bytes) -> None:
    with pytest.raises((MalformedBody, InvalidPatient)):
        parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%x":1' % number for number in range(6_500)) + b"}",
        b"{" + b",".join([b'"edad":1'] * 7_000) + b"}",
        b'{"' + b"x" * 65_000 + b'":1}',
        b'{"edad":' + b"9" * 65_000 + b"}",
        b'{"edad":0.' + b"0" * 65_000 + b"1}",
    ],
    ids=["many names", "one name many times", "a long name", "many digits", "many decimals"],
)
def test_worst_bodies_of_64_kib_take_no_time(body: bytes) -> None:
    # Linear work takes under 10 ms here and quadratic work a minute: the bound is far from both.
    started_s = time.perf_counter()
    faults_of(body)
    assert time.perf_counter() - started_s < 1.0


# Query strings


def query(**texts: str | list[str]) -> dict[str, list[bytes]]:
    usual: dict[str, str | list[str]] = {
        "nivel_colesterol": "2.0",
        "presion_arterial": "1.2",
        "azucar": "1",
        "edad": "40",
        "sobrepeso": "true",
        "tabaquismo": "0",
    }
    arguments = (usual | texts).items()
    return {
        name: [text.encode() for text in ([given] if isinstance(given, str) else given)]
        for name, given in arguments
    }


def faulty_arguments(arguments: dict[str, list[bytes]]) -> list[str]:
    with pytest.raises(InvalidPatient) as raised:
        parse_query(arguments)
    return [fault.field for fault in raised.value.faults]


def test_query_string_gives_the_same_patient() -> None:
    assert parse_query(query()) == PATIENT


@pytest.mark.parametrize(("name", "text"), rows(ACCEPTED))
def test_query_accepts_what_json_accepts(name: str, text: str) -> None:
    assert parse_query(query(**{name: text})) == parse_json(body_with(name, text))


@pytest.mark.parametrize(("name", "text"), rows(REFUSED))
def test_query_refuses_what_json_refuses(name: str, text: str) -> None:
    assert faulty_arguments(query(**{name: text})) == [name]


@pytest.mark.parametrize("name", FIELD_NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " 1",
        "1 ",
        "+1",
        "01",
        "1.",
        ".5",
        "1,5",
        "1_0",
        "0x1",
        "nan",
        "inf",
        "1e999",
        "True",
        "FALSE",
        "yes",
        "١",  # noqa: RUF001 - a digit in Unicode and in Python, not in JSON
        "9" * 5000,
        "1\n",
    ],
)
def test_query_refuses_what_is_no_json_number(name: str, text: str) -> None:
    assert faulty_arguments(query(**{name: text})) == [name]


def test_repeated_argument_is_refused() -> None:
    assert faulty_arguments(query(edad=["40", "40"])) == ["edad"]


def test_unknown_argument_is_refused() -> None:
    assert faulty_arguments(query(api_key="x")) == ["api_key"]


def test_argument_that_is_not_utf_8_is_refused() -> None:
    assert faulty_arguments(query() | {"edad": [b"\xff"]}) == ["edad"]


def test_empty_query_lacks_every_field() -> None:
    assert faulty_arguments({}) == list(FIELD_NAMES)


FLAGS = st.booleans() | st.sampled_from([0, 1])
VALID = st.fixed_dictionaries(
    {
        "nivel_colesterol": st.floats(1.0, 3.0) | st.integers(1, 3),
        "presion_arterial": st.floats(0.6, 1.8) | st.just(1),
        "azucar": st.floats(0.5, 2.0) | st.integers(1, 2),
        "edad": st.integers(0, 99) | st.integers(0, 99).map(float),
        "sobrepeso": FLAGS,
        "tabaquismo": FLAGS,
    }
)


@given(VALID)
def test_any_valid_patient_survives_the_round_trip_through_json(values: dict[str, float]) -> None:
    patient = parse_json(json.dumps(values).encode())
    assert astuple(patient) == tuple(float(values[name]) for name in FIELD_NAMES)


@given(VALID)
def test_query_and_json_agree_on_any_valid_patient(values: dict[str, float]) -> None:
    arguments = {name: [json.dumps(value).encode()] for name, value in values.items()}
    assert parse_query(arguments) == parse_json(json.dumps(values).encode())


@given(
    st.sampled_from(FIELD_NAMES),
    st.integers(-3, 300) | st.floats(-1, 4) | st.booleans() | st.floats(allow_nan=False),
)
def test_query_and_json_agree_on_any_value(name: str, value: float) -> None:
    text = json.dumps(value)

    def outcome(parse: Any, given: Any) -> object:
        try:
            return parse(given)
        except InvalidPatient as error:
            return error.faults

    assert outcome(parse_query, query(**{name: text})) == outcome(parse_json, body_with(name, text))
