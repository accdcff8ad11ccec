"""What counting costs a request, and what a scrape costs the event loop.

    .venv/bin/python benchmarks/metrics_cost.py [--rounds 7]

The library's own counters do the same work beside ours, so that the reason for ours stays
checkable. The best of the rounds is printed: what disturbs a round only ever makes it slower.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from timeit import repeat
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

from cardiorisk.app import make_app
from cardiorisk.config import load_settings
from cardiorisk.measuring import Timings
from cardiorisk.monitoring.metrics import STAGE_BOUNDS_MS

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000
SCRAPES = 50


def best_us(call: Callable[[], object], calls: int, rounds: int) -> float:
    """Return the microseconds of one call, in the quickest round."""
    return min(repeat(call, number=calls, repeat=rounds)) / calls * 1e6


def finished_timings() -> Timings:
    """Return the timings of a request that went through every stage of the service."""
    timings = Timings()
    for stage in ("auth", "limit", "validate", "predict"):
        timings.end_stage(stage)
    timings.stop()
    return timings


def library_count(timings: Timings) -> Callable[[], None]:
    """Return what counts a request with the library's own classes."""
    registry = CollectorRegistry()
    requests = Counter("requests", "Requests", ("method", "route", "status"), registry=registry)
    bounds = [bound / 1000 for bound in STAGE_BOUNDS_MS]
    stages = Histogram("stages", "Stages", ("stage",), registry=registry, buckets=bounds)

    def count() -> None:
        requests.labels("POST", "/service", "200").inc()
        for stage, time_ms in timings.stages_ms.items():
            stages.labels(stage).observe(time_ms / 1000)
        stages.labels("total").observe(timings.total_ms / 1000)

    return count


async def main(rounds: int) -> None:
    """Measure and print."""
    timings = finished_timings()
    with tempfile.TemporaryDirectory() as directory:
        at = Path(directory)
        chosen = {"database_url": f"sqlite:///{at / 'keys.db'}", "log_dir": at / "logs"}
        services = make_app(load_settings(chosen)).services
        metrics = services.metrics
        ours = best_us(lambda: metrics.count("POST", "/service", 200, timings), CALLS, rounds)
        library = best_us(library_count(timings), CALLS, rounds)
        scrape = best_us(metrics.text, SCRAPES, rounds)
        print(f"count one request, four stages and the total: {ours:.2f} µs")
        print(f"the same with the library's own counters: {library:.2f} µs")
        print(f"a scrape, {len(metrics.text().splitlines())} lines: {scrape / 1000:.2f} ms")
        await services.close()
        await services.predictor.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    asyncio.run(main(parser.parse_args().rounds))
