"""Drift: whether recent patients and scores are spread as those of the training were.

The population stability index compares two spreads over the same bins. It rises by chance alone
when rows are few: with ten bins and 200 rows it stays below 0.09 in 95 of 100 cases. It sees each
field alone.

Source: Siddiqi, "Credit Risk Scorecards", 2006; Yurdakul, "Statistical properties of population
stability index", 2018 (its spread by chance).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cardiorisk.model.card import Card, Profile
from cardiorisk.patients.patient import Patient

NOTICEABLE = 0.1
LARGE = 0.25
"""From these on, the index is called so. Source: see above; they are custom, not theory."""

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
        bounds = [f"{edge:g}" for edge in self.edges]
        starts = ["", *(f">{edge}" for edge in bounds)]
        ends = [*(f"<={edge}" for edge in bounds), ""]
        training_rows = sum(self.training_counts)
        return tuple(
            (f"{start} {end}".strip(), training / training_rows, recent / self.rows)
            for start, end, training, recent in zip(
                starts, ends, self.training_counts, self.recent_counts, strict=True
            )
        )


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
        """Return the drift of the score, then of each field."""
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
    training_rows, recent_rows = sum(training_counts), sum(recent_counts)
    index = 0.0
    for training_count, recent_count in zip(training_counts, recent_counts, strict=True):
        training = max(training_count / training_rows, SMALLEST_SHARE)
        recent = max(recent_count / recent_rows, SMALLEST_SHARE)
        index += (recent - training) * math.log(recent / training)
    return index
