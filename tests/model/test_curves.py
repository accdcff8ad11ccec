"""The rows of the curves, and how they are cut."""

from __future__ import annotations

import numpy as np

from cardiorisk.model.curves import CURVE_ROWS, GRIDS, curve_rows, curves_of
from cardiorisk.patients.patient import FIELDS

PATIENT = np.array([2.0, 1.2, 1.0, 40, 1, 0], dtype=np.float32)


def test_a_grid_goes_from_the_field_s_minimum_to_its_maximum() -> None:
    assert [(grid[0], grid[-1]) for grid in GRIDS] == [
        (field.minimum, field.maximum) for field in FIELDS
    ]


def test_in_each_row_one_value_at_most_is_not_the_patient_s() -> None:
    changed = (curve_rows(PATIENT) != PATIENT).sum(axis=1)
    assert changed.max() == 1


def test_each_value_takes_its_whole_grid() -> None:
    rows = curve_rows(PATIENT)
    taken = curves_of(rows[:, 3])  # as if the age were the answer
    assert taken[3] == GRIDS[3]
    assert set(taken[0]) == {40.0}
    assert sum(map(len, taken)) == CURVE_ROWS == 3 * 41 + 34 + 2 + 2
