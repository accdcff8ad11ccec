"""Coarser inputs: what the rule itself loses is what an exact network would lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.training.data import course_rule
from cardiorisk.training.sensitivity import Coarseness, measure_sensitivity

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rule_as_a_network(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return course_rule(values).astype(np.float32)


@pytest.fixture(scope="module")
def cases() -> dict[str, Coarseness]:
    return {case.description: case for case in measure_sensitivity(rule_as_a_network, 0.5, 42)}


def test_a_network_that_is_the_rule_is_as_right_as_the_rule(cases: dict[str, Coarseness]) -> None:
    assert all(case.network == case.rule for case in cases.values())


@pytest.mark.parametrize(
    "description", ["valores de la grilla, sin cambios", "valores con todos sus decimales"]
)
def test_exact_values_cost_nothing(cases: dict[str, Coarseness], description: str) -> None:
    assert cases[description].rule == 1


def test_coarser_rounding_costs_more(cases: dict[str, Coarseness]) -> None:
    costs = [1 - cases[f"redondeados a {step} (edad exacta)"].rule for step in (0.05, 0.1, 0.2)]
    assert 0 < costs[0] < costs[1] < costs[2] < 0.1


def test_a_rounded_age_costs_what_counting_gives(cases: dict[str, Coarseness]) -> None:
    # To 5 years, ages 51 and 52 become 50; 53 and more become 55. Two ages of 99, unless sugar is
    # low or another clause holds: sugar over 1.0 is 0.9 of 1.4, no habits 3/4, and pressure over
    # 1.4 with cholesterol over 2.0 is 0.3/1.1 by 0.9/1.9.
    expected = 2 / 99 * (0.9 / 1.4) * 0.75 * (1 - 0.3 / 1.1 * 0.9 / 1.9)
    assert 1 - cases["edad redondeada a 5 años"].rule == pytest.approx(expected, abs=0.001)
