"""Scoring a DataFrame as ``cardiorisk score`` does a file; safe in any thread and process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cardiorisk.files.columns import UNITS, Reading, find_field
from cardiorisk.files.table import Batch, Table
from cardiorisk.patients.patient import FIELDS
from cardiorisk.scoring.output import added_columns
from cardiorisk.scoring.scorer import Scorer, load_scorer, output_names

if TYPE_CHECKING:
    from pandas import DataFrame

# By process, as a fork may copy one that is held. LiteRT is for one thread at a time.
_locks: dict[int, Lock] = {}


def predict(
    frame: DataFrame,
    *,
    units: str | Sequence[str] = (),
    column: Mapping[str, str] | None = None,
    decimal: str = ".",
) -> DataFrame:
    """Assess the rows of a DataFrame of pandas; return it with the columns that ``score`` adds.

    Columns are found, units and flags read, and faults worded as in a file; rows and index stay.
    ``units`` are "g/L" (default), "mg/dL" or "mmol/L", and "mmHg"; ``column`` says what ours are
    called there, as in ``{"colesterol": "chol"}``; ``decimal`` is the mark of numbers in texts.
    A field that has no column, or several, raises ``UnusableData``.
    """
    import pandas as pd  # noqa: PLC0415 - whoever has a DataFrame has it

    if not isinstance(frame, pd.DataFrame):
        raise TypeError("predict takes a DataFrame of pandas; map it over the partitions of others")
    units = (units,) if isinstance(units, str) else tuple(units)
    if {*units} - {*UNITS} or len({*units} - {"mmHg"}) > 1:
        raise ValueError(f"units {units}: must be one of g/L, mg/dL and mmol/L, and mmHg")
    theirs = {}
    for ours, name in (column or {}).items():
        if (field := find_field(ours)) is None:
            raise ValueError(f"column {ours!r}: ours are {[each.course_name for each in FIELDS]}")
        theirs[field.wire_name] = str(name)
    names = [str(label) for label in frame.columns]
    table = Table(names, FIELDS, Reading(decimal=decimal, units=units, columns=theirs))
    cells = [_cells(frame.iloc[:, place], decimal) for place in range(len(names))]
    values, faults = table.read(cells, {})
    process = os.getpid()
    with _locks.setdefault(process, Lock()):
        scorer = _scorer(process)
        scores = scorer.score(values, faults)
    added = added_columns(Batch(cells, values, faults), scores, scorer)
    kept = zip(frame.columns, names, output_names(names, scorer.columns), strict=False)
    labels = [label if name == new else new for label, name, new in kept]
    assessed = frame.set_axis(labels, axis=1)
    types = {pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype()}
    for name, said in zip(scorer.columns, added, strict=True):
        assessed[name] = said.to_pandas(types_mapper=types.get).array
    assessed.attrs |= scorer.told
    return assessed


@cache
def _scorer(process: int) -> Scorer:  # noqa: ARG001 - each has its own
    return load_scorer()


def _cells(series: Any, decimal: str) -> pa.Array:
    """Convert a column's cells, to texts where they are of several kinds."""
    try:
        cells = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        texts = (
            each if isinstance(each, str) else str(each).replace(".", decimal) for each in series
        )
        encoded = [text.encode(errors="replace") for text in texts]
        cells = pa.array(encoded, pa.binary(), mask=series.isna().to_numpy(bool))
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
