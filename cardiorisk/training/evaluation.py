"""What the saved files answer, through the libraries that serve them, and how good that is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isnan, nan
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.stats import binom, binomtest  # type: ignore[import-untyped]  # comes with scikit-learn

from cardiorisk.model import figures
from cardiorisk.model.engines import Engine, KerasEngine, LiteRTEngine
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import Cohort, Split, exact_cohort, follows_the_course, whole_grid

_Name = TypeVar("_Name")

ROWS_PER_CALL = 65_536
RESAMPLES = 1_000
EVEN_THRESHOLD = 0.5
# Another threshold is the best of hundreds, so that one in twenty would be no surprise.
FEWEST_FOR_A_THRESHOLD, LARGEST_CHANCE = 200, 0.001
ACTING_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the decision curve
# First and last age, in years; from 50 to 52 is the edge of the course's rule.
AGE_BANDS = ((0, 17), (18, 34), (35, 49), (50, 52), (53, 64), (65, 79), (80, 99))


def choose_threshold(validation: Answered) -> tuple[float, figures.ThresholdChoice]:
    """Return 0.5, unless the middle of the widest best range makes fewer mistakes with confidence.

    That takes ``FEWEST_FOR_A_THRESHOLD`` patients, and a one-sided sign test over those that the
    two tell apart below ``LARGEST_CHANCE``.
    """
    cuts, places = np.unique(validation.probabilities.astype(np.float64), return_inverse=True)
    sick = np.bincount(places, validation.cohort.at_risk, len(cuts))
    healthy = np.bincount(places, minlength=len(cuts)) - sick
    # A threshold anywhere in (cuts[i-1], cuts[i]] answers alike; nothing is gained beyond 0 and 1.
    bounds = [0.0, *cuts.tolist(), 1.0]
    mistakes = np.append(0, np.cumsum(sick)) + healthy.sum() - np.append(0, np.cumsum(healthy))
    fewest = int(mistakes.min())
    best = np.flatnonzero(mistakes == fewest)
    runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    low, high = max(
        ((bounds[run[0]], bounds[run[-1] + 1]) for run in runs),
        key=lambda one: (one[0] < EVEN_THRESHOLD <= one[1], one[1] - one[0]),
    )
    is_even = low < EVEN_THRESHOLD <= high
    other = EVEN_THRESHOLD if is_even else (low + high) / 2
    at_half, at_other = validation.wrong(EVEN_THRESHOLD), validation.wrong(other)
    # Copies of a patient are answered alike: together they are one piece of evidence.
    gains = np.bincount(validation.cohort.patients(), at_half.astype(int) - at_other)
    chance = chance_of(int((gains > 0).sum()), int((gains < 0).sum()))
    is_sure = len(gains) >= FEWEST_FOR_A_THRESHOLD and chance < LARGEST_CHANCE
    return other if is_sure else EVEN_THRESHOLD, figures.ThresholdChoice(
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


def measure_rows(rows: Answered, threshold: float, seed: int) -> figures.Figures:
    """Measure rows, each figure with its 95 % interval."""
    (right_noes, wrong_yeses), (missed, right_yeses) = rows.confusion(threshold).tolist()
    resampled = _resampled(rows, partial(_summary, threshold=threshold), seed)
    found = resampled | {
        "true_positives": right_yeses,
        "false_positives": wrong_yeses,
        "true_negatives": right_noes,
        "false_negatives": missed,
        "accuracy": _wilson(right_yeses + right_noes, wrong_yeses + missed),
        "sensitivity": _wilson(right_yeses, missed),
        "specificity": _wilson(right_noes, wrong_yeses),
        "ppv": _wilson(right_yeses, wrong_yeses),
        "npv": _wilson(right_noes, missed),
    }
    return figures.Figures.model_validate(found)


def measure_ages(rows: Answered, threshold: float, seed: int) -> tuple[figures.AgeBand, ...]:
    return tuple(
        figures.AgeBand(first=first, last=last, figures=measure_rows(band, threshold, seed))
        for first, last in AGE_BANDS
        if len(band := rows.aged(first, last))
    )


def measure_bands(rows: Answered) -> tuple[figures.ProbabilityBand, ...]:
    counts, _, shares = rows.bands()
    return tuple(
        figures.ProbabilityBand(
            low=band / figures.BANDS,
            high=(band + 1) / figures.BANDS,
            rows=count,
            at_risk=_wilson(round(count * share), count - round(count * share)) if count else None,
        )
        for band, (count, share) in enumerate(zip(counts.tolist(), shares.tolist(), strict=True))
    )


def measure_benefit(rows: Answered, seed: int) -> tuple[figures.NetBenefit, ...]:
    def curve(some: Answered) -> dict[float, float]:
        return {threshold: some.net_benefit(threshold) for threshold in ACTING_THRESHOLDS}

    everybody = Answered(rows.cohort, np.ones(len(rows)))
    return tuple(
        figures.NetBenefit(threshold=at, network=network, everybody=everybody.net_benefit(at))
        for at, network in _resampled(rows, curve, seed).items()
        if network is not None
    )


def _summary(rows: Answered, threshold: float) -> dict[str, float]:
    """Give each measure that is no share of rows, NaN where they say nothing of it."""
    balanced = auc = slope = intercept = nan
    if 0 < rows.cohort.at_risk.sum() < len(rows):
        (noes, yeses), (misses, hits) = rows.confusion(threshold).tolist()
        balanced = (hits / (hits + misses) + noes / (noes + yeses)) / 2
        auc = rows.area_under_curve()
        slope, intercept = rows.calibration_line() or (nan, nan)
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
    rows: Answered, measure: Callable[[Answered], dict[_Name, float]], seed: int
) -> dict[_Name, figures.Interval | None]:
    """Give each figure its interval, None where it or half of the resamples are NaN."""
    random = np.random.default_rng(seed)
    draws = (random.integers(len(rows), size=len(rows)) for _ in range(RESAMPLES))
    drawn = np.array([list(measure(rows.take(draw)).values()) for draw in draws])  # (RESAMPLES, k)
    told: dict[_Name, figures.Interval | None] = {}
    for (name, value), column in zip(measure(rows).items(), drawn.T, strict=True):
        known = column[~np.isnan(column)]
        told[name] = None
        if not isnan(value) and len(known) > RESAMPLES / 2:
            low, high = np.quantile(known, [0.025, 0.975]).tolist()
            told[name] = figures.Interval(value=value, low=low, high=high)
    return told


def _wilson(right: int, wrong: int) -> figures.Interval | None:
    """Return the share of right ones, with a width even where none is wrong."""
    if right + wrong == 0:
        return None
    low, high = binomtest(right, right + wrong).proportion_ci(method="wilson")
    return figures.Interval(value=right / (right + wrong), low=low, high=high)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one saved file answers."""

    held_out: Answered
    grid: Answered
    between: Answered  # made patients between the grid's steps


@dataclass(frozen=True, slots=True)
class Evaluation:
    training: Answered  # by the Keras file
    keras: Asked
    litert: Asked
    grid_has_truth: bool  # whether the data follow the course's rule

    @property
    def largest_difference(self) -> float:
        """How far the engines' probabilities are apart on the grid, at most."""
        difference = self.keras.grid.probabilities - self.litert.grid.probabilities
        return float(np.abs(difference).max())


def evaluate(split: Split, keras_path: Path, litert_path: Path) -> Evaluation:
    """Ask both saved files about the split and the whole grid.

    Raises:
        UnusableArtefact: a file cannot be loaded.
    """
    keras, litert = KerasEngine(keras_path), LiteRTEngine(litert_path)
    parts = split.held_out, whole_grid(), exact_cohort()
    return Evaluation(
        _ask(keras, split.training),
        Asked(*(_ask(keras, part) for part in parts)),
        Asked(*(_ask(litert, part) for part in parts)),
        follows_the_course(split.cohort),
    )


def _ask(engine: Engine, cohort: Cohort) -> Answered:
    chunks = np.split(cohort.values, range(ROWS_PER_CALL, len(cohort), ROWS_PER_CALL))
    return Answered(cohort, np.concatenate([engine.probabilities(each) for each in chunks]))


def measure_network(
    evaluation: Evaluation, unseen: Answered, threshold: float, seed: int
) -> figures.NetworkFigures:
    def engine(asked: Asked) -> figures.EngineFigures:
        has_truth = evaluation.grid_has_truth
        return figures.EngineFigures(
            held_out_accuracy=asked.held_out.accuracy(threshold),
            grid_accuracy=asked.grid.accuracy(threshold) if has_truth else None,
            grid_wrong_cells=int(asked.grid.wrong(threshold).sum()) if has_truth else None,
            between_steps_accuracy=asked.between.accuracy(threshold) if has_truth else None,
        )

    training, held_out = evaluation.training, evaluation.keras.held_out
    is_risk = bool(training.cohort.at_risk.mean() >= EVEN_THRESHOLD)
    differs = (held_out.probabilities >= threshold) != is_risk
    won = int((differs & ~held_out.wrong(threshold)).sum())
    return figures.NetworkFigures(
        training_accuracy=training.accuracy(threshold),
        training_loss=training.log_loss(),
        validation_accuracy=unseen.accuracy(threshold),
        validation_loss=unseen.log_loss(),
        held_out=measure_rows(held_out, threshold, seed),
        by_age=measure_ages(held_out, threshold, seed),
        by_probability=measure_bands(held_out),
        decision_curve=measure_benefit(held_out, seed),
        commonest_accuracy=float((held_out.cohort.at_risk == is_risk).mean()),
        commonest_is_risk=is_risk,
        commonest_chance=chance_of(won, int(differs.sum()) - won),
        keras=engine(evaluation.keras),
        litert=engine(evaluation.litert),
        engines_largest_difference=evaluation.largest_difference,
    )
