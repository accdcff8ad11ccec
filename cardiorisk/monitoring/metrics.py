"""What a Prometheus server is told: what is counted here, and what other rooms count already.

Nothing is counted twice: what another room counts is read when somebody asks. Requests are counted
in plain numbers on the event loop, for the library's own counters take a lock at every change; the
library only writes them. See docs/metrics.md for what each number means.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from cardiorisk.measuring import Histogram
from cardiorisk.monitoring.last_hour import Counts
from cardiorisk.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from cardiorisk.bitacora.writer import Bitacora
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
        """Count a request over its plan's limit."""
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
                f"{PREFIX}limit_refusals", "Requests over their plan's limit", labels=("plan",)
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


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, int]) -> Metric:
    for label, value in values.items():
        family.add_metric((label,), value)
    return family


def _buckets(histogram: Histogram, parts_a_unit: int) -> tuple[list[tuple[str, float]], float]:
    """Return the piled-up counts by bound, and the sum, in whole units."""
    bounds = [*(f"{bound / parts_a_unit:g}" for bound in histogram.bounds), "+Inf"]
    return list(zip(bounds, histogram.cumulative(), strict=True)), histogram.total / parts_a_unit
