"""The slow comparison: the recipe on ten data seeds, and the original recipe once.

It takes a quarter of an hour, so it is run by hand (``python train.py --study``) and its figures
are kept beside the report, which shows them. It saves no network. The held-out rows of a seed and
the grid are measured after the choice and steer nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import keras
from pydantic import BaseModel, ConfigDict, ValidationError

from cardiorisk.errors import UnusableData
from cardiorisk.training.baselines import Original, run_original
from cardiorisk.training.data import make_cohort, split_cohort, whole_grid
from cardiorisk.training.figures import EVEN_THRESHOLD, Answered
from cardiorisk.training.network import train
from cardiorisk.training.recipe import DEFAULT_SEED, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STUDY_FILE = "study.json"
STUDY_SEEDS = tuple(range(1, 11))

_ROWS_PER_CALL = 65_536


class SeedFigures(BaseModel):
    """One data seed: other patients, another split, other first weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int
    validation_accuracy: float
    held_out_accuracy: float
    grid_accuracy: float
    grid_wrong_cells: int
    training_seconds: float


class Study(BaseModel):
    """What ``study.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int
    candidates: int
    seeds: tuple[SeedFigures, ...]
    original: Original


def run_study(
    recipe: Recipe,
    seeds: tuple[int, ...],
    original_epochs: int,
    on_result: Callable[[str], None],
) -> Study:
    """Train once a seed, and the original once; ``on_result`` gets a line after each."""
    figures = []
    for seed in seeds:
        figures.append(_run_seed(recipe, seed))
        on_result(f"seed {seed}: whole grid {figures[-1].grid_accuracy:.4%}")
        keras.backend.clear_session()
    original = run_original(make_cohort(DEFAULT_SEED), DEFAULT_SEED, original_epochs)
    on_result(f"original recipe: whole grid {original.grid_accuracy:.2%}")
    return Study(
        epochs=recipe.epochs,
        candidates=recipe.candidates,
        seeds=tuple(figures),
        original=original,
    )


def save_study(study: Study, directory: Path) -> Path:
    """Write the study beside the report that shows it."""
    path = directory / STUDY_FILE
    path.write_text(study.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def find_study(directory: Path) -> Study | None:
    """Read the study, or return None where none was ever run.

    Raises:
        UnusableData: the file is there and is not a study.
    """
    path = directory / STUDY_FILE
    try:
        return Study.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise UnusableData(f"{path} is not a study; delete it, or run --study again") from error


def _run_seed(recipe: Recipe, seed: int) -> SeedFigures:
    split = split_cohort(make_cohort(seed), seed)
    started = time.monotonic()
    trained = train(split, replace(recipe, seed=seed), lambda _: None)
    seconds = time.monotonic() - started
    grid, validation, held_out = (
        Answered(
            cohort,
            trained.network.predict(cohort.values, batch_size=_ROWS_PER_CALL, verbose=0)[:, 0],
        )
        for cohort in (whole_grid(), split.validation, split.held_out)
    )
    return SeedFigures(
        seed=seed,
        validation_accuracy=validation.accuracy(EVEN_THRESHOLD),
        held_out_accuracy=held_out.accuracy(EVEN_THRESHOLD),
        grid_accuracy=grid.accuracy(EVEN_THRESHOLD),
        grid_wrong_cells=int(grid.wrong(EVEN_THRESHOLD).sum()),
        training_seconds=seconds,
    )
