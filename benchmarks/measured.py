"""Everything that was measured, read back from benchmarks/results.

The report, its plots and its table of targets are made from this alone: the same files make the
same report on any machine. What was not measured is None and never 0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.rows import read_rows
from benchmarks.samples import Sample, Summary, rate_ratio, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.rows import Row


@dataclass(frozen=True, slots=True)
class Server:
    """A contestant that took part.

    Attributes:
        name: the contestant's.
        start_seconds: from the start of the process to the first good answer.
        start_memory_mb: of its processes then.
        versions: of its packages.
    """

    name: str
    start_seconds: float
    start_memory_mb: float
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one run.

    Attributes:
        machine: what ``machine.describe`` found.
        generator: the load generator's name.
        command: that measured the servers.
        options: seconds, rounds and connections.
        servers: who took part, in the order of the tables.
        skipped: why the others did not, by name.
        samples: of the servers.
        import_seconds: of ``import tensorflow`` alone.
        memory_mb: of litert after so many requests, from ``endurance.py``; empty if it did not run.
        parts: rows of the micro-benchmarks; empty if they did not run.
    """

    machine: Mapping[str, str]
    generator: str
    command: str
    options: Mapping[str, Any]
    servers: Sequence[Server]
    skipped: Mapping[str, str]
    samples: Sequence[Sample]
    import_seconds: float | None = None
    memory_mb: Sequence[tuple[int, float]] = ()
    parts: Sequence[Row] = ()

    def find_server(self, name: str) -> Server | None:
        """Return a server, or None where it did not take part."""
        return next((each for each in self.servers if each.name == name), None)

    def summary(self, server: str, connections: int) -> Summary | None:
        """Return all rounds of a server at a number of connections, or None."""
        return summarize(self.samples, server, connections)

    def times(self, server: str, other: str, connections: int) -> float | None:
        """Return how many times the rate of another server one has, or None."""
        found = rate_ratio(self.samples, server, other, connections)
        return found.median if found else None

    @property
    def growth_mb(self) -> float | None:
        """What the memory grew by from the end of the warm-up to the last request."""
        if len(self.memory_mb) < 2:  # noqa: PLR2004 - a first and a last
            return None
        return self.memory_mb[-1][1] - self.memory_mb[0][1]


def read(directory: Path) -> Measured:
    """Read what a run wrote: servers.json, and endurance.json and micro.json where they are."""
    run = json.loads((directory / "servers.json").read_text("utf-8"))
    endurance, micro = directory / "endurance.json", directory / "micro.json"
    memory = json.loads(endurance.read_text())["memory_mb"] if endurance.exists() else []
    return Measured(
        machine=run["machine"],
        generator=run["generator"],
        command=run["command"],
        options=run["options"],
        servers=[Server(**each) for each in run["servers"]],
        skipped=run["skipped"],
        samples=[Sample.from_json(each) for each in run["samples"]],
        import_seconds=run["import_seconds"],
        memory_mb=[(requests, size) for requests, size in memory],
        parts=read_rows(micro) if micro.exists() else [],
    )
