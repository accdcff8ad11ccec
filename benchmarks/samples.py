"""What one measurement of one server says, and what many of them say together.

Pure: numbers in, numbers out. Ratios are taken within a round and then their median, never between
medians, so that a machine whose speed drifts is as kind to the one as to the other.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

YARDSTICK = "bare"
"""The contestant whose rate in the same round is 1."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the load generator saw.

    Attributes:
        requests: answers that came, whatever their status.
        seconds: how long it asked.
        p50_ms: the median latency, or None where nothing was answered.
        p99_ms: its 99th percentile, likewise.
        refused: answers with a status other than 2xx or 3xx.
        socket_errors: connections refused, broken or given up.
    """

    requests: int
    seconds: float
    p50_ms: float | None
    p99_ms: float | None
    refused: int
    socket_errors: int

    @property
    def rate(self) -> float:
        """The good answers a second."""
        return (self.requests - self.refused) / self.seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one server.

    Attributes:
        server: the contestant's name.
        connections: how many were held open, each asking as soon as it is answered.
        round: counted from 0; samples of one round were taken one after the other.
        load: what the load generator saw.
        cpu_seconds: used by the server's processes meanwhile.
        memory_mb: proportional set size of the server's processes, just after.
    """

    server: str
    connections: int
    round: int
    load: Load
    cpu_seconds: float
    memory_mb: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Sample:
        """Return the sample that ``as_json`` was asked of."""
        return cls(**saved | {"load": Load(**saved["load"])})


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some numbers, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread | None:
        """Return the spread, or None of nothing."""
        if not numbers:
            return None
        return cls(statistics.median(numbers), min(numbers), max(numbers))


@dataclass(frozen=True, slots=True)
class Summary:
    """All rounds of one server at one number of connections.

    Attributes:
        rate: good answers a second.
        ratio: the rate to the yardstick's in the same round, or None where that was not measured.
        p50_ms: of the rounds' medians.
        p99_ms: of the rounds' 99th percentiles.
        cpu_per_thousand: CPU seconds per 1,000 good answers.
        memory_mb: the server's processes together.
        refused: in all rounds.
        socket_errors: in all rounds.
        is_saturated: whether some connections waited for their first answer to the end, so that
            the latencies leave out the slowest.
    """

    server: str
    connections: int
    rate: Spread
    ratio: Spread | None
    p50_ms: Spread | None
    p99_ms: Spread | None
    cpu_per_thousand: Spread | None
    memory_mb: Spread
    refused: int
    socket_errors: int
    is_saturated: bool


def ratios(mine: Iterable[Sample], others: Iterable[Sample]) -> list[float]:
    """Return the ratio of the two rates in each round that measured both.

    A round in which the other gave no good answer has no ratio.
    """
    theirs = {sample.round: sample.load.rate for sample in others}
    return [sample.load.rate / theirs[sample.round] for sample in mine if theirs.get(sample.round)]


def rate_ratio(
    samples: Sequence[Sample], server: str, other: str, connections: int
) -> Spread | None:
    """Return how many times the rate of another server one has, by rounds."""
    at = [sample for sample in samples if sample.connections == connections]
    return Spread.of(
        ratios(
            [sample for sample in at if sample.server == server],
            [sample for sample in at if sample.server == other],
        )
    )


def _spread(samples: Sequence[Sample], number: Callable[[Sample], float | None]) -> Spread | None:
    found = (number(sample) for sample in samples)
    return Spread.of([each for each in found if each is not None])


def _cpu_per_thousand(sample: Sample) -> float | None:
    good = sample.load.requests - sample.load.refused
    return sample.cpu_seconds * 1000 / good if good else None


def summarize(samples: Sequence[Sample], server: str, connections: int) -> Summary | None:
    """Return the summary of a server's rounds, or None where there are none."""
    mine = [s for s in samples if s.server == server and s.connections == connections]
    rate = _spread(mine, lambda sample: sample.load.rate)
    memory = _spread(mine, lambda sample: sample.memory_mb)
    if rate is None or memory is None:
        return None
    return Summary(
        server=server,
        connections=connections,
        rate=rate,
        ratio=rate_ratio(samples, server, YARDSTICK, connections),
        p50_ms=_spread(mine, lambda sample: sample.load.p50_ms),
        p99_ms=_spread(mine, lambda sample: sample.load.p99_ms),
        cpu_per_thousand=_spread(mine, _cpu_per_thousand),
        memory_mb=memory,
        refused=sum(sample.load.refused for sample in mine),
        socket_errors=sum(sample.load.socket_errors for sample in mine),
        is_saturated=any(sample.load.requests < 2 * connections for sample in mine),
    )
