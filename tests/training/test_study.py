"""What stands beside the network: other models, coarser inputs, and the slow study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData
from cardiorisk.training.data import Split, course_rule
from cardiorisk.training.recipe import Recipe
from cardiorisk.training.study import (
    STUDY_FILE,
    find_study,
    measure_baselines,
    measure_sensitivity,
    run_study,
    save_study,
)


def test_trees_learn_the_rule_better_than_a_line_and_a_line_than_the_majority(
    split: Split,
) -> None:
    baselines = measure_baselines(split, split.training, 3)
    majority, line, trees = [each.held_out.accuracy(0.5) for each in baselines]
    usual = split.training.at_risk.mean() > 0.5
    assert majority == pytest.approx((split.held_out.at_risk == usual).mean())
    assert majority < 0.7 < line < 0.9
    assert trees > 0.97
    assert all(each.grid and each.grid.cohort is split.training for each in baselines)
    few = Split(*[split.held_out.take(slice(60))] * 4)
    assert [each.grid for each in measure_baselines(few, None, 3)] == [None] * 3


def rule_as_a_network(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return course_rule(values).astype(np.float32)


def test_exact_values_cost_nothing_and_coarser_ones_more() -> None:
    cases = measure_sensitivity(rule_as_a_network, 0.5, 42)
    assert all(case.network == case.rule for case in cases)
    rules = {case.description: case.rule for case in cases}
    assert rules["valores de la grilla, sin cambios"] == 1
    assert rules["valores con todos sus decimales"] == 1
    costs = [1 - rules[f"redondeados a {step} (edad exacta)"] for step in (0.05, 0.1, 0.2)]
    assert 0 < costs[0] < costs[1] < costs[2] < 0.1
    for name in ("un cuarto de", "medio"):
        assert 0.9 < rules[f"los mismos, movidos hasta {name} paso"] < 1
    # To 5 years, ages 51 and 52 become 50; 53 and more become 55. Two ages of 99, unless sugar is
    # low or another clause holds: sugar over 1.0 is 0.9 of 1.4, no habits 3/4, and pressure over
    # 1.4 with cholesterol over 2.0 is 0.3/1.1 by 0.9/1.9.
    expected = 2 / 99 * (0.9 / 1.4) * 0.75 * (1 - 0.3 / 1.1 * 0.9 / 1.9)
    assert 1 - rules["edad redondeada a 5 años"] == pytest.approx(expected, abs=0.001)


def test_a_study_has_a_row_for_each_seed_and_the_original_and_is_read_back(tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = Recipe(epochs=1, candidates=2, batch_rows=64, steps_per_call=1)
    study = run_study(recipe, seeds=(5,), on_result=lines.append)
    (row,) = study.seeds
    assert (row.seed, study.epochs, study.candidates) == (5, 1, 2)
    assert row.grid_wrong_cells == round((1 - row.grid_accuracy) * 1_425_600)
    assert 0.4 < row.held_out_accuracy < 1
    assert [line.split(":")[0] for line in lines] == ["seed 5", "original recipe"]
    assert 0.6 < study.original.grid_accuracy < 1
    assert 0.6 < study.original.held_out_accuracy < 1
    # Fed unscaled values, it says the same to nearly everybody.
    share = study.original.as_served_share_at_risk
    assert max(share, 1 - share) > 0.9
    assert find_study(tmp_path) is None
    save_study(study, tmp_path)
    assert find_study(tmp_path) == study
    (tmp_path / STUDY_FILE).write_text("{}")
    with pytest.raises(UnusableData, match=r"study\.json is not a study; delete it"):
        find_study(tmp_path)
