"""Answers about patients whose outcome is known, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit  # type: ignore[import-untyped]  # comes with scikit-learn
from scipy.stats import rankdata  # type: ignore[import-untyped]  # likewise

from cardiorisk.model.figures import BANDS
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.training.data import Cohort, Rows

_LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
_MOST_PROBABILITY = 1 - 2.0**-24  # the float32 below 1
_NEWTON_STEPS, _SMALLEST_STEP, _WORST_CONDITION = 30, 1e-8, 1e12


@dataclass(frozen=True, slots=True)
class Answered:
    """Patients whose outcome is known, and what a model answered about them."""

    cohort: Cohort
    probabilities: NDArray[np.floating]  # (n,)

    def __len__(self) -> int:
        return len(self.cohort)

    def take(self, rows: Rows) -> Answered:
        return Answered(self.cohort.take(rows), self.probabilities[rows])

    def aged(self, first: int, last: int) -> Answered:
        ages = self.cohort.values[:, FIELD_NAMES.index("edad")]
        return self.take((first <= ages) & (ages <= last))

    def wrong(self, threshold: float) -> NDArray[np.bool_]:
        return np.asarray((self.probabilities >= threshold) != self.cohort.at_risk)

    def accuracy(self, threshold: float) -> float:
        return 1 - float(self.wrong(threshold).mean())

    def confusion(self, threshold: float) -> NDArray[np.int64]:
        """Count the answers: rows are the truth, columns the answer."""
        cells = 2 * self.cohort.at_risk.astype(np.int64) + (self.probabilities >= threshold)
        return np.bincount(cells, minlength=4).reshape(2, 2)

    def area_under_curve(self) -> float:
        """Return the area under the ROC curve; both outcomes must be there."""
        # By rank sums: scikit-learn's takes ten times as long, and a thousand resamples are asked.
        ranks = rankdata(self.probabilities)[self.cohort.at_risk]
        sick = len(ranks)
        return float((ranks.sum() - sick * (sick + 1) / 2) / (sick * (len(self) - sick)))

    def brier_score(self) -> float:
        return float(np.mean((self.probabilities - self.cohort.at_risk) ** 2))

    def losses(self) -> NDArray[np.float64]:
        return row_losses(self.probabilities, self.cohort.at_risk)

    def log_loss(self) -> float:
        return float(self.losses().mean())

    def bands(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Return each band's rows, mean probability and share at risk, NaN where it is empty."""
        bands = np.minimum((self.probabilities * BANDS).astype(int), BANDS - 1)
        rows = np.bincount(bands, minlength=BANDS)
        divisor = np.where(rows, rows, np.nan)
        told = np.bincount(bands, self.probabilities, BANDS)
        so = np.bincount(bands, self.cohort.at_risk, BANDS)
        return rows, told / divisor, so / divisor

    def calibration_error(self) -> float:
        """Return the expected calibration error: the bands' distances, weighted by their rows."""
        rows, told, so = self.bands()
        return float(np.nansum(rows * np.abs(told - so))) / len(self)

    def net_benefit(self, threshold: float) -> float:
        """Return right yeses less wrong ones, by the odds of the threshold, for each row.

        Source: Vickers and Elkin, "Decision curve analysis", 2006.
        """
        right, wrong = self.confusion(threshold)[::-1, 1].tolist()
        return float(right - wrong * threshold / (1 - threshold)) / len(self)

    def calibration_line(self) -> tuple[float, float] | None:
        """Fit the outcomes, of both kinds, on the answers' logits: slope and intercept.

        None where the answers part the outcomes, so that no line is the best.
        """
        said = np.clip(self.probabilities.astype(np.float64), _LEAST_PROBABILITY, _MOST_PROBABILITY)
        ill, well = said[self.cohort.at_risk], said[~self.cohort.at_risk]
        if ill.min() >= well.max() or ill.max() <= well.min():
            return None
        logits = np.log(said) - np.log1p(-said)
        design = np.column_stack([logits, np.ones(len(self))])  # (n, 2)
        line = np.array([1.0, 0.0])
        for _ in range(_NEWTON_STEPS):  # a tenth of the time that scikit-learn takes
            share = expit(np.clip(design @ line, -30, 30))
            curvature = design.T @ (design * (share * (1 - share))[:, np.newaxis])
            if not np.linalg.cond(curvature) < _WORST_CONDITION:
                return None
            step = np.linalg.solve(curvature, design.T @ (self.cohort.at_risk - share))
            line = line + step
            if np.abs(step).max() < _SMALLEST_STEP:
                return float(line[0]), float(line[1])
        return None


def row_losses(
    probabilities: NDArray[np.floating], at_risk: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return each row's cross-entropy, in nats; an impossible outcome costs 87, not infinity."""
    said = probabilities.astype(np.float64)
    given_to_truth = np.where(at_risk, said, 1 - said)
    return np.asarray(-np.log(np.maximum(given_to_truth, _LEAST_PROBABILITY)))
