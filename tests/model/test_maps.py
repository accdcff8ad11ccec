"""Maps of every two inputs."""

from __future__ import annotations

import numpy as np
import pytest

from cardiorisk.model.explanations import GRIDS
from cardiorisk.model.maps import map_rows, maps_of
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES


def test_a_map_has_the_answer_where_two_inputs_move_and_the_others_stay() -> None:
    values = tuple(EXAMPLE.values())
    rows = map_rows(values)
    made = rows @ np.array([0, 0.1, 0, 0.001, 0, 0.3], dtype=np.float32)
    told = maps_of(made, 0.5)
    assert [list(maps) for maps in told.values()] == [list(FIELD_NAMES[n:]) for n in range(1, 6)]
    ages, flags = GRIDS[3], GRIDS[5]
    expected = [[0.12 + 0.001 * age + 0.3 * flag for flag in flags] for age in ages]
    np.testing.assert_allclose(told["edad"]["tabaquismo"], expected, atol=0.0006)
    assert np.shape(told["azucar"]["edad"]) == (len(GRIDS[2]), len(ages))


def test_a_short_probability_stays_on_its_side_of_the_threshold() -> None:
    count = len(map_rows(tuple(EXAMPLE.values())))
    for exact, told in ((0.2982, 0.298), (0.2986, 0.299), (0.29831, 0.29831), (1e-9, 0.001)):
        maps = maps_of(np.full(count, exact, dtype=np.float32), 0.2983)
        assert maps["sobrepeso"]["tabaquismo"][1][0] == pytest.approx(told, abs=1e-6)
