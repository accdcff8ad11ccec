"""Percentiles within their stated error, in constant memory."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.histogram import Histogram

ERROR = 0.01
PERCENTS = (1, 50, 90, 99, 100)
TIMES_MS = st.floats(0.001, 1e7).map(lambda ms: round(ms, 3))


def histogram_of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(st.lists(TIMES_MS, min_size=1, max_size=200))
def test_percentiles_are_within_one_percent_of_the_exact_ones(values: list[float]) -> None:
    histogram = histogram_of(values)
    for percent in PERCENTS:
        exact = sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]
        assert histogram.percentile(percent) == pytest.approx(exact, rel=ERROR + 1e-9)


def test_percentiles_of_one_to_a_hundred_are_their_names() -> None:
    histogram = histogram_of([float(value) for value in range(1, 101)])
    assert [histogram.percentile(percent) for percent in (50, 90, 99)] == pytest.approx(
        [50, 90, 99], rel=ERROR
    )


def test_largest_value_is_exact() -> None:
    assert histogram_of([0.2, 17.123, 3.0]).largest == 17.123


def test_no_percentile_is_above_the_largest_value() -> None:
    assert histogram_of([0.02] * 9).percentile(99) <= 0.02


def test_zero_counts_as_zero() -> None:
    assert histogram_of([0.0, 0.0, 5.0]).percentile(50) == 0.0


def test_negative_time_counts_as_zero() -> None:
    assert histogram_of([-3.0]).percentile(50) == 0.0


def test_empty_histogram_has_percentiles_of_zero() -> None:
    assert Histogram().percentile(99) == 0.0


def test_memory_does_not_grow_with_the_count() -> None:
    histogram = histogram_of([1.0007**step / 1000 for step in range(30_000)])
    assert histogram.count == 30_000
    assert len(histogram._buckets) < 1_500
