"""A small run, made up so that its figures can be worked out in the head."""

from __future__ import annotations

import pytest

from benchmarks.measured import Measured, Server
from benchmarks.rows import Row
from benchmarks.samples import Load, Sample


def sample(server: str, connections: int, requests: int, refused: int = 0) -> Sample:
    load = Load(requests, 1.0, 2.0, 6.0, refused, 0)
    return Sample(server, connections, 0, load, cpu_seconds=0.5, memory_mb=80.0)


@pytest.fixture
def measured() -> Measured:
    """Bare Tornado and litert at 32 and 512 connections, one round; MLServer was skipped."""
    return Measured(
        machine={
            "processor": "A processor",
            "cores": "2",
            "memory": "8 GB",
            "system": "Linux 6.1",
            "python": "3.11.7",
            "date": "2026-11-25",
            "commit": "0123abc",
        },
        generator="wrk",
        command="python -m benchmarks.compare",
        options={"seconds": 1, "rounds": 1, "connections": [32, 512]},
        servers=[
            Server("bare", 0.1, 20.0, {"tornado": "6.6.1"}),
            Server("litert", 0.8, 79.0, {"tornado": "6.6.1"}),
        ],
        skipped={"mlserver": "it cannot be installed"},
        samples=[
            sample("bare", 32, 4000),
            sample("litert", 32, 3000),
            sample("bare", 512, 4000),
            sample("litert", 512, 1000, refused=100),
        ],
        import_seconds=None,
        memory_mb=[(50_000, 80.0), (500_000, 90.0), (1_000_000, 81.5)],
        parts=[
            Row("limiter decision", 10, "µs", 1.5, 1.0, 2.0),
            Row("limiter decision", 1_000_000, "µs", 2.5, 2.0, 3.5),
            Row("key, memo miss", 1_000_000, "µs", 2500.0, 2000.0, 3500.0),
            Row("count the request", "", "µs", 2.0, 1.9, 2.1),
            Row("a request: processor time in all", "", "µs", 400.0, 390.0, 410.0),
            Row("a request: HTTP, handler and the system", "", "µs", 250.0, 240.0, 260.0),
        ],
    )
