"""Values are counted under the bound that holds them."""

import pytest

from cardiorisk.measuring import Histogram, percentile


def test_values_are_counted_under_their_bound_and_summed() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (2, 0.5, 5, 4.5):
        histogram.add(value)
    assert histogram.cumulative() == [1, 2, 2, 4]
    assert (histogram.count, histogram.total, histogram.largest) == (4, 12.0, 5)


def test_no_percentile_is_above_the_largest_value() -> None:
    histogram = Histogram((1.0, 10.0))
    for value in (2.0, 2.0, 2.5):
        histogram.add(value)
    assert histogram.percentile(5) == pytest.approx(1 + 9 * 0.05)
    assert histogram.percentile(99) == 2.5


@pytest.mark.parametrize(
    ("cumulative", "percent", "expected"),
    [
        ([4, 4, 4], 50, 0.5),
        ([0, 4, 4], 25, 3.25),
        ([1, 4, 4], 25, 1.0),
        ([0, 4, 4], 100, 10.0),
        ([2, 4, 4], 75, 5.5),
        ([0, 4, 4], 0, 1.0),
        ([0, 0, 4], 50, 10.0),
        ([0, 0, 0], 50, 0.0),
        ([2, 2, 4], 99, 10.0),
    ],
)
def test_a_percentile_lies_in_its_bucket(
    cumulative: list[int], percent: float, expected: float
) -> None:
    assert percentile((1.0, 10.0), cumulative, percent) == expected
