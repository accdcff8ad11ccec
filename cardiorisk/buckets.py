"""A histogram to count into on the request path: plain numbers, no lock, no library.

It belongs to the event loop. The surprise: each bucket counts its own values only; who needs them
piled up, as Prometheus does, asks ``cumulative``.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Buckets:
    """Counts of values by upper bound, and their sum.

    Args:
        bounds: upper bounds, each included in its bucket, in rising order; one more bucket takes
            what lies above them.
    """

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[int]:
        """Return how many values are at most each bound; the last is the number of all."""
        return list(accumulate(self._counts))


def percentile(bounds: Sequence[float], cumulative: Sequence[int], percent: float) -> float:
    """Estimate the value at a rank, as if each bucket's values were spread evenly over it.

    It lies in the right bucket, so it is as near as the bounds are narrow; of values above the
    last bound no more is known than that, and the bound is returned. 0 where there are no values.

    Source: Prometheus, ``histogram_quantile``.
    """
    rank = cumulative[-1] * percent / 100
    place = bisect_left(cumulative, rank)
    if not cumulative[-1]:
        return 0.0
    if place >= len(bounds):
        return bounds[-1]
    below = cumulative[place - 1] if place else 0
    lower = bounds[place - 1] if place else 0.0
    share = (rank - below) / (cumulative[place] - below) if cumulative[place] > below else 1.0
    return lower + (bounds[place] - lower) * share
