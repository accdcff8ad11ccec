"""A histogram to count into on the request path: plain numbers, no lock, no library.

It belongs to the event loop. The surprise: each bucket counts its own values only; who needs them
piled up, as Prometheus does, asks ``cumulative``.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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
