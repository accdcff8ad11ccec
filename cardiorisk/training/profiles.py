"""What training saw, in bins: for warnings about unusual inputs, and for drift.

The surprise: the edges lie between the values that occur, never on one. The course's values are
multiples of 0.1 and live as float32, where 1.4 is a little less than 1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.model.card import FieldProfile, Profile
from cardiorisk.patients.patient import FIELD_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cardiorisk.training.data import Cohort

BINS = 10
"""Bins of a field, of about equal counts; a field of fewer values has fewer."""

_DECIMALS = 6


def profile_fields(training: Cohort) -> tuple[FieldProfile, ...]:
    """Describe each field as training saw it, in ``FIELDS`` order."""
    return tuple(
        _profile_field(name, column)
        for name, column in zip(FIELD_NAMES, training.values.T, strict=True)
    )


def profile_scores(probabilities: NDArray[np.floating]) -> Profile:
    """Count probabilities in ten bins of equal width.

    Equal counts would need edges inside the heaps at 0 and 1, where nearly all answers lie.
    """
    return _count(probabilities, tuple(round(number / BINS, 1) for number in range(1, BINS)))


def _profile_field(name: str, column: NDArray[np.float32]) -> FieldProfile:
    values = np.array([float(str(value)) for value in np.unique(column)])
    deciles = np.quantile(column, np.arange(1, BINS) / BINS, method="inverted_cdf")
    below = np.searchsorted(np.unique(column), np.unique(deciles))
    below = below[below < len(values) - 1]
    edges = np.round((values[below] + values[below + 1]) / 2, _DECIMALS)
    counted = _count(column, tuple(edges.tolist()))
    return FieldProfile(
        field=name,
        lowest=float(values[0]),
        highest=float(values[-1]),
        edges=counted.edges,
        counts=counted.counts,
    )


def _count(values: NDArray[np.floating], edges: tuple[float, ...]) -> Profile:
    bins = np.searchsorted(edges, values.astype(np.float64))  # as Profile.bin_of has it
    return Profile(edges=edges, counts=tuple(np.bincount(bins, minlength=len(edges) + 1).tolist()))
