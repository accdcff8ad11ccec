"""What stands beside the network: other models, coarser inputs, other seeds, the original recipe.

Nothing here saves a network or steers the training. ``run_study`` takes a quarter of an hour: it is
run by hand and its figures are kept beside the report. The rest is measured for every report.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with sklearn

from cardiorisk.errors import UnusableData
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import (
    HELD_OUT_SHARE,
    Cohort,
    Split,
    course_rule,
    exact_cohort,
    make_cohort,
    split_cohort,
    whole_grid,
)
from cardiorisk.training.evaluation import EVEN_THRESHOLD, ROWS_PER_CALL, Answers
from cardiorisk.training.network import train
from cardiorisk.training.recipe import DEFAULT_SEED, LAYER_UNITS, Recipe

STUDY_FILE = "study.json"
STUDY_SEEDS = tuple(range(1, 11))
ORIGINAL_EPOCHS = 150

_NUMBERS = np.array([field.kind == "number" for field in FIELDS])
_AGES = np.array([field.kind == "integer" for field in FIELDS])
_STEP = np.where(_NUMBERS, 0.1, np.where(_AGES, 1.0, 0.0))
"""The course's step of each column; flags have none."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another model and what it answers."""

    name: str
    held_out: Answered
    grid: Answered | None  # None where the data do not follow its rule


@dataclass(frozen=True, slots=True)
class Coarseness:
    """How often the network, and the rule itself, are right when fed less exact values."""

    description: str
    network: float
    rule: float


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SeedFigures(_Kept):
    """The recipe on one data seed: other patients, another split, other first weights."""

    seed: int
    validation_accuracy: float
    held_out_accuracy: float
    grid_accuracy: float
    grid_wrong_cells: int
    training_seconds: float


class Original(_Kept):
    """The original recipe, re-run: how often it is right, and how long it took."""

    held_out_accuracy: float
    grid_accuracy: float
    as_served_accuracy: float
    as_served_share_at_risk: float
    training_seconds: float


class Study(_Kept):
    """What ``study.json`` holds."""

    epochs: int
    candidates: int
    seeds: tuple[SeedFigures, ...]
    original: Original


def measure_baselines(split: Split, grid: Cohort | None, seed: int) -> tuple[Baseline, ...]:
    """Fit the majority, a logistic regression and gradient boosting, as scikit-learn has them.

    They learn from the validation rows too: they have no candidates to choose among.
    """
    models = {
        "mayoría": DummyClassifier(),
        "regresión logística": make_pipeline(StandardScaler(), LogisticRegression()),
        "gradient boosting": HistGradientBoostingClassifier(random_state=seed),
    }
    baselines = []
    for name, model in models.items():
        # So few rows are learnt five times faster by one thread than by two that wait in turns.
        with threadpool_limits(1):
            model.fit(split.steering.values, split.steering.at_risk)
        held_out = Answered(split.held_out, model.predict_proba(split.held_out.values)[:, 1])
        by_grid = None if grid is None else Answered(grid, model.predict_proba(grid.values)[:, 1])
        baselines.append(Baseline(name, held_out, by_grid))
    return tuple(baselines)


def measure_sensitivity(answers: Answers, threshold: float, seed: int) -> tuple[Coarseness, ...]:
    """Measure a network on made patients whose values were moved or rounded.

    The truth is the rule applied to the exact values. The rule applied to the coarse ones stands
    beside the network: no network could get back what the rounding loses.
    """
    return tuple(
        Coarseness(
            description,
            network=float(((answers(fed) >= threshold) == truth).mean()),
            rule=float((course_rule(fed) == truth).mean()),
        )
        for description, fed, truth in _coarse_patients(seed)
    )


def _coarse_patients(seed: int) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield a description in Spanish, the values that are fed and the truth."""
    random = np.random.default_rng(seed)
    on_grid = make_cohort(seed, rows=100_000)
    yield "valores de la grilla, sin cambios", on_grid.values, on_grid.at_risk
    for share, name in ((0.25, "un cuarto de"), (0.5, "medio")):
        noise = random.uniform(-share, share, on_grid.values.shape) * _STEP
        moved = (on_grid.values + noise).astype(np.float32)
        yield f"los mismos, movidos hasta {name} paso", moved, on_grid.at_risk

    cohort = exact_cohort(seed)
    exact, truth = cohort.values, cohort.at_risk
    yield "valores con todos sus decimales", exact, truth
    for step in (0.05, 0.1, 0.2):
        # Divided by a whole number, so that 1.4 is the float32 nearest to 1.4.
        rounded = np.where(_NUMBERS, np.rint(exact / step) / np.rint(1 / step), exact)
        yield f"redondeados a {step:g} (edad exacta)", rounded.astype(np.float32), truth
    for years in (5, 10):
        rounded = np.where(_AGES, np.rint(exact / years) * years, exact)
        yield f"edad redondeada a {years} años", rounded.astype(np.float32), truth


def run_study(recipe: Recipe, seeds: Sequence[int], on_result: Callable[[str], None]) -> Study:
    """Train once a seed, and the original once; ``on_result`` gets a line after each.

    Fewer epochs than the original's are somebody trying this out: it gets no more of them.
    """
    figures = []
    for seed in seeds:
        figures.append(_run_seed(recipe, seed))
        on_result(f"seed {seed}: whole grid {figures[-1].grid_accuracy:.4%}")
        keras.backend.clear_session()
    original = _run_original(make_cohort(DEFAULT_SEED), min(recipe.epochs, ORIGINAL_EPOCHS))
    on_result(f"original recipe: whole grid {original.grid_accuracy:.2%}")
    return Study(
        epochs=recipe.epochs, candidates=recipe.candidates, seeds=tuple(figures), original=original
    )


def save_study(study: Study, directory: Path) -> Path:
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
    network = train(split, replace(recipe, seed=seed), lambda _: None).network
    seconds = time.monotonic() - started
    grid, validation, held_out = (
        _ask(network, cohort, cohort.values)
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


def _run_original(cohort: Cohort, epochs: int) -> Original:
    """Train as the original did, in its own way, faults included.

    Seven columns, the row number first; scaling fitted on all rows, the held-out ones too; batches
    of 8 rows, Adam as it comes. Served, it was fed the values unscaled. No patient of the grid has
    a row number, so there it gets the middle of the file.
    """
    keras.utils.set_random_seed(DEFAULT_SEED)
    numbered = np.column_stack([np.arange(len(cohort)), cohort.values])  # float64, (n, 7)
    scaler = MinMaxScaler().fit(numbered)
    training, held_out = train_test_split(
        np.arange(len(cohort)), test_size=HELD_OUT_SHARE, random_state=DEFAULT_SEED
    )
    hidden = [keras.layers.Dense(units, "relu") for units in LAYER_UNITS[:-1]]
    network = keras.Sequential([keras.Input((7,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    network.compile(optimizer="adam", loss="binary_crossentropy")
    started = time.monotonic()
    network.fit(
        scaler.transform(numbered[training]).astype(np.float32),
        cohort.at_risk[training],
        batch_size=8,
        epochs=epochs,
        verbose=0,
    )
    seconds = time.monotonic() - started

    grid = whole_grid()
    numbered_grid = np.column_stack([np.full(len(grid), (len(cohort) - 1) / 2), grid.values])
    by_held_out = _ask(network, cohort.take(held_out), scaler.transform(numbered[held_out]))
    by_grid = _ask(network, grid, scaler.transform(numbered_grid))
    as_served = _ask(network, cohort, numbered)
    return Original(
        held_out_accuracy=by_held_out.accuracy(EVEN_THRESHOLD),
        grid_accuracy=by_grid.accuracy(EVEN_THRESHOLD),
        as_served_accuracy=as_served.accuracy(EVEN_THRESHOLD),
        as_served_share_at_risk=float((as_served.probabilities >= EVEN_THRESHOLD).mean()),
        training_seconds=seconds,
    )


def _ask(network: Any, cohort: Cohort, rows: NDArray[np.floating]) -> Answered:
    """Ask a network that is not saved about a cohort, whose rows are given as it takes them."""
    said = network.predict(rows.astype(np.float32), batch_size=ROWS_PER_CALL, verbose=0)
    return Answered(cohort, np.asarray(said[:, 0]))
