"""Drift: whether recent patients and scores are spread as those of the training were.

With ten bins and 200 rows the index stays below 0.09 by chance in 95 of 100 cases.
Source: Siddiqi, "Credit Risk Scorecards", 2006; Yurdakul, "Statistical properties of population
stability index", 2018 (its spread by chance).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cardiorisk.model.card import Card, Profile
from cardiorisk.patients.patient import Patient

NOTICEABLE, LARGE = 0.1, 0.25  # from these on the index is called so; custom, not theory
FEWEST_ROWS = 200
SMALLEST_SHARE = 0.0001  # what an empty bin counts as
SCORE_NAME = "probabilidad"

Verdict = Literal["stable", "noticeable", "large", "too few rows"]


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one field, or the score, has moved; ``index`` is None where rows are too few."""

    name: str
    rows: int
    index: float | None
    edges: tuple[float, ...]
    training_counts: tuple[int, ...]
    recent_counts: tuple[int, ...]

    @property
    def verdict(self) -> Verdict:
        if self.index is None:
            return "too few rows"
        if self.index < NOTICEABLE:
            return "stable"
        return "noticeable" if self.index < LARGE else "large"

    @property
    def shares(self) -> tuple[tuple[str, float, float], ...]:
        """Each bin in words, its share of the training and of the recent rows, if there are any."""
        starts = ["", *(f">{edge:g} " for edge in self.edges)]
        ends = [*(f"<={edge:g}" for edge in self.edges), ""]
        words = [(start + end).strip() for start, end in zip(starts, ends, strict=True)]
        training = np.divide(self.training_counts, sum(self.training_counts)).tolist()
        recent = np.divide(self.recent_counts, self.rows).tolist()
        return tuple(zip(words, training, recent, strict=True))


class DriftWatch:
    """Counts of recent answers, in the bins of the network's card; others' are only numbered."""

    def __init__(self, card: Card) -> None:
        self._version = card.version
        self._profiles: dict[str, Profile] = {SCORE_NAME: card.training_scores}
        self._profiles |= {seen.field: seen for seen in card.training_fields}
        self._counts = {name: [0] * len(seen.counts) for name, seen in self._profiles.items()}
        self.other_networks = 0

    def add(
        self, probability: float | None, model_version: str | None, patient: Patient | None
    ) -> None:
        """Count one answer, if it was one, and its patient where that is known."""
        if probability is None:
            return
        if model_version != self._version:
            self.other_networks += 1
            return
        values = {SCORE_NAME: probability} | (patient.members if patient else {})
        for name, value in values.items():
            self._counts[name][self._profiles[name].bin_of(value)] += 1

    def drifts(self) -> tuple[Drift, ...]:
        return tuple(
            Drift(
                name,
                rows := sum(counts := self._counts[name]),
                stability_index(seen.counts, counts) if rows >= FEWEST_ROWS else None,
                seen.edges,
                seen.counts,
                tuple(counts),
            )
            for name, seen in self._profiles.items()
        )


def stability_index(training_counts: Sequence[int], recent_counts: Sequence[int]) -> float:
    """Sum ``(recent - training) * ln(recent / training)``, shares of rows, over the same bins."""
    training, recent = (
        np.maximum(np.divide(counts, sum(counts)), SMALLEST_SHARE)
        for counts in (training_counts, recent_counts)
    )
    return float(((recent - training) * np.log(recent / training)).sum())
