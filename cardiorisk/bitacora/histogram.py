"""A histogram of durations: percentiles of any number of values in constant memory.

The buckets grow by 2 % each, so a percentile is within 1 % of the value that stands at its rank
(nearest rank: the smallest value with at least that share of the values at or below it). The
largest value is kept exactly. Values below the resolution share one bucket and count as 0.

Source: the buckets of DDSketch (Masson, Rim and Lee, VLDB 2019): bucket i holds the values
above growth^(i-1) and up to growth^i.
"""

from __future__ import annotations

import math
from collections import Counter

RELATIVE_ERROR = 0.01
"""How far a percentile may be from the true one, as a share of it."""

RESOLUTION = 0.0005
"""Half of the last decimal that the bitácora writes, in milliseconds."""

_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH = math.log(_GROWTH)
_LOWEST_BUCKET = math.floor(math.log(RESOLUTION) / _LOG_GROWTH)


class Histogram:
    """Counts of values by bucket.

    Attributes:
        count: values added.
        largest: the largest of them, 0 before the first.
    """

    __slots__ = ("_buckets", "count", "largest")

    def __init__(self) -> None:
        self.count = 0
        self.largest = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """Count a value; a negative one counts as 0."""
        self.count += 1
        self.largest = max(self.largest, value)
        is_measurable = value > RESOLUTION
        self._buckets[
            math.ceil(math.log(value) / _LOG_GROWTH) if is_measurable else _LOWEST_BUCKET
        ] += 1

    def percentile(self, percent: float) -> float:
        """Return the value at a rank, within ``RELATIVE_ERROR``; 0 where there is none."""
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(self.largest, _middle(bucket))
        return 0.0


def _middle(bucket: int) -> float:
    """Return the value that is equally far, in proportion, from both ends of a bucket."""
    return 0.0 if bucket <= _LOWEST_BUCKET else 2 * _GROWTH**bucket / (_GROWTH + 1)
