"""Explanations: the numbers against two independent computations, the sentences against a table."""

from __future__ import annotations

import warnings
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cardiorisk.config import load_settings
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.model.explanations import (
    GRIDS,
    Explanation,
    coalition_rows,
    curves_of,
    explanation_of,
    grid_rows,
    maps_of,
    sentence,
)
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS

PATIENTS = [
    (2.0, 1.2, 1.0, 40, 1, 0),
    (2.0, 1.2, 1.0, 40, 1, 1),
    (2.4, 1.6, 0.9, 30, 0, 0),
    (2.05, 1.41, 1.02, 51, 0, 1),
    (3.0, 1.8, 2.0, 99, 1, 1),
]

probabilities = st.floats(0, 1, width=32)
games = st.lists(probabilities, min_size=64, max_size=64).map(
    lambda worths: np.array(worths, dtype=np.float32)
)


def explain(worths: NDArray[np.float32]) -> Explanation:
    """Explain a game of 64 worths, the coalition's members being the bits of its number."""
    return explanation_of(worths)[1]


def by_all_orders(worths: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute Shapley values as they are defined: the mean over the 720 orders of joining."""
    gains = np.zeros(6)
    orders = list(permutations(range(6)))
    for order in orders:
        coalition = 0
        for player in order:
            joined = coalition | 1 << player
            gains[player] += float(worths[joined]) - float(worths[coalition])
            coalition = joined
    return gains / len(orders)


@given(games)
def test_contributions_are_the_mean_gain_over_every_order(worths: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(explain(worths).contributions, by_all_orders(worths), atol=2e-9)


@given(games)
def test_base_and_contributions_add_up_to_the_probability(worths: NDArray[np.float32]) -> None:
    probability, explanation = explanation_of(worths)
    assert probability == worths[63]
    assert explanation.base + sum(explanation.contributions) == pytest.approx(probability, abs=1e-8)


def test_each_coalition_takes_its_inputs_from_the_patient() -> None:
    background = np.zeros((2, 6), dtype=np.float32)
    rows = coalition_rows(np.arange(1, 7, dtype=np.float32), background).reshape(64, 2, 6)
    assert rows.dtype == np.float32
    assert rows[0].tolist() == [[0] * 6] * 2
    assert rows[63].tolist() == [[1, 2, 3, 4, 5, 6]] * 2
    assert rows[0b001010].tolist() == [[0, 2, 0, 4, 0, 0]] * 2


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return load_artefact(load_settings().model_dir, "litert")


@pytest.fixture(scope="module")
def shap_values(artefact: Artefact) -> Any:
    """What the shap package says of ``PATIENTS``; it walks the coalitions by a Gray code."""
    with warnings.catch_warnings():
        # It calls what its own dependencies have announced to take away.
        warnings.simplefilter("ignore")
        import shap  # noqa: PLC0415 - within what keeps its warnings quiet

    background = np.array(artefact.card.background, dtype=np.float32)
    masker = shap.maskers.Independent(background, max_samples=len(background))

    def run(rows: NDArray[Any]) -> NDArray[np.float64]:
        answers = artefact.engine.probabilities(np.ascontiguousarray(rows, dtype=np.float32))
        return answers.astype(np.float64)

    return shap.ExactExplainer(run, masker)(np.array(PATIENTS, dtype=np.float32))


@pytest.mark.parametrize("number", range(len(PATIENTS)))
def test_the_network_is_explained_as_by_the_shap_package(
    artefact: Artefact, shap_values: Any, number: int
) -> None:
    background = np.array(artefact.card.background, dtype=np.float32)
    rows = coalition_rows(np.array(PATIENTS[number], dtype=np.float32), background)
    explanation = explain(artefact.engine.probabilities(rows))
    assert explanation.contributions == pytest.approx(shap_values.values[number], abs=1e-6)
    assert explanation.base == pytest.approx(shap_values.base_values[number], abs=1e-6)


def test_sentences_name_what_moved_the_answer_the_strongest_first() -> None:
    explanation = Explanation(0.52, (0.01, 0.004, 0.2, 0.29, -0.02, 0.0))
    values = (2.05, 1.2, 1.8, 72.0, 0.0, 0.0)
    assert sentence(0.999998, explanation, values, "es") == (
        "La red da 0,999998 a estos datos y 0,52 de media a sus pacientes de referencia: "
        "la subieron edad = 72 (+0,29), azúcar en sangre = 1,8 (+0,20) y "
        "colesterol total = 2,05 (+0,01); la bajaron sobrepeso = no (-0,02). "
        "Describe el cálculo de la red, no la salud del paciente."
    )
    assert sentence(0.999998, explanation, values, "en") == (
        "The network gives 0.999998 to these values and 0.52 on average to its reference patients: "
        "raised by age = 72 (+0.29), blood sugar = 1.8 (+0.20) and "
        "total cholesterol = 2.05 (+0.01); lowered by overweight = no (-0.02). "
        "This describes the network's arithmetic, not the patient's health."
    )


def test_sentences_say_so_when_nothing_moved_the_answer() -> None:
    explanation = Explanation(0.5, (0.0, 0.004, -0.004, 0.0, 0.0, 0.0))
    assert "ningún dato la movió apreciablemente" in sentence(0.5, explanation, PATIENTS[0], "es")
    assert "no input moved it noticeably" in sentence(0.5, explanation, PATIENTS[0], "en")


def test_a_grid_goes_from_the_field_s_minimum_to_its_maximum() -> None:
    assert [(grid[0], grid[-1]) for grid in GRIDS] == [
        (field.minimum, field.maximum) for field in FIELDS
    ]


def test_in_each_row_of_the_curves_one_input_takes_its_whole_grid() -> None:
    rows = grid_rows(PATIENTS[0], 1)
    assert (rows != np.array(PATIENTS[0], np.float32)).sum(axis=1).max() == 1
    taken = curves_of(rows[:, 3] / np.float32(100), 0.5)  # as if the age were the answer
    assert taken[3][1:] == tuple(age / 100 for age in GRIDS[3][1:])
    assert taken[3][0] == 1e-20
    assert set(taken[0]) == {0.4}
    assert [len(curve) for curve in taken] == [41, 41, 41, 34, 2, 2]
    assert len(rows) == sum(map(len, taken))


def test_a_map_has_the_answer_where_two_inputs_move_and_the_others_stay() -> None:
    rows = grid_rows(PATIENTS[0], 2)
    made = rows @ np.array([0, 0.1, 0, 0.001, 0, 0.3], dtype=np.float32)
    told = maps_of(made, 0.5)
    assert [list(maps) for maps in told.values()] == [list(FIELD_NAMES[n:]) for n in range(1, 6)]
    ages, flags = GRIDS[3], GRIDS[5]
    expected = [[0.12 + 0.001 * age + 0.3 * flag for flag in flags] for age in ages]
    np.testing.assert_allclose(told["edad"]["tabaquismo"], expected, atol=0.0006)
    assert np.shape(told["azucar"]["edad"]) == (len(GRIDS[2]), len(ages))


def test_a_short_probability_stays_on_its_side_of_the_threshold() -> None:
    count = len(grid_rows(PATIENTS[0], 2))
    for exact, told in ((0.2982, 0.298), (0.2986, 0.299), (0.29831, 0.29831), (1e-9, 0.001)):
        maps = maps_of(np.full(count, exact, dtype=np.float32), 0.2983)
        assert maps["sobrepeso"]["tabaquismo"][1][0] == pytest.approx(told, abs=1e-6)
