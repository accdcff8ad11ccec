"""What the saved files answer, through the libraries that serve them, and how good that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest  # type: ignore[import-untyped]  # comes with scikit-learn

from cardiorisk.model.engines import Engine, KerasEngine, LiteRTEngine
from cardiorisk.model.figures import (
    BANDS,
    AgeBand,
    Figures,
    Interval,
    NetBenefit,
    ProbabilityBand,
    ThresholdChoice,
)
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import Split, exact_cohort, follows_the_course, whole_grid

Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From values (float32, shape (n, 6)) to probabilities (float32, shape (n,))."""

_Name = TypeVar("_Name")

ROWS_PER_CALL = 65_536
RESAMPLES = 1_000
EVEN_THRESHOLD = 0.5
FEWEST_FOR_A_THRESHOLD, LARGEST_CHANCE = 200, 0.001
"""Another threshold than 0.5 needs so many validation rows, and so much confidence: it is the best
of hundreds, so that one in twenty would be no surprise."""

ACTING_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Where the decision curve is measured."""

AGE_BANDS = ((0, 17), (18, 34), (35, 49), (50, 52), (53, 64), (65, 79), (80, 99))
"""First and last age of each band, in years; from 50 to 52 is the edge of the course's rule."""


def choose_threshold(validation: Answered) -> tuple[float, ThresholdChoice]:
    """Return 0.5, unless the middle of the widest best range makes fewer mistakes with confidence.

    That takes ``FEWEST_FOR_A_THRESHOLD`` patients, and a one-sided sign test over those that the
    two tell apart below ``LARGEST_CHANCE``.
    """
    cuts, places = np.unique(validation.probabilities.astype(np.float64), return_inverse=True)
    sick = np.bincount(places, validation.cohort.at_risk, len(cuts))
    healthy = np.bincount(places, minlength=len(cuts)) - sick
    # A threshold anywhere in (cuts[i-1], cuts[i]] answers alike; nothing is gained beyond 0 and 1.
    lows = np.concatenate([[0.0], cuts])
    highs = np.concatenate([cuts, [1.0]])
    missed = np.concatenate([[0], np.cumsum(sick)])
    mistakes = missed + healthy.sum() - np.concatenate([[0], np.cumsum(healthy)])
    fewest = int(mistakes.min())
    is_best = np.concatenate([[False], mistakes == fewest, [False]])
    starts = np.flatnonzero(is_best[1:-1] & ~is_best[:-2])
    ends = np.flatnonzero(is_best[1:-1] & ~is_best[2:])
    low, high = max(
        zip(lows[starts].tolist(), highs[ends].tolist(), strict=True),
        key=lambda one: (one[0] < EVEN_THRESHOLD <= one[1], one[1] - one[0]),
    )
    is_even = low < EVEN_THRESHOLD <= high
    other = EVEN_THRESHOLD if is_even else (low + high) / 2
    at_half, at_other = validation.wrong(EVEN_THRESHOLD), validation.wrong(other)
    # Copies of a patient are answered alike: together they are one piece of evidence.
    gains = np.bincount(validation.cohort.patients(), at_half.astype(int) - at_other)
    chance = chance_of(int((gains > 0).sum()), int((gains < 0).sum()))
    is_sure = len(gains) >= FEWEST_FOR_A_THRESHOLD and chance < LARGEST_CHANCE
    return other if is_sure else EVEN_THRESHOLD, ThresholdChoice(
        lowest=low,
        highest=high,
        mistakes=fewest,
        mistakes_at_half=int(at_half.sum()),
        chance=chance,
        rows=len(validation),
    )


def chance_of(won: int, lost: int) -> float:
    """Return how likely at least so many wins are among both if a coin decides (sign test)."""
    return float(binom.sf(won - 1, won + lost, 0.5))


def measure_rows(rows: Answered, threshold: float, seed: int) -> Figures:
    """Measure rows, each figure with its 95 % interval."""
    (right_noes, wrong_yeses), (missed, right_yeses) = rows.confusion(threshold).tolist()
    counts = {
        "true_positives": right_yeses,
        "false_positives": wrong_yeses,
        "true_negatives": right_noes,
        "false_negatives": missed,
    }
    shares = {
        "accuracy": _wilson(right_yeses + right_noes, wrong_yeses + missed),
        "sensitivity": _wilson(right_yeses, missed),
        "specificity": _wilson(right_noes, wrong_yeses),
        "ppv": _wilson(right_yeses, wrong_yeses),
        "npv": _wilson(right_noes, missed),
    }
    resampled = _resampled(rows, partial(_summary, threshold=threshold), seed)
    return Figures.model_validate(counts | shares | resampled)


def measure_ages(rows: Answered, threshold: float, seed: int) -> tuple[AgeBand, ...]:
    return tuple(
        AgeBand(first=first, last=last, figures=measure_rows(band, threshold, seed))
        for first, last in AGE_BANDS
        if len(band := rows.aged(first, last))
    )


def measure_bands(rows: Answered) -> tuple[ProbabilityBand, ...]:
    counts, _, shares = rows.bands()
    return tuple(
        ProbabilityBand(
            low=band / BANDS,
            high=(band + 1) / BANDS,
            rows=count,
            at_risk=_wilson(round(count * share), count - round(count * share)) if count else None,
        )
        for band, (count, share) in enumerate(zip(counts.tolist(), shares.tolist(), strict=True))
    )


def measure_benefit(rows: Answered, seed: int) -> tuple[NetBenefit, ...]:
    """Measure the decision curve."""

    def curve(some: Answered) -> dict[float, float | None]:
        return {threshold: some.net_benefit(threshold) for threshold in ACTING_THRESHOLDS}

    everybody = Answered(rows.cohort, np.ones(len(rows)))
    return tuple(
        NetBenefit(threshold=at, network=network, everybody=everybody.net_benefit(at))
        for at, network in _resampled(rows, curve, seed).items()
        if network is not None
    )


def _summary(rows: Answered, threshold: float) -> dict[str, float | None]:
    """Give each measure that is no share of rows, None where they say nothing of it."""
    balanced = auc = slope = intercept = None
    if rows.has_both_outcomes:
        (noes, yeses), (misses, hits) = rows.confusion(threshold).tolist()
        balanced = (hits / (hits + misses) + noes / (noes + yeses)) / 2
        auc = rows.area_under_curve()
        slope, intercept = rows.calibration_line() or (None, None)
    return {
        "balanced_accuracy": balanced,
        "auc": auc,
        "brier": rows.brier_score(),
        "log_loss": rows.log_loss(),
        "calibration_error": rows.calibration_error(),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }


def _resampled(
    rows: Answered, measure: Callable[[Answered], dict[_Name, float | None]], seed: int
) -> dict[_Name, Interval | None]:
    """Give each figure its interval, None where it or half of the resamples say nothing."""
    random = np.random.default_rng(seed)
    found = measure(rows)
    drawn: dict[_Name, list[float]] = {name: [] for name in found}
    for _ in range(RESAMPLES):  # none is kept: those of many rows would fill the memory
        for name, value in measure(rows.take(random.integers(len(rows), size=len(rows)))).items():
            if value is not None:
                drawn[name].append(value)
    told: dict[_Name, Interval | None] = dict.fromkeys(found)
    for name, value in found.items():
        if value is not None and len(drawn[name]) > RESAMPLES / 2:
            low, high = np.quantile(drawn[name], [0.025, 0.975]).tolist()
            told[name] = Interval(value=value, low=low, high=high)
    return told


def _wilson(right: int, wrong: int) -> Interval | None:
    """Return the share of right ones, with a width even where none is wrong."""
    if right + wrong == 0:
        return None
    bounds = binomtest(right, right + wrong).proportion_ci(method="wilson")
    return Interval(value=right / (right + wrong), low=float(bounds.low), high=float(bounds.high))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the saved files answer: the Keras file, and where it says so, the LiteRT file."""

    training: Answered
    validation: Answered
    held_out: Answered
    held_out_litert: Answered
    grid: Answered
    grid_litert: Answered
    between: Answered  # made patients between the grid's steps
    between_litert: Answered
    grid_has_truth: bool  # whether the data follow the course's rule

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
    grid, between = whole_grid(), exact_cohort()
    return Evaluation(
        training=Answered(split.training, by_keras(split.training.values)),
        validation=Answered(split.validation, by_keras(split.validation.values)),
        held_out=Answered(split.held_out, by_keras(split.held_out.values)),
        held_out_litert=Answered(split.held_out, by_litert(split.held_out.values)),
        grid=Answered(grid, by_keras(grid.values)),
        grid_litert=Answered(grid, by_litert(grid.values)),
        between=Answered(between, by_keras(between.values)),
        between_litert=Answered(between, by_litert(between.values)),
        grid_has_truth=follows_the_course(split.cohort),
    )


def _in_chunks(engine: Engine) -> Answers:
    def answers(values: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(values), ROWS_PER_CALL)
        return np.concatenate(
            [engine.probabilities(values[at : at + ROWS_PER_CALL]) for at in starts]
        )

    return answers
