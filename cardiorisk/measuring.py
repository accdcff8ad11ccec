"""Histograms of many values: plain numbers, no lock, no library."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """Counts of values by rising upper bounds, with their sum and the largest."""

    __slots__ = ("_counts", "bounds", "largest", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = self.largest = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.largest = max(self.largest, value)

    @property
    def count(self) -> int:
        return sum(self._counts)

    def cumulative(self) -> list[int]:
        """Count the values that are at most each bound; the last is the number of all."""
        return list(accumulate(self._counts))

    def percentile(self, percent: float) -> float:
        """As the function does, but never more than the largest."""
        return min(self.largest, percentile(self.bounds, self.cumulative(), percent))


def percentile(bounds: Sequence[float], cumulative: Sequence[int], percent: float) -> float:
    """Estimate the value at a rank. Source: Prometheus, ``histogram_quantile``."""
    count = cumulative[-1]
    if not count:
        return 0.0
    rank = count * percent / 100
    place = bisect_left(cumulative, rank)
    if place >= len(bounds):
        return bounds[-1]
    below, lower = (cumulative[place - 1], bounds[place - 1]) if place else (0, 0.0)
    inside = cumulative[place] - below
    return lower + (bounds[place] - lower) * ((rank - below) / inside if inside else 1.0)
