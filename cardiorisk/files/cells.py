"""What cells say: numbers in whatever unit, flags in words, and what is wrong with the others."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cardiorisk.files.columns import UNITS
from cardiorisk.patients.names import folded
from cardiorisk.patients.patient import Field, accepted_number

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.ASCII)
_YES, _NO = ("true", "verdadero", "si", "s", "yes", "y"), ("false", "falso", "no", "n")
_FLAGS = dict.fromkeys(_YES, 1.0) | dict.fromkeys(_NO, 0.0)
_NOTHING = {"", "na", "n/a", "nan", "null", "none", "#n/a"}
_TEXTS = (pa.types.is_binary, pa.types.is_string, pa.types.is_large_string)
_OTHER_DECIMAL = re.compile(r"\d+[.,]\d+")
_IN_TENS = 10  # a pressure from here on is in mmHg: 60 to 180, beside 0.6 to 1.8 in 100 mmHg


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken; those of one kind are counted together."""

    kind: str
    hint: str = ""

    def __str__(self) -> str:
        return self.kind + self.hint


@dataclass(frozen=True, slots=True)
class Meaning:
    decimal: str = "."
    units: tuple[str, ...] = ()

    def numbers(self, field: Field, column: pa.Array) -> NDArray[np.float64]:
        """Read a column in the field's unit, NaN where a cell is not accepted."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        numbers = np.full(len(column), math.nan)
        if any(is_text(column.type) for is_text in _TEXTS):
            numbers = self._read(field, column)
        elif field.kind == "flag" or not pa.types.is_boolean(column.type):
            with suppress(pa.ArrowNotImplementedError):  # dates, lists and the like
                numbers = _floats(column.cast(pa.float64(), safe=False))
        values = self.in_unit(field, numbers)
        accepted = (values >= field.minimum) & (values <= field.maximum)
        if field.kind != "number":
            accepted &= values == np.floor(values)
        return np.where(accepted, values + 0.0, math.nan)  # + 0.0 takes a zero's sign

    def fault(self, field: Field, cell: object) -> Fault:
        text = cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)
        meaning = self if isinstance(cell, bytes | str) else Meaning(".", self.units)
        return _fault(meaning, field, text.strip())

    def _read(self, field: Field, column: pa.Array) -> NDArray[np.float64]:
        if self.decimal == ".":  # nearly all columns are plain numbers, which are cast at once
            with suppress(pa.ArrowInvalid):
                return _floats(column.cast(pa.string()).cast(pa.float64()))
        different = column.cast(pa.binary()).dictionary_encode()
        cells = [cell.decode(errors="replace") for cell in different.dictionary.to_pylist()]
        numbers = np.array([*(self.number(field, cell) for cell in cells), math.nan])
        return np.asarray(numbers[different.indices.fill_null(len(cells)).to_numpy()])

    def number(self, field: Field, cell: str) -> float:
        text = cell.strip().lower()
        if field.kind == "flag":
            if (flag := _FLAGS.get(folded(text))) is not None:
                return flag
            text = text.replace(",", ".")  # 1.0 and 1,0 are meant alike in any file
        elif self.decimal != ".":
            text = text.replace(".", "x").replace(self.decimal, ".")
        return float(text) if _NUMBER.fullmatch(text) else math.nan

    def in_unit(self, field: Field, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        for unit in self.units:
            if (per_unit := UNITS[unit].get(field.name)) is not None:
                return numbers / np.float64(per_unit)
        if field.name in UNITS["mmHg"] and {"mg/dL", "mmol/L"} & set(self.units):
            return np.where(numbers >= _IN_TENS, numbers / 100, numbers)
        return numbers


def _floats(column: pa.Array) -> NDArray[np.float64]:
    return np.asarray(column.fill_null(math.nan).to_numpy(), np.float64)


@lru_cache(maxsize=4096)
def _fault(meaning: Meaning, field: Field, text: str) -> Fault:
    if text.lower() in _NOTHING:
        return Fault("is empty")
    if field.kind == "flag":
        return Fault("must be 0 or 1 (or no, si, false, true, falso, verdadero)")
    number = meaning.number(field, text)
    if math.isnan(number):
        taken = f"; the decimal mark is taken to be {meaning.decimal!r} (--decimal)"
        return Fault("is not a number", taken * bool(_OTHER_DECIMAL.fullmatch(text)))
    value = float(meaning.in_unit(field, np.array([number]))[0])
    if field.minimum <= value <= field.maximum:
        return Fault(f"is not a whole number of {field.unit}")
    side, edge = ("beyond", field.maximum) if value > field.minimum else ("below", field.minimum)
    shown = f"{edge:.1f}" if field.kind == "number" else f"{edge:g}"
    unit = f"({field.unit})" if field.unit[0].isdigit() else field.unit
    return Fault(f"is {side} {shown} {unit}", _unit_hint(meaning, field, number, value))


def _unit_hint(meaning: Meaning, field: Field, number: float, value: float) -> str:
    per_unit = {unit: per[field.name] for unit, per in UNITS.items() if field.name in per}
    if value != number:
        used = next((unit for unit in meaning.units if unit in per_unit), "mmHg")
        return f"; {number:g} {used} is {value:.2f}"
    for unit, per in per_unit.items():
        if accepted_number(field, number / per) is not None:
            return f"; {number:g} {unit} is {number / per:.2f} (--units {unit})"
    return ""
