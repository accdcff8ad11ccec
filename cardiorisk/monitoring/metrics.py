"""What is counted here, what other rooms count already, and the last hour of it by clock minutes.

Requests are counted in plain numbers on the event loop, for the library's own counters take a lock
at every change. The last hour is the difference of marks: counts as they were when a minute began.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from operator import sub
from typing import TYPE_CHECKING, Annotated, Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from pydantic import Field as Member

from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.config import VERSION
from cardiorisk.http1.connection import Reason
from cardiorisk.limits.window import Limiter
from cardiorisk.measuring import Histogram, percentile
from cardiorisk.model.predictor import Predictor
from cardiorisk.monitoring.nodes import Nodes
from cardiorisk.store.store import Store

if TYPE_CHECKING:  # it needs an optional extra
    from cardiorisk.limits.redis import Redis

Series = tuple[str, str, int]  # method, route template and status

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "cardiorisk_"
STAGES = ("auth", "limit", "validate", "predict", "store", "total")
# From 10 µs, below which the clock says little, to 10 s, above which nobody waits.
_STEPS = (float(f"{digit}e{power}") for power in range(-2, 4) for digit in (1, 2.5, 5))
STAGE_BOUNDS_MS = (*_STEPS, 10_000.0)
OTHER_PLAN = "*"  # that of accounts whose plan is no longer set
MINUTES = 60  # that are kept, the running one included
SECONDS = 60
LOGIN_ROUTES = frozenset({"/login", "/entrar"})


@dataclass(frozen=True, slots=True)
class Sources:
    store: Store
    limiter: Limiter
    predictor: Predictor
    bitacora: Bitacora
    open_requests: Callable[[], int]
    connection_refusals: Mapping[Reason, int]
    redis: Redis | None = None
    nodes: Nodes | None = None


class Metrics(Collector):
    """Counts of requests and stages; use it on the event loop only.

    Answers that are ``expected`` are 0 before the first, so that a rate over it is not lost.
    """

    def __init__(
        self,
        expected: Iterable[Series],
        plans: Iterable[str],
        sources: Sources,
        node: str | None = None,
    ) -> None:
        self.requests: dict[Series, int] = dict.fromkeys(expected, 0)
        self.stages = {stage: Histogram(STAGE_BOUNDS_MS) for stage in STAGES}
        self.refusals = dict.fromkeys((*plans, OTHER_PLAN), 0)
        self._sources = sources
        self._build = {"version": VERSION, "node": node or ""}
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self.registry)

    def count(self, method: str, route: str, status: int, timings_ms: Mapping[str, float]) -> None:
        """Count one answer and its stages; no label is a stranger's word, as in the log."""
        series = (method, route, status)
        self.requests[series] = self.requests.get(series, 0) + 1
        for stage, time_ms in timings_ms.items():
            if stage in self.stages:
                self.stages[stage].add(time_ms)

    def count_refusal(self, plan: str) -> None:
        self.refusals[plan if plan in self.refusals else OTHER_PLAN] += 1

    def counts(self) -> Counts:
        by_status, logins = Counter[int](), Counter[int]()
        for (_, route, status), count in self.requests.items():
            by_status[status] += count
            if route in LOGIN_ROUTES:
                logins[status] += count
        stages = {stage: times.cumulative() for stage, times in self.stages.items()}
        return Counts(by_status, Counter(self.refusals), stages, logins)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        yield from self._rooms()
        labels = ("method", "route", "status")
        yield _counter("requests", "Requests that were answered", self.requests, *labels)
        yield _gauge("open_requests", "Requests under way", {"": self._sources.open_requests()})
        ended = self._sources.connection_refusals
        yield _counter("connection_refusals", "Requests ended before a handler", ended, "reason")
        yield _counter("limit_refusals", "Requests over a limit", self.refusals, "plan")
        yield _histogram("stage_seconds", "Time in a stage", self.stages, "stage", parts=1000)

    def _rooms(self) -> Iterator[Metric]:
        sources, memo = self._sources, self._sources.store.memo.statistics()
        predictor, bitacora, redis = sources.predictor, sources.bitacora, sources.redis
        looked_up = {"hit": memo.hits, "refusal": memo.refusals, "miss": memo.misses}
        yield _counter("memo_lookups", "Credentials looked up in the memo", looked_up, "result")
        held = {"known": memo.known, "refused": memo.refused}
        yield _gauge("memo_entries", "Credentials in the memo", held, "kind")
        active = {"": sources.limiter.active_accounts()}
        yield _gauge("active_accounts", "Accounts that drew on their limit this minute", active)
        away, outages = (redis.is_away, redis.outages) if redis else (False, 0)
        yield _gauge("windows_away", "1 while Redis is away", {"": int(away)})
        yield _counter("windows_outages", "Times that Redis has gone away", {"": outages})
        waiting = {"": predictor.waiting}
        yield _gauge("queue_patients", "Patients that wait for the network", waiting)
        yield _histogram("batch_patients", "Patients in a batch", {"": predictor.batch_sizes})
        model = InfoMetricFamily(f"{PREFIX}model", "The network that answers")
        if predictor.version is not None:
            model.add_metric((), {"version": predictor.version})
        yield model
        fault = sources.nodes.fault if sources.nodes else None
        said = "1 while an operator wants another network than the one that answers"
        yield _gauge("model_unwanted", said, {"": int(bool(fault))})
        yield InfoMetricFamily(f"{PREFIX}build", "The process that counts", self._build)
        yield _counter("bitacora_lines", "Lines written to the log", {"": bitacora.lines_written})
        yield _counter("bitacora_failures", "Writes that failed", {"": bitacora.write_failures})


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    said: str,
    values: Mapping[Any, int],
    *labels: str,
) -> Metric:
    family = kind(PREFIX + name, said, labels=labels)
    for label, value in values.items():
        parts = label if isinstance(label, tuple) else (label,)
        family.add_metric([str(part) for part in parts], value)
    return family


_counter, _gauge = partial(_family, CounterMetricFamily), partial(_family, GaugeMetricFamily)


def _histogram(
    name: str, said: str, values: Mapping[str, Histogram], *labels: str, parts: int = 1
) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, said, labels=labels)
    for label, counted in values.items():
        bounds = [*(f"{bound / parts:g}" for bound in counted.bounds), "+Inf"]
        piled = list(zip(bounds, counted.cumulative(), strict=True))
        family.add_metric((label,), piled, counted.total / parts)
    return family


@dataclass(frozen=True, slots=True)
class Minute:
    """Requests of a minute, and those that were not answered as they were meant."""

    starts_at: Annotated[datetime, Member(description="When it began")]
    requests: Annotated[int, Member(description="All requests")]
    refusals: Annotated[int, Member(description="Those over a limit")]
    failures: Annotated[int, Member(description="Those answered with 5xx")]
    faults: Annotated[int, Member(description="Those answered with a 4xx, but for a limit's")]


@dataclass(frozen=True, slots=True)
class Stage:
    """How long a stage took, in milliseconds."""

    count: Annotated[int, Member(description="How often it was passed")]
    p50: Annotated[float, Member(description="Half took less")]
    p90: Annotated[float, Member(description="Nine in ten took less")]
    p99: Annotated[float, Member(description="99 in 100 took less")]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened in some minutes."""

    requests: Annotated[int, Member(description="All requests")]
    by_status: Annotated[dict[str, int], Member(description="Requests by status")]
    refusals_by_plan: Annotated[dict[str, int], Member(description="Those over a limit")]
    stages_ms: Annotated[dict[str, Stage], Member(description="How long each stage took")]
    logins: Annotated[dict[str, int], Member(description="Requests to log in, by status")]


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been counted since the start, or in a stretch."""

    by_status: Counter[int]
    refusals: Counter[str]
    stages: Mapping[str, Sequence[int]]  # how many were at most each of ``STAGE_BOUNDS_MS``
    logins: Counter[int] = field(default_factory=Counter)

    def since(self, earlier: Counts) -> Counts:
        """What has not risen is left out."""
        return Counts(
            self.by_status - earlier.by_status,
            self.refusals - earlier.refusals,
            {
                name: tuple(map(sub, piled, earlier.stages[name]))
                for name, piled in self.stages.items()
            },
            self.logins - earlier.logins,
        )

    def minute(self, number: int) -> Minute:
        faulty, failed = (
            sum(count for status, count in self.by_status.items() if status // 100 == first)
            for first in (4, 5)
        )
        starts_at, refused = datetime.fromtimestamp(number * SECONDS, UTC), self.refusals.total()
        faults = max(0, faulty - refused)
        return Minute(starts_at, self.by_status.total(), refused, failed, faults)

    def stretch(self) -> Stretch:
        stages = {
            stage: Stage(
                piled[-1], *(round(percentile(STAGE_BOUNDS_MS, piled, p), 4) for p in (50, 90, 99))
            )
            for stage, piled in self.stages.items()
            if piled[-1]
        }
        by_status, logins = (
            {str(status): count for status, count in sorted(counts.items())}
            for counts in (self.by_status, self.logins)
        )
        refusals = dict(sorted(self.refusals.items()))
        return Stretch(self.by_status.total(), by_status, refusals, stages, logins)


_NOTHING = Counts(Counter(), Counter(), {})


class LastHour:
    """Marks of the last ``MINUTES`` minutes, by a clock of seconds since the epoch, UTC."""

    def __init__(self, read: Callable[[], Counts], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._marks: deque[tuple[int, Counts]] = deque(maxlen=MINUTES + 1)
        self.roll()

    def roll(self) -> None:
        """Mark the minute that has begun; a clock set back by a minute begins the hour anew."""
        minute = int(self._clock() // SECONDS)
        if self._marks and minute < self._marks[-1][0] - 1:
            self._marks.clear()
        if not self._marks or minute > self._marks[-1][0]:
            self._marks.append((minute, self._read()))

    def seconds_to_next_minute(self) -> float:
        return SECONDS - self._clock() % SECONDS

    def minutes(self) -> tuple[Minute, ...]:
        """The running one last; one that nobody saw holds nothing."""
        self.roll()
        ends = [*(counts for _, counts in self._marks), self._read()][1:]
        counted = {
            minute: end.since(start) for (minute, start), end in zip(self._marks, ends, strict=True)
        }
        running = self._marks[-1][0]
        numbers = range(running - MINUTES + 1, running + 1)
        return tuple(counted.get(number, _NOTHING).minute(number) for number in numbers)

    def last(self, minutes: int) -> Stretch:
        """The running one included."""
        self.roll()
        first = self._marks[-1][0] - minutes + 1
        start = next(counts for minute, counts in self._marks if minute >= first)
        return self._read().since(start).stretch()
