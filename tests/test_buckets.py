"""Values are counted under the bound that holds them."""

from __future__ import annotations

import pytest

from cardiorisk.measuring import Histogram, percentile


def test_a_value_equal_to_a_bound_is_within_it() -> None:
    buckets = Histogram((1, 2, 4))
    buckets.add(2)
    assert buckets.cumulative() == [0, 1, 1, 1]


def test_a_value_above_every_bound_counts_in_all_only() -> None:
    buckets = Histogram((1, 2, 4))
    buckets.add(5)
    assert buckets.cumulative() == [0, 0, 0, 1]


def test_values_are_summed() -> None:
    buckets = Histogram((1.0,))
    for value in (0.25, 0.5, 8.0):
        buckets.add(value)
    assert buckets.total == 8.75
    assert buckets.cumulative() == [2, 3]


@pytest.mark.parametrize(
    ("cumulative", "percent", "expected"),
    [
        ([4, 4, 4], 50, 0.5),
        ([0, 4, 4], 25, 3.25),
        ([1, 4, 4], 25, 1.0),
        ([0, 4, 4], 100, 10.0),
        ([0, 0, 4], 50, 10.0),
        ([0, 0, 0], 50, 0.0),
        ([2, 2, 4], 99, 10.0),
    ],
)
def test_a_percentile_lies_in_its_bucket(
    cumulative: list[int], percent: float, expected: float
) -> None:
    assert percentile((1.0, 10.0), cumulative, percent) == expected
