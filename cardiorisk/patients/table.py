"""Patients in a table, such as a CSV file: every cell of a column that is known, or its fault.

It reads as ``patient`` does, with what a spreadsheet writes besides (`` +040.``), which JSON would
not allow.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cardiorisk.errors import FieldFault, UnusableData
from cardiorisk.patients.patient import FIELDS, FLAG_WORDS, Field, accepted_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

_TABLE_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RowFault:
    """A fault in a table of patients; ``row`` counts from 0 and leaves the header out."""

    row: int
    fault: FieldFault


def parse_frame(frame: pd.DataFrame) -> tuple[NDArray[np.float32], tuple[RowFault, ...]]:
    """Read patients from a table whose columns have either the wire names or the course's names.

    Other columns are ignored, the course's row number among them.

    Returns:
        Values (shape (n, 6), columns in ``FIELDS`` order, NaN where a value cannot be accepted)
        and the faults, by row and then by field.
    """
    columns = patient_columns(list(frame.columns))
    values = np.empty((len(frame), len(FIELDS)), dtype=np.float32)
    for index, (field, column) in enumerate(zip(FIELDS, columns, strict=True)):
        values[:, index] = _column_numbers(field, frame[column])
    faults = [
        RowFault(int(row), FieldFault(columns[index], f"must be {FIELDS[index].accepted}"))
        for row, index in np.argwhere(np.isnan(values))
    ]
    return values, tuple(faults)


def patient_columns(names: Sequence[str]) -> list[str]:
    """Return which six of a table's columns hold the patient, in ``FIELDS`` order.

    Raises:
        UnusableData: no column holds a field, or more than one does.
    """
    columns = []
    for field in FIELDS:
        found = [name for name in names if name in {field.wire_name, field.course_name}]
        if len(found) != 1:
            reason = "stands more than once" if found else "is missing"
            raise UnusableData(
                f"column {field.course_name!r} (or {field.wire_name!r}) {reason}; "
                f"the columns are: {', '.join(map(str, names))}"
            )
        columns += found
    return columns


def _column_numbers(field: Field, column: pd.Series[Any]) -> NDArray[np.float64]:
    """Read each cell as ``_cell`` does, only faster where the column's type is known."""
    kind, name = column.dtype.kind, column.dtype.name
    if kind in "iuf" or (kind == "b" and field.kind == "flag"):
        numbers: NDArray[np.float64] = column.to_numpy(
            dtype=np.float64, na_value=math.nan, copy=True
        )
        accepted = (numbers >= field.minimum) & (numbers <= field.maximum)
        if field.kind != "number":
            accepted &= numbers == np.floor(numbers)
        numbers[~accepted] = math.nan
        return numbers + 0.0  # which takes the sign of a negative zero
    if name in {"str", "string"}:
        places, texts = column.factorize()  # a missing cell has the place -1, which is the NaN
        cells = np.array([*(_cell(field, text) for text in texts), math.nan], dtype=np.float64)
        return np.take(cells, places)
    return np.array([_cell(field, cell) for cell in column.tolist()], dtype=np.float64)


def _cell(field: Field, cell: object) -> float:
    """Return one CSV cell as a number, NaN where it cannot be accepted."""
    if isinstance(cell, str):
        text = cell.strip().lower()
        is_number = _TABLE_NUMBER.fullmatch(text) is not None
        cell = FLAG_WORDS[text] if text in FLAG_WORDS else float(text) if is_number else None
    number = accepted_number(field, cell)
    return math.nan if number is None else number
