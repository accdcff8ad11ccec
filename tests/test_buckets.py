"""Values are counted under the bound that holds them."""

from __future__ import annotations

from cardiorisk.buckets import Buckets


def test_a_value_equal_to_a_bound_is_within_it() -> None:
    buckets = Buckets((1, 2, 4))
    buckets.add(2)
    assert buckets.cumulative() == [0, 1, 1, 1]


def test_a_value_above_every_bound_counts_in_all_only() -> None:
    buckets = Buckets((1, 2, 4))
    buckets.add(5)
    assert buckets.cumulative() == [0, 0, 0, 1]


def test_values_are_summed() -> None:
    buckets = Buckets((1.0,))
    for value in (0.25, 0.5, 8.0):
        buckets.add(value)
    assert buckets.total == 8.75
    assert buckets.cumulative() == [2, 3]
