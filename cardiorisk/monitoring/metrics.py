"""What is counted here, what other rooms count already, and the last hour of it by clock minutes.

Nothing is counted twice: what another room counts is read when somebody asks. Requests are counted
in plain numbers on the event loop, for the library's own counters take a lock at every change; the
library only writes them. See docs/metrics.md for what each number means.

The last hour comes out of counts that only ever rise: once a minute, and whenever somebody asks,
they are kept as they were when the minute began; what happened in a stretch is the difference of
two such marks. Where nobody rolls for some minutes, their counts all fall in the first.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from cardiorisk.config import VERSION
from cardiorisk.measuring import Histogram, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from cardiorisk.bitacora.writer import Bitacora
    from cardiorisk.http1.connection import Reason
    from cardiorisk.limits.window import Limiter
    from cardiorisk.model.predictor import Predictor
    from cardiorisk.store.store import Store

    Series = tuple[str, str, int]
    """Method, route template and status."""

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "cardiorisk_"
STAGES = ("auth", "limit", "validate", "predict", "store", "total")
STAGE_BOUNDS_MS = (
    *(float(f"{digit}e{power}") for power in range(-2, 4) for digit in (1, 2.5, 5)),
    10_000.0,
)
"""From 10 µs, below which the clock says little, to 10 s, above which nobody waits."""
OTHER_PLAN = "*"
"""The plan of accounts whose plan is no longer set."""
_MS_A_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Sources:
    """The rooms that count for themselves."""

    store: Store
    limiter: Limiter
    predictor: Predictor
    bitacora: Bitacora
    open_requests: Callable[[], int]
    connection_refusals: Mapping[Reason, int]


class Metrics(Collector):
    """Counts of requests and stages; use it on the event loop only.

    Answers that are ``expected`` have a series, at 0, before the first of them, so that a rate over
    the first failure is not lost.
    """

    def __init__(self, expected: Iterable[Series], plans: Iterable[str], sources: Sources) -> None:
        self.requests: dict[Series, int] = dict.fromkeys(expected, 0)
        self.stages = {stage: Histogram(STAGE_BOUNDS_MS) for stage in STAGES}
        self.refusals = dict.fromkeys((*plans, OTHER_PLAN), 0)
        self._sources = sources
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self.registry)

    def count(self, method: str, route: str, status: int, timings_ms: Mapping[str, float]) -> None:
        """Count one answer and the time of its stages.

        ``method`` and ``route`` are as they are logged, so that a stranger's word is no label.
        """
        series = (method, route, status)
        self.requests[series] = self.requests.get(series, 0) + 1
        for stage, time_ms in timings_ms.items():
            if stage in self.stages:
                self.stages[stage].add(time_ms)

    def count_refusal(self, plan: str) -> None:
        """Count a request over its plan's limit or its key's own."""
        self.refusals[plan if plan in self.refusals else OTHER_PLAN] += 1

    def counts(self) -> Counts:
        by_status: Counter[int] = Counter()
        for (_, _, status), count in self.requests.items():
            by_status[status] += count
        return Counts(
            by_status,
            dict(self.refusals),
            {stage: times.cumulative() for stage, times in self.stages.items()},
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def describe(self) -> Iterable[Metric]:
        """Promise nothing beforehand: the names cannot clash with any other collector's."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._stages()
        yield from self._keys()
        yield from self._network()
        yield from self._log()

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            f"{PREFIX}requests",
            "Requests that were answered",
            labels=("method", "route", "status"),
        )
        for (method, route, status), count in self.requests.items():
            requests.add_metric((method, route, str(status)), count)
        yield requests
        yield GaugeMetricFamily(
            f"{PREFIX}open_requests",
            "Requests that are not answered yet, the one that asks included",
            value=self._sources.open_requests(),
        )
        yield _labelled(
            CounterMetricFamily(
                f"{PREFIX}connection_refusals",
                "Requests that ended without their handler",
                labels=("reason",),
            ),
            self._sources.connection_refusals,
        )

    def _stages(self) -> Iterator[Metric]:
        stages = HistogramMetricFamily(
            f"{PREFIX}stage_seconds", "Time that a request spent in a stage", labels=("stage",)
        )
        for stage, times in self.stages.items():
            stages.add_metric((stage,), *_buckets(times, _MS_A_SECOND))
        yield stages

    def _keys(self) -> Iterator[Metric]:
        memo = self._sources.store.memo.statistics()
        yield _labelled(
            CounterMetricFamily(
                f"{PREFIX}memo_lookups", "Credentials looked up in the memo", labels=("result",)
            ),
            {"hit": memo.hits, "refusal": memo.refusals, "miss": memo.misses},
        )
        yield _labelled(
            GaugeMetricFamily(f"{PREFIX}memo_entries", "Credentials in the memo", labels=("kind",)),
            {"known": memo.entries, "refused": memo.refused_entries},
        )
        yield _labelled(
            CounterMetricFamily(
                f"{PREFIX}limit_refusals",
                "Requests over their plan's or key's limit",
                labels=("plan",),
            ),
            self.refusals,
        )
        yield GaugeMetricFamily(
            f"{PREFIX}active_accounts",
            "Accounts that drew on their limit in the current minute",
            value=self._sources.limiter.active_accounts(),
        )

    def _network(self) -> Iterator[Metric]:
        predictor = self._sources.predictor
        yield GaugeMetricFamily(
            f"{PREFIX}queue_patients",
            "Patients that wait for the network, those being assessed left out",
            value=predictor.waiting,
        )
        batches = HistogramMetricFamily(
            f"{PREFIX}batch_patients", "Patients that went through the network together", labels=()
        )
        batches.add_metric((), *_buckets(predictor.batch_sizes, 1))
        yield batches
        model = InfoMetricFamily(f"{PREFIX}model", "The network that answers")
        if predictor.version is not None:
            model.add_metric((), {"version": predictor.version})
        yield model
        yield InfoMetricFamily(f"{PREFIX}build", "The service itself", {"version": VERSION})

    def _log(self) -> Iterator[Metric]:
        bitacora = self._sources.bitacora
        yield CounterMetricFamily(
            f"{PREFIX}bitacora_lines", "Lines written to the log", value=bitacora.lines_written
        )
        yield CounterMetricFamily(
            f"{PREFIX}bitacora_failures",
            "Writes and syncs of the log that failed",
            value=bitacora.write_failures,
        )


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[Any, int]) -> Metric:
    for label, value in values.items():
        family.add_metric((label,), value)
    return family


def _buckets(histogram: Histogram, parts_a_unit: int) -> tuple[list[tuple[str, float]], float]:
    """Return the piled-up counts by bound, and the sum, in whole units."""
    bounds = [*(f"{bound / parts_a_unit:g}" for bound in histogram.bounds), "+Inf"]
    return list(zip(bounds, histogram.cumulative(), strict=True)), histogram.total / parts_a_unit


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
