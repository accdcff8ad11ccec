"""Drift: the index against numbers worked out by hand, and when nothing may be said."""

from math import log

import numpy as np
import pytest

from cardiorisk.config import load_settings
from cardiorisk.model.card import load_card
from cardiorisk.model.drift import FEWEST_ROWS, Drift, DriftWatch, stability_index
from cardiorisk.patients.patient import FIELD_NAMES, Patient

CARD = load_card(load_settings().model_dir)


def watch_of(rows: int, *, youngest: int = 0, seed: int = 1) -> DriftWatch:
    """Watch patients spread as in the training, but for the youngest age."""
    random = np.random.default_rng(seed)
    watch = DriftWatch(CARD)
    for _ in range(rows):
        values = (
            random.integers(10, 30) / 10,
            random.integers(6, 18) / 10,
            random.integers(5, 20) / 10,
            float(random.integers(youngest, 99)),
            float(random.integers(2)),
            float(random.integers(2)),
        )
        watch.add(float(random.random() < 0.525), CARD.version, Patient(*values))
    return watch


@pytest.mark.parametrize(
    ("training", "recent", "expected"),
    [
        ((50, 50), (5, 5), 0.0),
        ((50, 50), (75, 25), 0.25 * log(1.5) + 0.25 * log(2)),
        ((20, 30, 50), (2, 2, 4), 0.05 * log(1.25) + 0.05 * log(1.2)),
        ((100, 0), (9, 1), 0.1 * log(1 / 0.9) + (0.1 - 0.0001) * log(0.1 / 0.0001)),
    ],
)
def test_index_is_the_sum_over_the_bins(
    training: tuple[int, ...], recent: tuple[int, ...], expected: float
) -> None:
    assert stability_index(training, recent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("index", "verdict"),
    [
        (None, "too few rows"),
        (0.0999, "stable"),
        (0.1, "noticeable"),
        (0.2499, "noticeable"),
        (0.25, "large"),
    ],
)
def test_verdict_changes_at_the_thresholds(index: float | None, verdict: str) -> None:
    assert Drift("edad", 500, index, (), (1,), (1,)).verdict == verdict


def test_patients_like_those_of_the_training_are_stable() -> None:
    drifts = watch_of(2_000).drifts()
    assert [found.name for found in drifts] == ["probabilidad", *FIELD_NAMES]
    assert {found.verdict for found in drifts} == {"stable"}


def test_older_patients_drift_in_their_age_alone() -> None:
    by_name = {found.name: found.verdict for found in watch_of(2_000, youngest=60).drifts()}
    assert by_name.pop("edad") == "large"
    assert set(by_name.values()) == {"stable"}


def test_few_rows_of_the_same_patients_seldom_look_like_drift() -> None:
    alarms = [
        found.verdict != "stable"
        for seed in range(20)
        for found in watch_of(FEWEST_ROWS, seed=seed).drifts()
    ]
    assert sum(alarms) <= 0.05 * len(alarms)


def test_of_too_few_rows_nothing_is_said() -> None:
    found = watch_of(FEWEST_ROWS - 1).drifts()[0]
    assert (found.rows, found.index, found.verdict) == (199, None, "too few rows")


def test_answers_of_other_networks_are_counted_apart() -> None:
    watch = DriftWatch(CARD)
    watch.add(0.5, "another", None)
    watch.add(0.5, CARD.version, None)
    assert watch.other_networks == 1
    assert [found.rows for found in watch.drifts()] == [1, 0, 0, 0, 0, 0, 0]
