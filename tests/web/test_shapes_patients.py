"""Patients who are sent: what is accepted, what is refused, and how every fault is told at once."""

from __future__ import annotations

import json
import math
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiorisk.errors import FieldFault, InvalidPatient, MalformedBody
from cardiorisk.patients.patient import FIELD_NAMES, Patient, query_values
from cardiorisk.web.shapes_patients import (
    LabelledPatientBody,
    OriginalPatientBody,
    PatientBody,
    PatientShape,
)
from tests.conformity import validator
from tests.support import EXAMPLE, taking_at_most

PATIENT = Patient(2.0, 1.2, 1.0, 40.0, 1.0, 0.0)
BODY = json.dumps(EXAMPLE).encode()

ACCEPTED = {
    "nivel_colesterol": ["1", "1.0", "2.345678", "3", "3.0", "30e-1"],
    "presion_arterial": ["0.6", "1", "1.8"],
    "azucar": ["0.5", "2", "2.0"],
    "edad": ["0", "-0", "-0.0", "0.0", "40", "40.0", "4e1", "99"],
    "sobrepeso": ["0", "1", "false", "true", "1.0", "0.0"],
    "tabaquismo": ["0", "1", "false", "true"],
}
"""JSON texts at both ends of each range and inside it. Source: the contract's table."""

NO_NUMBERS = ["null", '""', '"1"', "[]", "[1]", "{}", '{"edad":1}', "NaN", "Infinity", '"\\ud800"']
NO_NUMBERS += ["-Infinity", "1e999", "-1e999", "9" * 4000, "9" * 5000, "-" + "9" * 5000]
REFUSED = {
    "nivel_colesterol": ["0.9999999", "3.0000001", "0", "-1", "200", "true", "false"],
    "presion_arterial": ["0.5999999", "1.8000001", "120", "true"],
    "azucar": ["0.4999999", "2.0000001", "100", "true"],
    "edad": ["-1", "-0.5", "100", "99.5", "40.5", "0.0000001", "true", "false"],
    "sobrepeso": ["2", "-1", "0.5", "0.99999999999", '"true"', '"True"'],
    "tabaquismo": ["2", "-1", "0.5", '"false"', '"no"'],
}
"""JSON texts just outside each range, and of other types."""


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in table.items() for text in texts]


def body_with(name: str, text: str) -> bytes:
    """Write the example with one member's JSON text replaced."""
    members = {key: json.dumps(value) for key, value in EXAMPLE.items()} | {name: text}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}").encode()


def faults_of(body: bytes, shape: type[PatientShape] = PatientBody) -> list[FieldFault]:
    with pytest.raises(InvalidPatient) as raised:
        shape.read(body)
    return list(raised.value.faults)


def faulty_fields(body: bytes, shape: type[PatientShape] = PatientBody) -> list[str]:
    return [fault.field for fault in faults_of(body, shape)]


# JSON


def test_assignments_example_is_a_patient() -> None:
    assert PatientBody.read(BODY).patient == PATIENT


@pytest.mark.parametrize(("name", "text"), rows(ACCEPTED))
def test_values_inside_the_range_are_accepted(name: str, text: str) -> None:
    value = astuple(PatientBody.read(body_with(name, text)).patient)[FIELD_NAMES.index(name)]
    assert value == float(json.loads(text))
    assert type(value) is float
    assert math.copysign(1, value) == 1.0  # a negative zero is zero


@pytest.mark.parametrize(("name", "text"), rows(REFUSED))
def test_values_outside_the_range_are_refused(name: str, text: str) -> None:
    assert faulty_fields(body_with(name, text)) == [name]


@pytest.mark.parametrize("name", FIELD_NAMES)
@pytest.mark.parametrize("text", NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_no_number_is_refused_everywhere(name: str, text: str) -> None:
    assert faulty_fields(body_with(name, text)) == [name]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{}", "is missing: it must be a number from 1 to 3 (g/L); 200 mg/dL is 2.00 g/L"),
        (
            body_with("nivel_colesterol", "200"),
            "must be a number from 1 to 3 (g/L); 200 mg/dL is 2.00 g/L",
        ),
        (body_with("azucar", '"1.0"'), "is text; send it without quotes"),
        (body_with("tabaquismo", '"true"'), "is text; send it without quotes"),
        (body_with("tabaquismo", '"True"'), "must be 0, 1, false or true"),
        (body_with("tabaquismo", '"1"'), "is text; send it without quotes"),
        (
            body_with("edad", '"400"'),
            "is text; send it without quotes: it must be an integer from 0 to 99 (years)",
        ),
        (BODY.replace(b"{", b'{"Edad": 1,'), "is not a field; did you mean `edad`?"),
        (body_with("edad", '"forty"'), "must be an integer from 0 to 99 (years)"),
        (body_with("sobrepeso", "7"), "must be 0, 1, false or true"),
    ],
)
def test_a_faulty_field_is_told_what_it_must_be(body: bytes, detail: str) -> None:
    assert faults_of(body)[0].detail == detail


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            b'{"nivel_colesterol":9,"azucar":null,"edad":1.5,"edad":2,"sobrepeso":7,"x":1,"y":2}',
            [*FIELD_NAMES, "x", "y"],
        ),
        (BODY.replace(b"azucar", b"edad"), ["azucar", "edad"]),
        (BODY.replace(b'"azucar": 1.0', b'"ed\\u0061d": 4, "azucar": 1'), ["edad"]),
        (BODY.replace(b"{", b'{"x": 1, "x": 2, '), ["x"]),
        (BODY.replace(b"{", b'{"%b": 1, ' % (b"x" * 1000)), ["x" * 64]),
        (BODY.replace(b"{", b'{"crk_secret": 1,'), ["a key"]),
        (BODY.replace(b"{", b'{"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln": 1,'), ["a key"]),
        (BODY.replace(b"{", b'{"\\ud800\xc3\xb1":1,'), ["?ñ"]),
    ],
    ids=[
        "all at once",
        "in the place",
        "escaped",
        "unknown twice",
        "long",
        "a key",
        "a token",
        "half a surrogate",
    ],
)
def test_faulty_fields_are_named(body: bytes, fields: list[str]) -> None:
    assert faulty_fields(body) == fields


@pytest.mark.parametrize("name", FIELD_NAMES)
@pytest.mark.parametrize("first", ["", " ", "\n"])
def test_repeated_field_is_refused_even_with_equal_values(name: str, first: str) -> None:
    body = BODY.replace(b"{", f'{{"{name}"{first}: {json.dumps(EXAMPLE[name])}, '.encode())
    assert faults_of(body) == [FieldFault(name, "is given more than once")]


@pytest.mark.parametrize("name", ["", "ninguno", "__class__", "ñandú", "\u0000"])
def test_unknown_field_is_named(name: str) -> None:
    body = json.dumps(EXAMPLE | {name: 1}).encode()
    assert faults_of(body) == [FieldFault(name, "is not a field of a patient")]


@pytest.mark.parametrize(
    "body",
    [
        *(b"\0", b"edad=40", b"{", b"[{}]", b"null", b"true", b"NaN", b'"edad"', b"{'edad':40}"),
        *(b'{"edad":40', b'{"edad":40,}', b'{"edad":+40}', b'{"edad":040}', b'{"edad":0x28}'),
        *(b'{"edad":nan}', b'{"edad":40}{}', BODY + b"{}", BODY[:-1] + b",}"),
        *(b'{"ed\xffad":40}', b'{"\xed\xa0\x80":1}', b"\xef\xbb\xbf" * 2 + BODY),
        b"[" * 32_768 + b"]" * 32_768,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"edad":' + b"[" * 32_000 + b"]" * 32_000 + b"}",
        *(BODY.decode().encode(code) for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")),
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        PatientBody.read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + BODY,
        b"\r\n\t " + json.dumps(EXAMPLE, indent=4).encode() + b"\n",
        BODY.replace(b"edad", b"ed\\u0061d"),
    ],
)
def test_a_mark_blanks_and_escapes_are_passed_over(body: bytes) -> None:
    assert PatientBody.read(body).patient == PATIENT


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
        (b"edad=40&azucar=1.0", "is a form"),
        (b"\x1f\x8b\x08\x00", "is compressed"),
        (b'--x\r\nContent-Disposition: form-data; name="edad"\r\n\r\n40\r\n--x--\r\n', "is a form"),
        (b"a" * 60_000, "is not JSON: Expecting value at line 1 column 1"),
        (b'{"edad":"secret', "is not JSON: Unterminated string starting at line 1 column 9"),
        (b"[" * 60_000, "is nested too deeply"),
        (b"[]", "is an array or a single value"),
        (b"40", "is an array or a single value"),
    ],
)
def test_malformed_body_is_told_what_is_wrong_with_it(body: bytes, fault: str) -> None:
    with pytest.raises(MalformedBody) as raised:
        PatientBody.read(body)
    assert str(raised.value) == (
        f"the body {fault}; it must be a JSON object with the fields {', '.join(FIELD_NAMES)}"
    )


@given(st.binary(max_size=300))
def test_no_bytes_get_past_the_two_refusals(body: bytes) -> None:
    with pytest.raises((MalformedBody, InvalidPatient)):
        PatientBody.read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%x":1' % number for number in range(6_500)) + b"}",
        b"{" + b",".join([b'"edad":1'] * 7_000) + b"}",
        b'{"' + b"x" * 65_000 + b'":1}',
        b'{"edad":' + b"9" * 65_000 + b"}",
        b'{"edad":0.' + b"0" * 65_000 + b"1}",
        body_with("edad", "9" * 65_000),
    ],
    ids=["many names", "one name many times", "a long name", "digits", "decimals", "fast digits"],
)
def test_worst_bodies_of_64_kib_take_no_time(body: bytes) -> None:
    # Linear work takes under 30 ms here and quadratic work a minute: the bound is far from both.
    with taking_at_most(seconds=1):
        faults_of(body)


def test_what_was_sent_is_not_printed() -> None:
    with pytest.raises(InvalidPatient) as raised:
        PatientBody.read(body_with("edad", '"a secret"'))
    assert "secret" not in repr(raised.value.__cause__)
    assert "2.0" not in repr(PatientBody.read(BODY))


# Query strings


def outcome(shape: type[PatientShape], members: Any) -> object:
    try:
        read = shape.read(members) if isinstance(members, bytes) else shape.accept(members)
    except InvalidPatient as error:
        return error.faults
    return read.patient


VALUES = st.one_of(
    st.floats(-1, 101, allow_nan=False),
    st.integers(-1, 101),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.sampled_from([0.5, 0.6, 1.0, 1.8, 2.0, 3.0, 40.0, 40.5, 99, 99.0, 100]),
    st.lists(st.integers(), max_size=1),
)
NAMES = st.sampled_from([*FIELD_NAMES, "nombre", "Edad"])
CHANGES = st.dictionaries(NAMES, VALUES, max_size=3)


@pytest.mark.parametrize(("name", "text"), [*rows(ACCEPTED), *rows(REFUSED), ("api_key", "1")])
def test_a_query_string_and_json_agree_on_any_value(name: str, text: str) -> None:
    arguments = {key: [json.dumps(value).encode()] for key, value in EXAMPLE.items()}
    found = outcome(PatientBody, query_values(arguments | {name: [text.encode()]}))
    assert found == outcome(PatientBody, body_with(name, text))


@given(CHANGES, st.sets(NAMES, max_size=1))
@settings(max_examples=300, deadline=None)
def test_the_fast_reader_the_slow_one_and_the_schema_agree_but_for_booleans(
    changes: dict[str, Any], left_out: set[str]
) -> None:
    members = {name: value for name, value in (EXAMPLE | changes).items() if name not in left_out}
    body = json.dumps(members).encode()
    found = outcome(PatientBody, body)
    assert outcome(PatientBody, body.replace(b"{", b"\xef\xbb\xbf{", 1)) == found
    for flag in {"sobrepeso", "tabaquismo"} & members.keys():
        members[flag] = int(members[flag]) if members[flag] in (0, 1) else members[flag]
    is_valid = validator({"$ref": "#/components/schemas/Patient"}).is_valid(members)
    assert is_valid == isinstance(found, Patient)


# Labels, and the original client's names


@pytest.mark.parametrize(
    ("sent", "label"),
    [
        (..., None),
        (None, None),
        ("", None),
        ("  ", None),
        (" Natalia Natalia ", "Natalia Natalia"),
        ("Jose\u0301", "Jos\u00e9"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_label_is_read(sent: object, label: str | None) -> None:
    named = {} if sent is ... else {"nombre": sent}
    read = LabelledPatientBody.read(json.dumps(EXAMPLE | named).encode())
    assert (read.patient, read.label) == (PATIENT, label)


@pytest.mark.parametrize("sent", ["x" * 81, "a\nb", "\x00", "\ud800", 7, True, ["Natalia"], {}])
def test_faults_of_the_values_and_of_the_label_are_found_at_once(sent: object) -> None:
    body = json.dumps(EXAMPLE | {"nombre": sent, "edad": 200, "color": "red"}).encode()
    assert faulty_fields(body, LabelledPatientBody) == ["edad", "nombre", "color"]


ORIGINAL = {
    "nombre": "Natalia",
    "presionArterial": 1.2,
    "colesterol": 2.0,
    "azucar": 1.0,
    "edad": 40,
    "sobrepeso": "True",
    "tabaquismo": "False",
}


@pytest.mark.parametrize("flag", [True, 1, 1.0, "True", "true", "1"])
def test_the_original_s_flags_and_numbers_may_be_text(flag: object) -> None:
    texts = {"sobrepeso": flag, "tabaquismo": "0", "edad": "40", "colesterol": "2.0", "azucar": "1"}
    read = OriginalPatientBody.read(json.dumps(ORIGINAL | texts).encode())
    assert (read.patient, read.label) == (PATIENT, "Natalia")


@pytest.mark.parametrize("text", ["", "forty", "400", "40.5", "NaN", "4_0", "True"])
def test_the_original_s_text_is_held_to_the_same_ranges(text: str) -> None:
    body = json.dumps(ORIGINAL | {"edad": text}).encode()
    assert faulty_fields(body, OriginalPatientBody) == ["edad"]


def test_faults_come_under_the_names_that_the_original_has() -> None:
    changes = {"presionArterial": 9, "tabaquismo": "yes", "presion_arterial": 1}
    body = json.dumps(ORIGINAL | changes).encode().replace(b"{", b'{"edad": 40, ')
    fields = ["presionArterial", "edad", "tabaquismo", "presion_arterial"]
    assert faulty_fields(body, OriginalPatientBody) == fields
