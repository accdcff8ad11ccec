"""What if: the network's answer as one input moves over its range and the others stay.

It must not be read as advice: the network is asked about patients that nobody would meet, and it
says nothing of what happens to a person whose value changes. The surprise: the grids do not hold
the patient's own value, whose probability is the answer itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.patients.patient import FIELDS, Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURVE_POINTS = 41
"""Points of a number's curve; the steepest rise spans several of them."""
YEARS_APART = 3
"""Between the points of an integer's curve."""
_DECIMALS = 6  # as the answer's own probability has


def _grid(field: Field) -> tuple[float, ...]:
    if field.kind == "number":
        points = np.linspace(field.minimum, field.maximum, CURVE_POINTS).round(_DECIMALS)
        return tuple(points.tolist())
    step = 1 if field.kind == "flag" else YEARS_APART
    return tuple(float(value) for value in range(int(field.minimum), int(field.maximum) + 1, step))


GRIDS: tuple[tuple[float, ...], ...] = tuple(_grid(field) for field in FIELDS)
"""The values that each input takes, in ``FIELDS`` order, from its minimum to its maximum."""

CURVE_ROWS = sum(map(len, GRIDS))
"""Rows that all curves of one patient take."""


def curve_rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make the rows that must be run to draw one patient's curves.

    Args:
        values: the patient, float32, shape (6,), in ``FIELDS`` order.

    Returns:
        float32, shape (CURVE_ROWS, 6): one grid after the other, in ``FIELDS`` order.
    """
    rows = np.tile(values, (CURVE_ROWS, 1))  # (CURVE_ROWS, 6)
    start = 0
    for column, grid in enumerate(GRIDS):
        rows[start : start + len(grid), column] = grid
        start += len(grid)
    return rows


def curves_of(probabilities: NDArray[np.float32]) -> tuple[tuple[float, ...], ...]:
    """Cut the probabilities of the rows of ``curve_rows`` into one curve for each input."""
    rounded = probabilities.astype(np.float64).round(_DECIMALS).tolist()
    curves, start = [], 0
    for grid in GRIDS:
        curves.append(tuple(rounded[start : start + len(grid)]))
        start += len(grid)
    return tuple(curves)
