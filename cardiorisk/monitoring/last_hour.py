"""The last hour by clock minutes, out of counts that only ever rise.

Nothing is done for a request: once a minute, and whenever somebody asks, the counts are read and
kept as they were when the minute began; what happened in a stretch is the difference of two such
marks. Where nobody rolls for some minutes, all that was counted in them falls in the first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import sub

from cardiorisk.measuring import percentile

MINUTES = 60
"""How many are kept, the running one included."""
SECONDS = 60
_PERCENTS = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been counted: since the start of the process or, after ``since``, in a stretch.

    Attributes:
        refusals: requests over the limit, by plan.
        stages: by stage, how many times were at most each bound of its histogram.
    """

    by_status: Mapping[int, int]
    refusals: Mapping[str, int]
    stages: Mapping[str, Sequence[int]]

    @property
    def requests(self) -> int:
        return sum(self.by_status.values())

    def since(self, earlier: Counts) -> Counts:
        """Return what has been counted after ``earlier``; what has not risen is left out."""
        return Counts(
            Counter(self.by_status) - Counter(earlier.by_status),
            Counter(self.refusals) - Counter(earlier.refusals),
            {
                stage: tuple(map(sub, piled, earlier.stages[stage]))
                for stage, piled in self.stages.items()
            },
        )


NOTHING = Counts({}, {}, {})


@dataclass(frozen=True, slots=True)
class Minute:
    """What was counted in one clock minute; it starts so many seconds after the epoch, UTC."""

    starts_at_seconds: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long a stage took, by estimate, and how many times."""

    stage: str
    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float


class LastHour:
    """Marks of the last ``MINUTES`` minutes, by a clock of seconds since the epoch, UTC."""

    def __init__(self, read: Callable[[], Counts], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._marks: deque[tuple[int, Counts]] = deque(maxlen=MINUTES + 1)
        self.roll()

    def roll(self) -> None:
        """Mark the running minute's beginning, where that has not been done yet.

        A clock set back by less than a minute stays in the minute it had reached; one set back by
        more begins the hour anew.
        """
        minute = int(self._clock() // SECONDS)
        if self._marks and minute < self._marks[-1][0] - 1:
            self._marks.clear()
        if not self._marks or minute > self._marks[-1][0]:
            self._marks.append((minute, self._read()))

    def seconds_to_next_minute(self) -> float:
        return SECONDS - self._clock() % SECONDS

    def minutes(self) -> tuple[Minute, ...]:
        """Return every minute, the running one last; one that nobody saw holds nothing."""
        self.roll()
        starts = [counts for _, counts in self._marks]
        ends = [*starts[1:], self._read()]
        counted = {
            minute: end.since(start) for (minute, start), end in zip(self._marks, ends, strict=True)
        }
        running = self._marks[-1][0]
        return tuple(
            Minute(minute * SECONDS, counted.get(minute, NOTHING))
            for minute in range(running - MINUTES + 1, running + 1)
        )

    def last(self, minutes: int) -> Counts:
        """Return what was counted in the last so many minutes, the running one included."""
        self.roll()
        first = self._marks[-1][0] - minutes + 1
        start = next(counts for minute, counts in self._marks if minute >= first)
        return self._read().since(start)


def stage_times(counts: Counts, bounds_ms: Sequence[float]) -> tuple[StageTimes, ...]:
    """Estimate how long each stage took that anything went through."""
    return tuple(
        StageTimes(
            stage, piled[-1], *(percentile(bounds_ms, piled, percent) for percent in _PERCENTS)
        )
        for stage, piled in counts.stages.items()
        if piled[-1]
    )
