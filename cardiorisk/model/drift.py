"""Drift: whether recent patients and scores are spread as those of the training were.

The population stability index compares two spreads over the same bins: the sum over the bins of
``(recent - training) * ln(recent / training)``, shares of rows. It is 0 for equal spreads.

It rises by chance alone when rows are few: with ten bins and 200 recent rows it stays below 0.09
in 95 of 100 cases, so nothing is said of fewer. It sees each field alone: two fields that have
begun to go together are no drift to it.

Source: Siddiqi, "Credit Risk Scorecards", 2006 (the index and its thresholds); Yurdakul,
"Statistical properties of population stability index", 2018 (its spread by chance).
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
SMALLEST_SHARE = 0.0001
"""What an empty bin counts as: the logarithm has no answer for nothing."""

SCORE_NAME = "probabilidad"

Verdict = Literal["stable", "noticeable", "large", "too few rows"]


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one field, or the score, has moved.

    Attributes:
        rows: recent rows that had it.
        index: the population stability index, None where there are too few rows.
        edges: between the bins of the counts; a value equal to an edge is in the bin below it.
    """

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
        self._score = _Spread(SCORE_NAME, card.training_scores)
        self._fields = [_Spread(seen.field, seen) for seen in card.training_fields]
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
        self._score.add(probability)
        if patient is not None:
            for spread, value in zip(self._fields, patient.values, strict=True):
                spread.add(value)

    def drifts(self) -> tuple[Drift, ...]:
        """Return the drift of the score, then of each field."""
        return tuple(spread.drift() for spread in (self._score, *self._fields))


def stability_index(training_counts: Sequence[int], recent_counts: Sequence[int]) -> float:
    """Compare two spreads over the same bins."""
    training_rows, recent_rows = sum(training_counts), sum(recent_counts)
    index = 0.0
    for training_count, recent_count in zip(training_counts, recent_counts, strict=True):
        training = max(training_count / training_rows, SMALLEST_SHARE)
        recent = max(recent_count / recent_rows, SMALLEST_SHARE)
        index += (recent - training) * math.log(recent / training)
    return index


class _Spread:
    """Recent values of one kind, counted in the bins of the training."""

    def __init__(self, name: str, profile: Profile) -> None:
        self._name = name
        self._profile = profile
        self._counts = [0] * len(profile.counts)

    def add(self, value: float) -> None:
        self._counts[self._profile.bin_of(value)] += 1

    def drift(self) -> Drift:
        rows = sum(self._counts)
        training_counts = self._profile.counts
        index = stability_index(training_counts, self._counts) if rows >= FEWEST_ROWS else None
        return Drift(
            self._name, rows, index, self._profile.edges, training_counts, tuple(self._counts)
        )
