"""Figures made from answers whose truth is known: pure functions, no network and no file.

What is measured on few rows gets an interval. The surprise: bootstrap intervals of a figure
without errors have no width, so the accuracy has a second interval (Wilson's) that does not
pretend to have seen more rows than there were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.model.card import HeldOutFigures, Interval, ThresholdChoice
from cardiorisk.patients.patient import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cardiorisk.training.data import Cohort

    Measure = Callable[["Answered"], float]

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
class Answered:
    """Patients whose outcome is known, and what a model answered about them.

    Attributes:
        cohort: the patients.
        probabilities: float, shape (n,).
    """

    cohort: Cohort
    probabilities: NDArray[np.floating]

    def wrong(self, threshold: float) -> NDArray[np.bool_]:
        """Return which answers are wrong, shape (n,)."""
        return np.asarray((self.probabilities >= threshold) != self.cohort.at_risk)

    def accuracy(self, threshold: float) -> float:
        """Return the share of right answers."""
        return 1 - float(self.wrong(threshold).mean())

    def take(self, rows: NDArray[np.int64]) -> Answered:
        """Return the patients at these positions, and their answers."""
        return Answered(self.cohort.take(rows), self.probabilities[rows])


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Answers of like probability: how many, what was said on average and what was so."""

    rows: int
    mean_probability: float
    share_at_risk: float


@dataclass(frozen=True, slots=True)
class AgeBand:
    """How one band of ages fares; both ages belong to it."""

    first_age: int
    last_age: int
    rows: int
    mistakes: int


def choose_threshold(validation: Answered) -> ThresholdChoice:
    """Find the thresholds that make the fewest mistakes, in one unbroken range.

    ``threshold_of`` takes one from it. Where several ranges are equally good, the one that holds
    0.5 is taken, or else the widest.
    """
    cuts = np.unique(validation.probabilities.astype(np.float64))
    # A threshold anywhere in (cuts[i-1], cuts[i]] answers alike; nothing is gained beyond 0 and 1.
    lows = np.concatenate([[0.0], cuts])
    highs = np.concatenate([cuts, [1.0]])
    mistakes = np.array(
        [int(validation.wrong(_between(*ends)).sum()) for ends in zip(lows, highs, strict=True)]
    )
    ranges = _unbroken(lows, highs, mistakes == mistakes.min())
    low, high = max(
        ranges, key=lambda ends: (ends[0] < EVEN_THRESHOLD <= ends[1], ends[1] - ends[0])
    )
    rows, fewest = len(validation.cohort), int(mistakes.min())
    holds_half = low < EVEN_THRESHOLD <= high
    return ThresholdChoice(
        lowest=low,
        highest=high,
        mistakes=fewest,
        rows=rows,
        explanation=(
            f"Every threshold from {low:.6g} to {high:.6g} makes {fewest} mistakes on the {rows} "
            "validation rows, and none makes fewer; "
            + (
                "0.5 is among them, and weighs both kinds of mistake alike."
                if holds_half
                else "0.5 is not among them, so the middle of the range is taken."
            )
        ),
    )


def threshold_of(choice: ThresholdChoice) -> float:
    """Return 0.5 where it is among the best, or else the middle of the best range."""
    if choice.lowest < EVEN_THRESHOLD <= choice.highest:
        return EVEN_THRESHOLD
    return _between(choice.lowest, choice.highest)


def held_out_figures(answered: Answered, threshold: float, seed: int) -> HeldOutFigures:
    """Measure answers on rows that steered nothing, each figure with its 95 % interval."""
    random = np.random.default_rng(seed)
    rows = len(answered.cohort)
    resamples = [answered.take(random.integers(rows, size=rows)) for _ in range(RESAMPLES)]
    has_both = 0 < int(answered.cohort.at_risk.sum()) < rows
    # A resample of one outcome has no ROC curve and says nothing of the area under it.
    with_both = [one for one in resamples if 0 < int(one.cohort.at_risk.sum()) < rows]
    return HeldOutFigures(
        rows=rows,
        accuracy=_interval(lambda some: some.accuracy(threshold), answered, resamples),
        auc=_interval(area_under_curve, answered, with_both) if has_both else None,
        brier=_interval(brier_score, answered, resamples),
        log_loss=_interval(log_loss, answered, resamples),
        calibration_error=_interval(
            lambda some: calibration_error(calibration_bins(some)), answered, resamples
        ),
    )


def area_under_curve(answered: Answered) -> float:
    """Return the area under the ROC curve; both outcomes must be there."""
    at_risk = answered.cohort.at_risk
    _, places, ties = np.unique(answered.probabilities, return_inverse=True, return_counts=True)
    # Rank sums, equal answers sharing their ranks: a thousand resamples take a tenth of a second.
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[places]
    sick = int(at_risk.sum())
    return float((ranks[at_risk].sum() - sick * (sick + 1) / 2) / (sick * (len(at_risk) - sick)))


def brier_score(answered: Answered) -> float:
    """Return the mean squared distance of the probability from the outcome."""
    return float(np.mean((answered.probabilities - answered.cohort.at_risk) ** 2))


def log_loss(answered: Answered) -> float:
    """Return the mean cross-entropy in nats; an impossible outcome costs 87, not infinity."""
    probabilities = answered.probabilities.astype(np.float64)
    given_to_truth = np.where(answered.cohort.at_risk, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(given_to_truth, _LEAST_PROBABILITY)).mean())


def calibration_bins(answered: Answered) -> tuple[CalibrationBin, ...]:
    """Group answers into ten bins of equal width; an empty bin has zeros."""
    bins = np.minimum((answered.probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    said = np.bincount(bins, answered.probabilities, CALIBRATION_BINS)
    so = np.bincount(bins, answered.cohort.at_risk, CALIBRATION_BINS)
    divisor = np.maximum(rows, 1)
    return tuple(
        CalibrationBin(int(count), float(mean), float(share))
        for count, mean, share in zip(rows, said / divisor, so / divisor, strict=True)
    )


def calibration_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Return the expected calibration error: the bins' distances, weighed by their rows."""
    distances = [each.rows * abs(each.mean_probability - each.share_at_risk) for each in bins]
    return sum(distances) / sum(each.rows for each in bins)


def wilson_interval(right: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, fit for shares near 1.

    Source: E. B. Wilson, "Probable Inference", JASA 22 (1927).
    """
    share, spread = right / rows, _NORMAL_95**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = _NORMAL_95 / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return middle - half, min(1.0, middle + half)


def by_age(answered: Answered, threshold: float) -> tuple[AgeBand, ...]:
    """Count the mistakes of each band of ages."""
    ages, wrong = answered.cohort.values[:, _AGE], answered.wrong(threshold)
    bands = []
    for first, last in AGE_BANDS:
        inside = (ages >= first) & (ages <= last)
        bands.append(AgeBand(first, last, int(inside.sum()), int(wrong[inside].sum())))
    return tuple(bands)


def _between(low: float, high: float) -> float:
    return (low + high) / 2


def _unbroken(
    lows: NDArray[np.float64], highs: NDArray[np.float64], is_best: NDArray[np.bool_]
) -> list[tuple[float, float]]:
    """Join neighbouring best ranges."""
    ranges: list[tuple[float, float]] = []
    for low, high in zip(lows[is_best].tolist(), highs[is_best].tolist(), strict=True):
        if ranges and ranges[-1][1] == low:
            ranges[-1] = ranges[-1][0], high
        else:
            ranges.append((low, high))
    return ranges


def _interval(measure: Measure, answered: Answered, resamples: list[Answered]) -> Interval:
    low, high = np.quantile([measure(some) for some in resamples], [0.025, 0.975])
    return Interval(value=measure(answered), low=float(low), high=float(high))
