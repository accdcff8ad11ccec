"""The smallest changes that take an answer to the other side of the threshold, searched exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from cardiorisk.model.card import all_told
from cardiorisk.model.explanations import every_row
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS, Field, Patient

MOST_CHANGES = 5


def _steps(field: Field) -> NDArray[np.float64]:
    """Return what a field may be changed to: tenths, no and yes; nobody is advised another age."""
    if field.kind == "integer":
        return np.empty(0)
    by = 10 if field.kind == "number" else 1
    return np.arange(round(by * field.minimum), round(by * field.maximum) + 1) / by


_STEPS = [_steps(field) for field in FIELDS]
_RANGES = np.array([field.maximum - field.minimum for field in FIELDS])


@dataclass(frozen=True, slots=True)
class Change:
    """A patient who gets the other answer, and the wire names of what was changed."""

    patient: Patient
    fields: tuple[str, ...]
    probability: float
    at_risk: bool


def change_rows(values: Sequence[float]) -> NDArray[np.float64]:
    """Make every patient that one may be changed to, shape (some 20,000, 6), the first unchanged.

    A value that is not changed stays as it is, between the steps too.
    """
    axes = zip(values, _STEPS, strict=True)
    return every_row([np.append(value, steps[steps != value]) for value, steps in axes])


def find_changes(
    rows: NDArray[np.float64], probabilities: NDArray[np.float32], threshold: float
) -> tuple[Change, ...]:
    """Find, among ``change_rows``, the changes of the fewest fields that cross the threshold.

    For each set of so many fields the nearest one is given, the nearest of all first: the least sum
    of changes, each as a share of its field's range.
    """
    at_risk = probabilities >= threshold
    is_changed = rows != rows[0]  # (n, 6)
    counts = np.where(at_risk == at_risk[0], len(FIELDS), is_changed.sum(axis=1))
    if (fewest := counts.min()) == len(FIELDS):
        return ()
    found = np.flatnonzero(counts == fewest)
    sums = (np.abs(rows[found] - rows[0]) / _RANGES).sum(axis=1).round(9)  # equal ones stay equal
    found = found[np.argsort(sums, kind="stable")]
    _, firsts = np.unique(is_changed[found], axis=0, return_index=True)
    nearest = found[np.sort(firsts)][:MOST_CHANGES]
    told = all_told(probabilities[nearest], threshold).tolist()
    return tuple(
        Change(
            Patient(*rows[at].tolist()),
            tuple(compress(FIELD_NAMES, is_changed[at])),
            probability,
            bool(at_risk[at]),
        )
        for at, probability in zip(nearest, told, strict=True)
    )
