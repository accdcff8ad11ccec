"""One line of the bitácora; always ASCII, so that none can steer the terminal of who reads it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any

import orjson

from cardiorisk.patients.patient import FIELDS, Patient

FORMAT_VERSION = 1  # the member ``v``: raised when a member changes its meaning
LONGEST_LINE_BYTES = 1 << 20  # a longer one is foreign: ours hold less than 70 KiB
_INPUTS = tuple((field.wire_name, float if field.kind == "number" else int) for field in FIELDS)
_NUMBER = (float, int)
_TEXT_OR_NULL = (str, NoneType)
_TYPES: Mapping[str, tuple[type, ...]] = {  # of members that an entry has under the same name
    "request_id": (str,),
    "key_id": _TEXT_OR_NULL,
    "plan": _TEXT_OR_NULL,
    "method": (str,),
    "route": (str,),
    "status": (int,),
    "ip": (str,),
    "riesgo_cardiaco": (bool, NoneType),
    "probabilidad": (*_NUMBER, NoneType),
    "modelo": _TEXT_OR_NULL,
    "code": _TEXT_OR_NULL,
    "timings_ms": (dict,),
}
_own_members = attrgetter(*_TYPES)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one request and its answer: never a key, a token or a password."""

    ts_seconds: float  # of the arrival, since the epoch
    request_id: str
    method: str
    route: str  # its template, never the raw path
    status: int
    ip: str
    timings_ms: Mapping[str, float]  # by stage, ``total`` last
    key_id: str | None = None
    plan: str | None = None
    riesgo_cardiaco: bool | None = None
    probabilidad: float | None = None
    modelo: str | None = None  # which answered or would have
    code: str | None = None
    inputs: Patient | None = None  # health data, where the settings allow it to be written
    filas: int | None = None  # patients of a batch, which has no result of its own
    node: str | None = None

    def line(self) -> bytes:
        """As one line of JSON, newline included; NaN and infinities as null."""
        members: dict[str, Any] = {"v": FORMAT_VERSION, "ts": timestamp(self.ts_seconds)}
        members.update(zip(_TYPES, _own_members(self), strict=True))
        if self.filas is not None:
            members["filas"] = self.filas
        if self.node is not None:
            members["node"] = self.node
        if self.inputs is not None:
            pairs = zip(_INPUTS, self.inputs.values, strict=True)
            members["inputs"] = {name: number(value) for (name, number), value in pairs}
        try:
            line = orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # half a surrogate pair, which UTF-8 has no form for
            return _escaped_line(members)
        return line if line.isascii() else _escaped_line(members)


def timestamp(seconds: float) -> str:
    """As ISO 8601 in UTC, with microseconds and ``Z``."""
    fraction, whole_seconds = math.modf(seconds)
    carried_seconds, microseconds = divmod(round(fraction * 1_000_000), 1_000_000)
    return f"{_second(int(whole_seconds) + carried_seconds)}.{microseconds:06d}Z"


@lru_cache(maxsize=2)
def _second(whole_seconds: int) -> str:  # many lines share one
    return datetime.fromtimestamp(whole_seconds, UTC).isoformat()[:-6]


def read_entry(line: bytes) -> Entry | None:
    """Read a line back, None where it is torn or not ours; later members are passed over."""
    try:
        try:
            members = orjson.loads(line)
        except ValueError:
            members = json.loads(line)  # which takes half a surrogate pair
        return _entry(members) if members["v"] == FORMAT_VERSION else None
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _escaped_line(members: Mapping[str, Any]) -> bytes:
    finite = json.loads(json.dumps(members), parse_constant=lambda _constant: None)
    return json.dumps(finite, separators=(",", ":")).encode() + b"\n"


def _entry(members: Mapping[str, Any]) -> Entry:
    for name, types in _TYPES.items():
        if type(members[name]) not in types:
            raise TypeError(f"{name} is not of its type")
    for ms in members["timings_ms"].values():
        if type(ms) not in _NUMBER or not math.isfinite(ms):
            raise TypeError("a stage's time is not a number")
    arrived = datetime.fromisoformat(members["ts"])
    if arrived.tzinfo is None:
        raise ValueError("a time without its zone")
    rows, node = members.get("filas"), members.get("node")
    if type(rows) not in {int, NoneType} or type(node) not in _TEXT_OR_NULL:
        raise TypeError("a number of rows, or a node's name, is none")
    inputs = None
    if "inputs" in members:
        values = [members["inputs"][name] for name, _ in _INPUTS]
        if any(type(value) not in _NUMBER for value in values):
            raise TypeError("an input is not a number")
        inputs = Patient(*map(float, values))
    own = {name: members[name] for name in _TYPES}
    return Entry(ts_seconds=arrived.timestamp(), filas=rows, node=node, inputs=inputs, **own)
