"""What other models make of the same rows: how hard the task is, without our network.

Each is measured on the same held-out rows and, where it has an answer, on the whole grid. The
surprise: the original recipe learnt the file's row number as a seventh input. No patient of the
grid has one, so there it gets the middle of the file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with sklearn

from cardiorisk.training.data import HELD_OUT_SHARE, Cohort, whole_grid
from cardiorisk.training.figures import EVEN_THRESHOLD, Answered
from cardiorisk.training.recipe import LAYER_UNITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cardiorisk.training.data import Split

ORIGINAL_EPOCHS = 150
ORIGINAL_BATCH_ROWS = 8


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another model and what it answers; ``grid_accuracy`` is None where the grid has no truth."""

    name: str
    held_out: Answered
    grid_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Original:
    """The original recipe, re-run: how often it is right, and how long it took."""

    held_out_accuracy: float
    grid_accuracy: float
    as_served_accuracy: float
    as_served_share_at_risk: float
    training_seconds: float


def measure_baselines(split: Split, grid: Cohort | None, seed: int) -> tuple[Baseline, ...]:
    """Fit the majority, a logistic regression and gradient boosting, as scikit-learn has them.

    They learn from the validation rows too: they have no candidates to choose among.

    Args:
        split: what to learn from and what to measure on.
        grid: every patient of the grid, or None where the data do not follow its rule.
        seed: of what is random in them.
    """
    models = (
        ("mayoría", DummyClassifier()),
        ("regresión logística", make_pipeline(StandardScaler(), LogisticRegression())),
        ("gradient boosting", HistGradientBoostingClassifier(random_state=seed)),
    )
    values = np.concatenate([split.training.values, split.validation.values])
    at_risk = np.concatenate([split.training.at_risk, split.validation.at_risk])
    baselines = []
    for name, model in models:
        # So few rows are learnt five times faster by one thread than by two that wait in turns.
        with threadpool_limits(1):
            model.fit(values, at_risk)
        held_out = _ask(model, split.held_out)
        on_grid = None if grid is None else _ask(model, grid).accuracy(EVEN_THRESHOLD)
        baselines.append(Baseline(name, held_out, on_grid))
    return tuple(baselines)


def run_original(cohort: Cohort, seed: int, epochs: int = ORIGINAL_EPOCHS) -> Original:
    """Train as the original did, in its own way, faults included; it takes minutes.

    Seven columns, the row number first; scaling fitted on all rows, the held-out ones too; lots of
    8 rows, Adam as it comes, 150 epochs. Served, it was fed the values unscaled.
    """
    import keras  # noqa: PLC0415 - the other baselines need no TensorFlow

    keras.utils.set_random_seed(seed)
    numbered = _numbered(cohort.values, np.arange(len(cohort)))  # (n, 7)
    scaler = MinMaxScaler().fit(numbered)
    training, held_out = train_test_split(
        np.arange(len(cohort)), test_size=HELD_OUT_SHARE, random_state=seed
    )
    hidden = [keras.layers.Dense(units, "relu") for units in LAYER_UNITS[:-1]]
    network = keras.Sequential([keras.Input((7,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    network.compile(optimizer="adam", loss="binary_crossentropy")
    started = time.monotonic()
    network.fit(
        scaler.transform(numbered[training]).astype(np.float32),
        cohort.at_risk[training],
        batch_size=ORIGINAL_BATCH_ROWS,
        epochs=epochs,
        verbose=0,
    )
    seconds = time.monotonic() - started

    def says_risk(rows: NDArray[np.floating]) -> NDArray[np.bool_]:
        probabilities = network.predict(rows.astype(np.float32), batch_size=65_536, verbose=0)
        return np.asarray(probabilities[:, 0] >= EVEN_THRESHOLD)

    grid = whole_grid()
    middle = np.full(len(grid), (len(cohort) - 1) / 2)
    as_served = says_risk(numbered)
    return Original(
        held_out_accuracy=_share(
            says_risk(scaler.transform(numbered[held_out])) == cohort.at_risk[held_out]
        ),
        grid_accuracy=_share(
            says_risk(scaler.transform(_numbered(grid.values, middle))) == grid.at_risk
        ),
        as_served_accuracy=_share(as_served == cohort.at_risk),
        as_served_share_at_risk=_share(as_served),
        training_seconds=seconds,
    )


def _ask(model: object, cohort: Cohort) -> Answered:
    probabilities = model.predict_proba(cohort.values)[:, 1]  # type: ignore[attr-defined]  # sklearn has no types
    return Answered(cohort, probabilities)


def _numbered(
    values: NDArray[np.float32], numbers: NDArray[np.floating | np.integer]
) -> NDArray[np.float64]:
    return np.column_stack([numbers, values]).astype(np.float64)


def _share(is_so: NDArray[np.bool_]) -> float:
    return float(is_so.mean())
