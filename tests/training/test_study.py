"""What stands beside the network: other models, coarser inputs, and the slow study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.errors import UnusableData
from cardiorisk.training.data import Split, course_rule
from cardiorisk.training.recipe import Recipe
from cardiorisk.training.study import (
    STUDY_FILE,
    Study,
    find_study,
    measure_baselines,
    measure_sensitivity,
    run_study,
    save_study,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.training.study import Baseline, Coarseness


@pytest.fixture(scope="module")
def baselines(split: Split) -> dict[str, Baseline]:
    return {each.name: each for each in measure_baselines(split, split.training, 3)}


def test_trees_learn_the_rule_better_than_a_line_and_a_line_than_the_majority(
    baselines: dict[str, Baseline], split: Split
) -> None:
    majority, line, trees = [each.held_out.accuracy(0.5) for each in baselines.values()]
    usual = split.training.at_risk.mean() > 0.5
    assert majority == pytest.approx((split.held_out.at_risk == usual).mean())
    assert majority < 0.7 < line < 0.9
    assert trees > 0.97


def test_a_grid_is_answered_where_it_has_a_truth(
    baselines: dict[str, Baseline], split: Split
) -> None:
    for each in baselines.values():
        assert each.grid is not None
        assert each.grid.cohort is split.training
    few = Split(*[split.held_out.take(slice(60))] * 4)
    assert [each.grid for each in measure_baselines(few, None, 3)] == [None] * 3


def rule_as_a_network(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return course_rule(values).astype(np.float32)


@pytest.fixture(scope="module")
def cases() -> dict[str, Coarseness]:
    return {case.description: case for case in measure_sensitivity(rule_as_a_network, 0.5, 42)}


def test_a_network_that_is_the_rule_is_as_right_as_the_rule(cases: dict[str, Coarseness]) -> None:
    assert all(case.network == case.rule for case in cases.values())


def test_exact_values_cost_nothing_and_coarser_ones_more(cases: dict[str, Coarseness]) -> None:
    assert cases["valores de la grilla, sin cambios"].rule == 1
    assert cases["valores con todos sus decimales"].rule == 1
    costs = [1 - cases[f"redondeados a {step} (edad exacta)"].rule for step in (0.05, 0.1, 0.2)]
    assert 0 < costs[0] < costs[1] < costs[2] < 0.1
    moved = [cases[f"los mismos, movidos hasta {name} paso"] for name in ("un cuarto de", "medio")]
    assert 0.9 < moved[0].rule < 1
    assert 0.9 < moved[1].rule < 1


def test_a_rounded_age_costs_what_counting_gives(cases: dict[str, Coarseness]) -> None:
    # To 5 years, ages 51 and 52 become 50; 53 and more become 55. Two ages of 99, unless sugar is
    # low or another clause holds: sugar over 1.0 is 0.9 of 1.4, no habits 3/4, and pressure over
    # 1.4 with cholesterol over 2.0 is 0.3/1.1 by 0.9/1.9.
    expected = 2 / 99 * (0.9 / 1.4) * 0.75 * (1 - 0.3 / 1.1 * 0.9 / 1.9)
    assert 1 - cases["edad redondeada a 5 años"].rule == pytest.approx(expected, abs=0.001)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def study(lines: list[str]) -> Study:
    recipe = Recipe(epochs=1, candidates=2, batch_rows=64, steps_per_call=1)
    return run_study(recipe, seeds=(5,), on_result=lines.append)


def test_a_study_has_a_row_for_each_seed_and_the_original(study: Study, lines: list[str]) -> None:
    (row,) = study.seeds
    assert (row.seed, study.epochs, study.candidates) == (5, 1, 2)
    assert row.grid_wrong_cells == round((1 - row.grid_accuracy) * 1_425_600)
    assert 0.4 < row.held_out_accuracy < 1
    assert [line.split(":")[0] for line in lines] == ["seed 5", "original recipe"]


def test_the_original_fed_unscaled_values_says_the_same_to_nearly_everybody(study: Study) -> None:
    assert 0.6 < study.original.grid_accuracy < 1
    assert 0.6 < study.original.held_out_accuracy < 1
    share = study.original.as_served_share_at_risk
    assert max(share, 1 - share) > 0.9


def test_a_saved_study_is_read_back(study: Study, tmp_path: Path) -> None:
    assert find_study(tmp_path) is None
    save_study(study, tmp_path)
    assert find_study(tmp_path) == study


def test_a_broken_study_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / STUDY_FILE).write_text("{}")
    with pytest.raises(UnusableData, match=r"study\.json is not a study; delete it"):
        find_study(tmp_path)
