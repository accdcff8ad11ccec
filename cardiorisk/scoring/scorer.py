"""Scoring a table: which rows can be assessed, and what the network says of them.

No files here. A row that cannot be assessed is never dropped: it has no probability, and a
reason instead.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.model.card import ROUNDING
from cardiorisk.patients.patient import RISK_COLUMN
from cardiorisk.patients.table import parse_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cardiorisk.model.engines import Artefact

ADDED_COLUMNS = ("probabilidad", RISK_COLUMN, "error")
KEPT_SUFFIX = "_entrada"
"""What an input column of one of those names is called in the output: its values are kept."""

MILLIONTHS = 1_000_000
"""Probabilities have 6 decimals, as the service gives them, and are counted in millionths here."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What is said of each row of a table.

    Attributes:
        millionths: probability times a million, int64, shape (n,), -1 where there is none.
        at_risk: bool, shape (n,); False where there is no probability.
        reasons: by row, why it could not be assessed.
        outside_training: how many assessed rows have a value beyond all that training saw.
    """

    millionths: NDArray[np.int64]
    at_risk: NDArray[np.bool_]
    reasons: Mapping[int, str]
    outside_training: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be assessed: its line in the file (the first is 1), and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done since the last time.

    Attributes:
        length: how far the input was read: bytes of CSV, rows of Parquet.
        bad_rows: those of ``rows`` that could not be assessed.
        outside_training: how many of the others have a value beyond all that training saw.
    """

    length: int
    rows: int
    bad_rows: Sequence[BadRow]
    outside_training: int


class Scorer:
    """The network over tables; the columns have the wire names or the course's names."""

    def __init__(self, artefact: Artefact) -> None:
        self._engine = artefact.engine
        self._threshold = artefact.card.threshold
        seen = artefact.card.training_fields
        self._lowest = np.array([field.lowest for field in seen]) - ROUNDING  # (6,)
        self._highest = np.array([field.highest for field in seen]) + ROUNDING

    def score(self, frame: pd.DataFrame, unreadable: Mapping[int, str] | None = None) -> Scores:
        """Assess every row that can be; ``unreadable`` says which are known not to, and why."""
        values, faults = parse_frame(frame)  # (n, 6)
        by_row: dict[int, list[str]] = defaultdict(list)
        for found in faults:
            by_row[found.row].append(f"{found.fault.field} {found.fault.detail}")
        reasons = {row: "; ".join(said) for row, said in by_row.items()} | dict(unreadable or {})
        is_good = np.ones(len(values), dtype=np.bool_)
        is_good[list(reasons)] = False
        millionths = np.full(len(values), -1, dtype=np.int64)
        if is_good.any():
            good = values if is_good.all() else np.ascontiguousarray(values[is_good])
            probabilities = self._engine.probabilities(good).astype(np.float64)
            millionths[is_good] = np.rint(probabilities * MILLIONTHS).astype(np.int64)
        is_outside = ((values < self._lowest) | (values > self._highest)).any(axis=1)  # (n,)
        return Scores(
            millionths,
            millionths / MILLIONTHS >= self._threshold,
            reasons,
            int((is_outside & is_good).sum()),
        )


def output_names(names: Sequence[str]) -> list[str]:
    """Return the names of the output's columns: the input's, then the added ones.

    An input column with the name of an added one (the course's files have ``riesgo_cardiaco``)
    is kept under a longer name.
    """
    taken = {*names, *ADDED_COLUMNS}
    kept = []
    for name in names:
        kept_name = name
        while kept_name in ADDED_COLUMNS or (kept_name != name and kept_name in taken):
            kept_name += KEPT_SUFFIX
        taken.add(kept_name)
        kept.append(kept_name)
    return [*kept, *ADDED_COLUMNS]
