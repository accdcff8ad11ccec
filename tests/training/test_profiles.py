"""The bins that training leaves behind for warnings and for drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.training.data import Cohort, make_cohort
from cardiorisk.training.profiles import profile_fields, profile_scores

if TYPE_CHECKING:
    from cardiorisk.model.card import FieldProfile


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture(scope="module")
def profiles(cohort: Cohort) -> dict[str, FieldProfile]:
    return {profile.field: profile for profile in profile_fields(cohort)}


def test_each_field_has_the_courses_ends(profiles: dict[str, FieldProfile]) -> None:
    ends = [(profile.lowest, profile.highest) for profile in profiles.values()]
    assert ends == [(1.0, 2.9), (0.6, 1.7), (0.5, 1.9), (0, 98), (0, 1), (0, 1)]


def test_a_number_has_ten_bins_of_about_as_many_rows(profiles: dict[str, FieldProfile]) -> None:
    assert len(profiles["edad"].counts) == 10
    assert min(profiles["edad"].counts) > 400
    assert max(profiles["edad"].counts) < 600


def test_a_flag_has_two_bins(profiles: dict[str, FieldProfile], cohort: Cohort) -> None:
    smokers = int(cohort.values[:, 5].sum())
    assert profiles["tabaquismo"].edges == (0.5,)
    assert profiles["tabaquismo"].counts == (5000 - smokers, smokers)


def test_no_edge_is_a_value_that_occurs(profiles: dict[str, FieldProfile], cohort: Cohort) -> None:
    for profile, column in zip(profiles.values(), cohort.values.T, strict=True):
        distances = np.abs(np.subtract.outer(np.array(profile.edges), np.unique(column)))
        assert distances.min() > 0.04


def test_the_counts_are_those_of_the_cards_own_bins(
    profiles: dict[str, FieldProfile], cohort: Cohort
) -> None:
    for profile, column in zip(profiles.values(), cohort.values.T, strict=True):
        bins = [profile.bin_of(float(str(value))) for value in column]
        assert tuple(np.bincount(bins, minlength=len(profile.counts))) == profile.counts


def test_a_field_with_one_value_has_one_bin() -> None:
    rows = np.full((5, 6), 1.0, np.float32)
    profile = profile_fields(Cohort(rows, np.zeros(5, np.bool_)))[0]
    assert (profile.edges, profile.counts) == ((), (5,))


def test_scores_are_counted_by_tenths() -> None:
    profile = profile_scores(np.array([0.0, 0.05, 0.95, 1.0, 1.0], np.float32))
    assert profile.edges == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert profile.counts == (2, 0, 0, 0, 0, 0, 0, 0, 0, 3)
