"""The other models: they learn what can be told beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.training.baselines import measure_baselines
from cardiorisk.training.data import Split

if TYPE_CHECKING:
    from cardiorisk.training.baselines import Baseline


@pytest.fixture(scope="module")
def baselines(split: Split) -> dict[str, Baseline]:
    return {each.name: each for each in measure_baselines(split, split.held_out, 3)}


def test_the_majority_always_says_what_most_training_rows_are(
    baselines: dict[str, Baseline], split: Split
) -> None:
    usual = split.training.at_risk.mean() > 0.5
    expected = (split.held_out.at_risk == usual).mean()
    assert baselines["mayoría"].held_out.accuracy(0.5) == pytest.approx(expected)


def test_trees_learn_the_rule_better_than_a_line_does(baselines: dict[str, Baseline]) -> None:
    trees = baselines["gradient boosting"].held_out.accuracy(0.5)
    line = baselines["regresión logística"].held_out.accuracy(0.5)
    assert 0.7 < line < 0.9
    assert trees > 0.97


def test_the_grids_accuracy_is_that_of_the_cohort_that_was_given(
    baselines: dict[str, Baseline],
) -> None:
    for each in baselines.values():
        assert each.grid_accuracy == pytest.approx(each.held_out.accuracy(0.5))


def test_a_grid_without_truth_gives_no_accuracy(split: Split) -> None:
    few = Split(*[split.held_out.take(np.arange(60))] * 4)
    assert [each.grid_accuracy for each in measure_baselines(few, None, 3)] == [None] * 3
