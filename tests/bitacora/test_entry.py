"""The bitácora's line: exactly the contract's record, valid whatever strangers send."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.entry import Entry, read_entry
from cardiorisk.patients.patient import Patient
from tests.bitacora.support import make_entry

PATIENT = Patient(2.05, 1.2, 1.0, 40.0, 0.0, 1.0)
INPUTS = (
    b',"inputs":{"nivel_colesterol":2.05,"presion_arterial":1.2,"azucar":1.0,"edad":40,'
    b'"sobrepeso":0,"tabaquismo":1}}\n'
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
ANY_TEXT_OR_NONE = st.none() | ANY_TEXT
ENTRIES = st.builds(
    Entry,
    ts_seconds=st.floats(0, 4_102_444_800),
    request_id=ANY_TEXT,
    method=ANY_TEXT,
    route=ANY_TEXT,
    status=st.integers(100, 599),
    ip=ANY_TEXT,
    timings_ms=st.dictionaries(ANY_TEXT, st.floats(0, 1e6), max_size=6),
    key_id=ANY_TEXT_OR_NONE,
    plan=ANY_TEXT_OR_NONE,
    riesgo_cardiaco=st.none() | st.booleans(),
    probabilidad=st.none() | st.floats(0, 1),
    modelo=ANY_TEXT_OR_NONE,
    code=ANY_TEXT_OR_NONE,
)


def test_an_answered_request_is_the_contracts_line() -> None:
    assert make_entry().line() == (
        b'{"v":1,"ts":"2026-11-22T20:47:23.123456Z","request_id":"5f2c",'
        b'"key_id":"key_00112233aabb","plan":"freemium","method":"GET","route":"/service",'
        b'"status":200,"ip":"127.0.0.1","riesgo_cardiaco":true,"probabilidad":0.97,'
        b'"modelo":"a1b2c3","code":null,"timings_ms":{"auth":0.02,"limit":0.01,"validate":0.05,'
        b'"predict":0.8,"total":1.02}}\n'
    )


def test_what_strangers_send_is_escaped_in_a_line_of_the_same_form_and_read_back() -> None:
    entry = make_entry(
        key_id=None,
        plan=None,
        method='\ud800\n"',
        status=401,
        ip="é",
        riesgo_cardiaco=False,
        probabilidad=None,
        modelo=None,
        code="missing-key",
        timings_ms={"total": 0.1},
    )
    assert entry.line() == (
        b'{"v":1,"ts":"2026-11-22T20:47:23.123456Z","request_id":"5f2c","key_id":null,"plan":null,'
        b'"method":"\\ud800\\n\\"","route":"/service","status":401,"ip":"\\u00e9",'
        b'"riesgo_cardiaco":false,"probabilidad":null,"modelo":null,"code":"missing-key",'
        b'"timings_ms":{"total":0.1}}\n'
    )
    assert read_entry(entry.line()) == entry


def test_inputs_are_written_with_their_wire_names_and_read_back() -> None:
    entry = make_entry(inputs=PATIENT)
    assert entry.line() == make_entry().line().removesuffix(b"}\n") + INPUTS
    assert read_entry(entry.line()) == entry


def test_a_batch_tells_how_many_patients_it_held() -> None:
    entry = make_entry(riesgo_cardiaco=None, probabilidad=None, filas=1000, node="a-1")
    assert entry.line().endswith(b',"filas":1000,"node":"a-1"}\n')
    assert read_entry(entry.line()) == entry
    assert read_entry(entry.line().replace(b"1000", b'"1000"')) is None


@pytest.mark.parametrize("inputs", [b"null", b"[]", b"{}", INPUTS[10:-2].replace(b"40", b'"40"')])
def test_a_line_with_foreign_inputs_is_not_ours(inputs: bytes) -> None:
    assert read_entry(make_entry().line()[:-2] + b',"inputs":' + inputs + b"}\n") is None


def test_a_whole_second_is_written_with_its_microseconds() -> None:
    assert b'"ts":"1970-01-01T00:00:00.000000Z"' in make_entry(ts_seconds=0.0).line()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("ip", ["127.0.0.1", "\ud800"])
def test_what_is_no_number_is_null(number: float, ip: str) -> None:
    line = make_entry(ip=ip, probabilidad=number, timings_ms={"total": number}).line()
    assert b'"probabilidad":null,' in line
    assert b'"timings_ms":{"total":null}' in line


@given(ENTRIES)
def test_a_line_is_one_line_of_ascii_that_loses_nothing(entry: Entry) -> None:
    line, members = entry.line(), asdict(entry)
    moment = datetime.fromtimestamp(members.pop("ts_seconds"), UTC)
    assert [members.pop(name) for name in ("inputs", "filas", "node")] == [None] * 3
    members |= {"v": 1, "ts": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    assert line.isascii()
    assert line.count(b"\n") == 1
    # Through json's own text, which joins two halves of a surrogate pair that stand together.
    assert json.loads(line) == json.loads(json.dumps(members))


@given(ENTRIES)
def test_a_line_reads_back_as_the_entry_to_the_microsecond(entry: Entry) -> None:
    read = read_entry(entry.line())
    assert read is not None
    assert abs(read.ts_seconds - entry.ts_seconds) <= 1e-6
    assert read.line() == entry.line()


def test_later_members_are_passed_over() -> None:
    line = make_entry().line()
    assert read_entry(line.replace(b'{"v":1,', b'{"v":1,"region":"eu",')) == read_entry(line)


@pytest.mark.parametrize("count", range(1, 300, 7))
def test_a_torn_line_is_not_an_entry(count: int) -> None:
    assert read_entry(make_entry().line()[:count]) is None


@pytest.mark.parametrize(
    ("ours", "foreign"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1,', b""),
        (b'"status":200', b'"status":"200"'),
        (b'"status":200', b'"status":true'),
        (b'"status":200,', b""),
        (b"2026-11-22T20:47:23.123456Z", b"yesterday"),
        (b"2026-11-22T20:47:23.123456Z", b"2026-11-22T20:47:23.123456"),
        (b'"ip":"127.0.0.1"', b'"ip":null'),
        (b'"riesgo_cardiaco":true', b'"riesgo_cardiaco":1'),
        (b'"probabilidad":0.97', b'"probabilidad":"0.97"'),
        (b'"auth":0.02', b'"auth":"0.02"'),
        (b'"auth":0.02', b'"auth":NaN'),
        (b'"auth":0.02', b'"auth":1e999'),
        (b'"auth":0.02', b'"auth":1' + b"0" * 400),
        (b'"auth":0.02', b'"auth":1' + b"0" * 5000),
        (b'{"auth":0.02,', b'[{"auth":0.02,'),
    ],
)
def test_a_line_of_another_form_is_not_an_entry(ours: bytes, foreign: bytes) -> None:
    line = make_entry().line()
    assert ours in line
    assert read_entry(line.replace(ours, foreign)) is None


@given(st.binary(max_size=200))
def test_foreign_bytes_are_not_an_entry(text: bytes) -> None:
    assert read_entry(text) is None


@pytest.mark.parametrize("text", [b"\n", b"\0" * 512, b"[" * 100_000, b"null", b"[]", b"{}"])
def test_oddities_are_not_entries(text: bytes) -> None:
    assert read_entry(text) is None
