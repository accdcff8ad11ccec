"""One line of the bitácora: what is written of a request, and how it is read back.

An entry never holds a key, a token or a password: there is no member for one. The inputs are
health data and are written only when the caller hands them over. The surprise: a line is put
together by hand and not by ``json.dumps``, because it is written while the caller waits; the
tests hold the two against each other. Text is written in ASCII with JSON's escapes, so that a
line stays valid whatever a stranger sends as method or address, half a surrogate pair included.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from types import NoneType
from typing import TYPE_CHECKING, Any

from cardiorisk.patients.patient import FIELDS, Patient

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION = 1
"""The member ``v``: raised when a member changes its meaning, not when one is added."""

_INPUT_START = tuple((f'"{field.wire_name}":', field.kind == "number") for field in FIELDS)
_NUMBER = (float, int)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one request and its answer.

    Attributes:
        ts_seconds: when the request arrived, seconds since the epoch, UTC.
        request_id: the id that the answer carries.
        key_id: the public name of the key, None where no key was accepted.
        plan: the account's plan, None where no key was accepted.
        method: the HTTP method as received.
        route: the route's template, never the raw path.
        status: the answer's HTTP status.
        ip: the caller's address.
        riesgo_cardiaco: the answer, None where none was given.
        probabilidad: its probability, None where none was given.
        modelo: the version of the network that answered or, where none was asked, that would
            have; None while none is loaded.
        code: the error's code, None where there was none.
        timings_ms: milliseconds by stage, ``total`` last.
        inputs: the patient, where the settings allow it to be written.
    """

    ts_seconds: float
    request_id: str
    method: str
    route: str
    status: int
    ip: str
    timings_ms: Mapping[str, float]
    key_id: str | None = None
    plan: str | None = None
    riesgo_cardiaco: bool | None = None
    probabilidad: float | None = None
    modelo: str | None = None
    code: str | None = None
    inputs: Patient | None = None

    def line(self) -> bytes:
        """Write the entry as one line of JSON, newline included."""
        timings = ",".join(
            [f"{_quoted(stage)}:{_number(ms)}" for stage, ms in self.timings_ms.items()]
        )
        risk = self.riesgo_cardiaco
        return (
            f'{{"v":1,"ts":"{timestamp(self.ts_seconds)}"'
            f',"request_id":{_quoted(self.request_id)}'
            f',"key_id":{_text(self.key_id)}'
            f',"plan":{_text(self.plan)}'
            f',"method":{_quoted(self.method)}'
            f',"route":{_quoted(self.route)}'
            f',"status":{self.status}'
            f',"ip":{_quoted(self.ip)}'
            f',"riesgo_cardiaco":{"null" if risk is None else "true" if risk else "false"}'
            f',"probabilidad":{_number(self.probabilidad)}'
            f',"modelo":{_text(self.modelo)}'
            f',"code":{_text(self.code)}'
            f',"timings_ms":{{{timings}}}'
            f"{_inputs(self.inputs)}}}\n"
        ).encode("ascii")


def timestamp(seconds: float) -> str:
    """Write a time as ISO 8601 in UTC, with microseconds and ``Z``."""
    fraction, whole_seconds = math.modf(seconds)
    carried_seconds, microseconds = divmod(round(fraction * 1_000_000), 1_000_000)
    return f"{_second(int(whole_seconds) + carried_seconds)}.{microseconds:06d}Z"


@lru_cache(maxsize=2)
def _second(whole_seconds: int) -> str:
    """Write a second, which many lines share."""
    return datetime.fromtimestamp(whole_seconds, UTC).isoformat()[:-6]


def read_entry(line: bytes) -> Entry | None:
    """Read a line back, or return None where it is torn or is not one of ours.

    Members that a later version adds are passed over.
    """
    try:
        members = json.loads(line)
        if type(members) is not dict or members["v"] != FORMAT_VERSION:
            return None
        return _entry(members)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _number(number: float | None) -> str:
    """Write a number; one that JSON has no form for (NaN, infinite) becomes null."""
    return "null" if number is None or not math.isfinite(number) else f"{number}"


def _inputs(patient: Patient | None) -> str:
    if patient is None:
        return ""
    members = [
        start + (_number(value) if is_measured else f"{value:.0f}")
        for (start, is_measured), value in zip(_INPUT_START, patient.values, strict=True)
    ]
    return f',"inputs":{{{",".join(members)}}}'


def _entry(members: Mapping[str, Any]) -> Entry:
    """Make an entry of a line's members; raises what ``read_entry`` takes for a foreign line."""
    arrived = datetime.fromisoformat(members["ts"])
    if arrived.tzinfo is None:
        raise ValueError("a time without its zone")
    timings_ms = _member(members, "timings_ms", dict)
    for ms in timings_ms.values():
        if type(ms) not in _NUMBER or not math.isfinite(ms):
            raise TypeError("a stage's time is not a number")
    return Entry(
        ts_seconds=arrived.timestamp(),
        request_id=_member(members, "request_id", str),
        method=_member(members, "method", str),
        route=_member(members, "route", str),
        status=_member(members, "status", int),
        ip=_member(members, "ip", str),
        timings_ms=timings_ms,
        key_id=_member(members, "key_id", str, NoneType),
        plan=_member(members, "plan", str, NoneType),
        riesgo_cardiaco=_member(members, "riesgo_cardiaco", bool, NoneType),
        probabilidad=_member(members, "probabilidad", *_NUMBER, NoneType),
        modelo=_member(members, "modelo", str, NoneType),
        code=_member(members, "code", str, NoneType),
        inputs=_patient(_member(members, "inputs", dict)) if "inputs" in members else None,
    )


def _patient(members: Mapping[str, Any]) -> Patient:
    return Patient(*(float(_member(members, field.wire_name, *_NUMBER)) for field in FIELDS))


def _member(members: Mapping[str, Any], name: str, *types: type) -> Any:
    value = members[name]
    if type(value) not in types:
        raise TypeError(f"{name} is not of its type")
    return value
