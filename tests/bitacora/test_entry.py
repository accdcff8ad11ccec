"""The bitácora's line: exactly the contract's record, valid whatever strangers send."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.entry import Entry, read_entry
from cardiorisk.patients.patient import Patient
from tests.bitacora.support import make_entry

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
ANY_TEXT_OR_NONE = st.none() | ANY_TEXT
TIMES_S = st.floats(0, 4_102_444_800)
STAGES_MS = st.dictionaries(ANY_TEXT, st.floats(0, 1e6), max_size=6)
ENTRIES = st.builds(
    Entry,
    ts_seconds=TIMES_S,
    request_id=ANY_TEXT,
    method=ANY_TEXT,
    route=ANY_TEXT,
    status=st.integers(100, 599),
    ip=ANY_TEXT,
    timings_ms=STAGES_MS,
    key_id=ANY_TEXT_OR_NONE,
    plan=ANY_TEXT_OR_NONE,
    riesgo_cardiaco=st.none() | st.booleans(),
    probabilidad=st.none() | st.floats(0, 1),
    modelo=ANY_TEXT_OR_NONE,
    code=ANY_TEXT_OR_NONE,
)


def test_answered_request_is_the_contracts_line() -> None:
    assert make_entry().line() == (
        b'{"v":1,"ts":"2026-11-22T20:47:23.123456Z","request_id":"5f2c",'
        b'"key_id":"key_00112233aabb","plan":"freemium","method":"GET","route":"/service",'
        b'"status":200,"ip":"127.0.0.1","riesgo_cardiaco":true,"probabilidad":0.97,'
        b'"modelo":"a1b2c3","code":null,"timings_ms":{"auth":0.02,"limit":0.01,"validate":0.05,'
        b'"predict":0.8,"total":1.02}}\n'
    )


def test_refused_request_is_the_contracts_line_with_nulls() -> None:
    entry = make_entry(
        key_id=None,
        plan=None,
        status=401,
        riesgo_cardiaco=None,
        probabilidad=None,
        modelo=None,
        code="missing-key",
        timings_ms={"total": 0.1},
    )
    assert entry.line() == (
        b'{"v":1,"ts":"2026-11-22T20:47:23.123456Z","request_id":"5f2c","key_id":null,"plan":null,'
        b'"method":"GET","route":"/service","status":401,"ip":"127.0.0.1","riesgo_cardiaco":null,'
        b'"probabilidad":null,"modelo":null,"code":"missing-key","timings_ms":{"total":0.1}}\n'
    )


def test_no_risk_is_written_as_false() -> None:
    assert b'"riesgo_cardiaco":false' in make_entry(riesgo_cardiaco=False).line()


def test_inputs_are_read_back() -> None:
    entry = make_entry(inputs=Patient(2.05, 1.2, 1.0, 40.0, 0.0, 1.0))
    assert read_entry(entry.line()) == entry


@pytest.mark.parametrize("inputs", ["null", "[]", "{}", '{"edad":"40"}'])
def test_a_line_with_foreign_inputs_is_not_ours(inputs: str) -> None:
    line = make_entry().line().removesuffix(b"}\n") + f',"inputs":{inputs}}}\n'.encode()
    assert read_entry(line) is None


def test_inputs_are_not_written_unless_given() -> None:
    assert "inputs" not in json.loads(make_entry().line())


def test_inputs_are_written_with_their_wire_names() -> None:
    line = make_entry(inputs=Patient(2.05, 1.2, 1.0, 40.0, 0.0, 1.0)).line()
    assert line.endswith(
        b',"inputs":{"nivel_colesterol":2.05,"presion_arterial":1.2,"azucar":1.0,"edad":40,'
        b'"sobrepeso":0,"tabaquismo":1}}\n'
    )


def test_whole_second_is_written_with_its_microseconds() -> None:
    assert b'"ts":"1970-01-01T00:00:00.000000Z"' in make_entry(ts_seconds=0.0).line()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_probability_that_is_no_number_is_null(number: float) -> None:
    assert json.loads(make_entry(probabilidad=number).line())["probabilidad"] is None


def test_numpy_numbers_are_written_as_plain_ones() -> None:
    line = make_entry(probabilidad=np.float32(0.25), timings_ms={"total": np.float64(1.5)}).line()
    assert b'"probabilidad":0.25,' in line
    assert b'{"total":1.5}' in line


def _refuse_constant(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def _as_json_would_write_it(entry: Entry) -> dict[str, Any]:
    moment = datetime.fromtimestamp(entry.ts_seconds, UTC)
    return {
        "v": 1,
        "ts": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "request_id": entry.request_id,
        "key_id": entry.key_id,
        "plan": entry.plan,
        "method": entry.method,
        "route": entry.route,
        "status": entry.status,
        "ip": entry.ip,
        "riesgo_cardiaco": entry.riesgo_cardiaco,
        "probabilidad": entry.probabilidad,
        "modelo": entry.modelo,
        "code": entry.code,
        "timings_ms": dict(entry.timings_ms),
    }


@given(ENTRIES)
def test_line_is_what_json_would_write(entry: Entry) -> None:
    written = json.dumps(_as_json_would_write_it(entry), separators=(",", ":")) + "\n"
    assert entry.line() == written.encode()


@given(ENTRIES)
def test_line_is_one_line_of_strict_json(entry: Entry) -> None:
    line = entry.line()
    assert line.count(b"\n") == 1
    json.loads(line, parse_constant=_refuse_constant)


@given(ENTRIES)
def test_line_reads_back_as_the_entry_to_the_microsecond(entry: Entry) -> None:
    read = read_entry(entry.line())
    assert read is not None
    assert abs(read.ts_seconds - entry.ts_seconds) <= 1e-6
    assert read.line() == entry.line()


def test_later_members_are_passed_over() -> None:
    line = make_entry().line()
    assert read_entry(line.replace(b'{"v":1,', b'{"v":1,"region":"eu",')) == read_entry(line)


@pytest.mark.parametrize("count", range(1, 300, 7))
def test_torn_line_is_not_an_entry(count: int) -> None:
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
def test_line_of_another_form_is_not_an_entry(ours: bytes, foreign: bytes) -> None:
    line = make_entry().line()
    assert ours in line
    assert read_entry(line.replace(ours, foreign)) is None


@given(st.binary(max_size=200))
def test_foreign_bytes_are_not_an_entry(text: bytes) -> None:
    assert read_entry(text) is None


@pytest.mark.parametrize(
    "text", [b"\n", b"\0" * 512, b"[" * 100_000, b"null", b"[]", b"{}", b"\xef\xbb\xbf{}", b"\xff"]
)
def test_oddities_are_not_entries(text: bytes) -> None:
    assert read_entry(text) is None
