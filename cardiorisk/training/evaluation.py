"""What the saved files answer, and every figure made from answers whose truth is known.

A figure counts only if it comes from the file that will be served, through the library that will
serve it. A conversion that lost its weights raises nothing and answers NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardiorisk.model.card import HeldOutFigures, Interval, ThresholdChoice
from cardiorisk.model.engines import Engine, KerasEngine, LiteRTEngine
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.data import Cohort, Rows, Split, follows_the_course, whole_grid

Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From values (float32, shape (n, 6)) to probabilities (float32, shape (n,))."""

ROWS_PER_CALL = 65_536
RESAMPLES = 1_000
CALIBRATION_BINS = 10
EVEN_THRESHOLD = 0.5

AGE_BANDS = ((0, 17), (18, 34), (35, 49), (50, 52), (53, 64), (65, 79), (80, 99))
"""First and last age of each band, in years; 50-52 is the rule's own edge."""

_AGE = [field.name for field in FIELDS].index("age")
_NORMAL_95 = 1.959964
"""Standard deviations either side of the mean that hold 95 % of a normal distribution."""
_LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Answers of like probability; all zeros where there are none."""

    rows: int
    mean_probability: float
    share_at_risk: float


@dataclass(frozen=True, slots=True)
class Answered:
    """Patients whose outcome is known, what a model answered about them, and how good that is."""

    cohort: Cohort
    probabilities: NDArray[np.floating]  # (n,)

    def __len__(self) -> int:
        return len(self.cohort)

    def take(self, rows: Rows) -> Answered:
        return Answered(self.cohort.take(rows), self.probabilities[rows])

    def least_sure(self, threshold: float, count: int) -> Answered:
        """Return the answers nearest to the threshold, the nearest first."""
        distances = np.abs(self.probabilities - threshold)
        return self.take(np.argsort(distances, kind="stable")[:count])

    def wrong(self, threshold: float) -> NDArray[np.bool_]:
        """Return which answers are wrong, shape (n,)."""
        return np.asarray((self.probabilities >= threshold) != self.cohort.at_risk)

    def accuracy(self, threshold: float) -> float:
        return 1 - float(self.wrong(threshold).mean())

    def confusion(self, threshold: float) -> NDArray[np.int64]:
        """Count the answers, shape (2, 2): rows are the truth, columns the answer."""
        cells = 2 * self.cohort.at_risk.astype(np.int64) + (self.probabilities >= threshold)
        return np.bincount(cells, minlength=4).reshape(2, 2)

    @property
    def has_both_outcomes(self) -> bool:
        return 0 < int(self.cohort.at_risk.sum()) < len(self)

    def area_under_curve(self) -> float:
        """Return the area under the ROC curve; both outcomes must be there."""
        at_risk = self.cohort.at_risk
        _, places, ties = np.unique(self.probabilities, return_inverse=True, return_counts=True)
        # Rank sums, equal answers sharing their ranks: a thousand resamples take 0.1 s.
        ranks = (np.cumsum(ties) - (ties - 1) / 2)[places]
        sick = int(at_risk.sum())
        return float((ranks[at_risk].sum() - sick * (sick + 1) / 2) / (sick * (len(self) - sick)))

    def brier_score(self) -> float:
        """Return the mean squared distance of the probability from the outcome."""
        return float(np.mean((self.probabilities - self.cohort.at_risk) ** 2))

    def log_loss(self) -> float:
        return float(cross_entropy(self.probabilities, self.cohort.at_risk))

    def calibration_bins(self) -> tuple[CalibrationBin, ...]:
        """Group the answers into ten bins of equal width."""
        bins = (self.probabilities * CALIBRATION_BINS).astype(int)
        bins = np.minimum(bins, CALIBRATION_BINS - 1)
        rows = np.bincount(bins, minlength=CALIBRATION_BINS)
        said = np.bincount(bins, self.probabilities, CALIBRATION_BINS)
        so = np.bincount(bins, self.cohort.at_risk, CALIBRATION_BINS)
        divisor = np.maximum(rows, 1)
        return tuple(
            CalibrationBin(int(count), float(mean), float(share))
            for count, mean, share in zip(rows, said / divisor, so / divisor, strict=True)
        )

    def calibration_error(self) -> float:
        """Return the expected calibration error: the bins' distances, weighted by their rows."""
        bins = self.calibration_bins()
        distances = [each.rows * abs(each.mean_probability - each.share_at_risk) for each in bins]
        return sum(distances) / len(self)

    def share_near_certainty(self, distance: float) -> float:
        """Return the share of answers less than a distance away from 0 or from 1."""
        away = np.minimum(self.probabilities, 1 - self.probabilities)
        return float((away < distance).mean())

    def aged(self, first: int, last: int) -> Answered:
        """Return the patients between two ages, both included."""
        ages = self.cohort.values[:, _AGE]
        return self.take((first <= ages) & (ages <= last))


def cross_entropy(
    probabilities: NDArray[np.floating], at_risk: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean cross-entropy over the rows (axis 0), in nats.

    An impossible outcome costs 87, not infinity.
    """
    said = probabilities.astype(np.float64)
    given_to_truth = np.where(at_risk, said, 1 - said)
    return np.asarray(-np.log(np.maximum(given_to_truth, _LEAST_PROBABILITY)).mean(axis=0))


def choose_threshold(validation: Answered) -> tuple[float, ThresholdChoice]:
    """Find the unbroken range of thresholds that makes the fewest mistakes, and take one from it.

    Where several ranges are equally good, it is the one that holds 0.5, or else the widest. From
    the range 0.5 is taken where it is inside, or else the middle.
    """
    cuts = np.unique(validation.probabilities.astype(np.float64))
    # A threshold anywhere in (cuts[i-1], cuts[i]] answers alike; nothing is gained beyond 0 and 1.
    lows = np.concatenate([[0.0], cuts])
    highs = np.concatenate([cuts, [1.0]])
    mistakes = np.array([int(validation.wrong(cut).sum()) for cut in (lows + highs) / 2])
    fewest = int(mistakes.min())
    is_best = np.concatenate([[False], mistakes == fewest, [False]])
    starts = np.flatnonzero(is_best[1:-1] & ~is_best[:-2])
    ends = np.flatnonzero(is_best[1:-1] & ~is_best[2:])
    low, high = max(
        zip(lows[starts].tolist(), highs[ends].tolist(), strict=True),
        key=lambda one: (one[0] < EVEN_THRESHOLD <= one[1], one[1] - one[0]),
    )
    if low < EVEN_THRESHOLD <= high:
        threshold = EVEN_THRESHOLD
        why = "0.5 is among them, and weighs both kinds of mistake alike."
    else:
        threshold = (low + high) / 2
        why = "0.5 is not among them, so the middle of the range is taken."
    return threshold, ThresholdChoice(
        lowest=low,
        highest=high,
        mistakes=fewest,
        rows=len(validation),
        explanation=f"Every threshold from {low:.6g} to {high:.6g} makes {fewest} mistakes on the "
        f"{len(validation)} validation rows, and none makes fewer; {why}",
    )


def held_out_figures(held_out: Answered, threshold: float, seed: int) -> HeldOutFigures:
    """Measure rows that steered nothing, each figure with its 95 % bootstrap interval."""
    random = np.random.default_rng(seed)
    rows = len(held_out)
    resamples = [held_out.take(random.integers(rows, size=rows)) for _ in range(RESAMPLES)]
    # A resample of one outcome has no ROC curve and says nothing of the area under it.
    with_both = [one for one in resamples if one.has_both_outcomes]

    def interval(measure: Callable[[Answered], float], some: list[Answered]) -> Interval:
        low, high = np.quantile([measure(one) for one in some], [0.025, 0.975])
        return Interval(value=measure(held_out), low=float(low), high=float(high))

    return HeldOutFigures(
        rows=rows,
        accuracy=interval(lambda one: one.accuracy(threshold), resamples),
        auc=interval(Answered.area_under_curve, with_both) if held_out.has_both_outcomes else None,
        brier=interval(Answered.brier_score, resamples),
        log_loss=interval(Answered.log_loss, resamples),
        calibration_error=interval(Answered.calibration_error, resamples),
    )


def wilson_interval(right: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, with a width even where there was no error.

    Source: E. B. Wilson, "Probable Inference", JASA 22 (1927).
    """
    share, spread = right / rows, _NORMAL_95**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = _NORMAL_95 / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return middle - half, min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the saved files answer: the Keras file, and where it says so, the LiteRT file."""

    training: Answered
    validation: Answered
    held_out: Answered
    held_out_litert: Answered
    grid: Answered
    grid_litert: Answered
    grid_has_truth: bool  # whether the data follow the rule
    answers: Answers  # the LiteRT file itself, for values that nobody has asked about yet

    @property
    def largest_difference(self) -> float:
        """Largest distance between the engines' probabilities over the whole grid."""
        return float(np.abs(self.grid.probabilities - self.grid_litert.probabilities).max())


def evaluate(split: Split, keras_path: Path, litert_path: Path) -> Evaluation:
    """Ask both saved files about every part of the split and the whole grid.

    Raises:
        UnusableArtefact: a file cannot be loaded.
    """
    by_keras = _in_chunks(KerasEngine(keras_path))
    by_litert = _in_chunks(LiteRTEngine(litert_path))
    grid = whole_grid()
    return Evaluation(
        training=Answered(split.training, by_keras(split.training.values)),
        validation=Answered(split.validation, by_keras(split.validation.values)),
        held_out=Answered(split.held_out, by_keras(split.held_out.values)),
        held_out_litert=Answered(split.held_out, by_litert(split.held_out.values)),
        grid=Answered(grid, by_keras(grid.values)),
        grid_litert=Answered(grid, by_litert(grid.values)),
        grid_has_truth=follows_the_course(split.cohort),
        answers=by_litert,
    )


def _in_chunks(engine: Engine) -> Answers:
    def answers(values: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(values), ROWS_PER_CALL)
        return np.concatenate(
            [engine.probabilities(values[at : at + ROWS_PER_CALL]) for at in starts]
        )

    return answers
