"""The study: kept beside the report, and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import UnusableData
from cardiorisk.training.recipe import Recipe
from cardiorisk.training.study import STUDY_FILE, Study, find_study, run_study, save_study

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def study(lines: list[str]) -> Study:
    return run_study(
        Recipe(epochs=1, candidates=2), seeds=(5,), original_epochs=1, on_result=lines.append
    )


def test_a_study_has_a_row_for_each_seed_and_the_original(study: Study) -> None:
    assert [row.seed for row in study.seeds] == [5]
    assert (study.epochs, study.candidates) == (1, 2)
    assert 0.4 < study.original.grid_accuracy < 1


def test_wrong_cells_and_accuracy_say_the_same(study: Study) -> None:
    row = study.seeds[0]
    assert row.grid_wrong_cells == round((1 - row.grid_accuracy) * 1_425_600)


def test_the_original_fed_unscaled_values_says_the_same_to_nearly_everybody(study: Study) -> None:
    share = study.original.as_served_share_at_risk
    assert max(share, 1 - share) > 0.9


def test_a_line_is_reported_after_each_result(study: Study, lines: list[str]) -> None:
    assert study.seeds
    assert [line.split(":")[0] for line in lines] == ["seed 5", "original recipe"]


def test_a_saved_study_is_read_back(study: Study, tmp_path: Path) -> None:
    save_study(study, tmp_path)
    assert find_study(tmp_path) == study


def test_a_directory_without_a_study_has_none(tmp_path: Path) -> None:
    assert find_study(tmp_path) is None


def test_a_broken_study_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / STUDY_FILE).write_text("{}")
    with pytest.raises(UnusableData, match=r"study\.json is not a study; delete it"):
        find_study(tmp_path)
