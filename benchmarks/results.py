"""The figures of a run: as they are measured, as JSON keeps them, and what they say together.

A ratio is taken within a round, and then the median of the rounds: a machine that is slower in
one round than in the next changes no ratio.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Figure = Callable[["Sample"], float | None]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SERVERS, MICRO = RESULTS / "servers.json", RESULTS / "micro.json"
YARDSTICK = "bare"
"""The contestant that every other one is compared with."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a load generator saw.

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
    def good(self) -> int:
        return self.requests - self.refused


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one server.

    Attributes:
        server: the contestant's name.
        connections: how many were open, each asking again as soon as it was answered.
        round: counted from 0.
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

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.load.good / self.load.seconds

    @property
    def cpu_us(self) -> float | None:
        """Processor time of a good answer, in microseconds."""
        return self.cpu_seconds / self.load.good * 1e6 if self.load.good else None

    def __str__(self) -> str:
        failed = self.load.refused + self.load.socket_errors
        cost = f"{self.rate:.0f}/s, {shown(self.cpu_us)} µs of CPU each, {failed} failed"
        return f"{self.server}, {self.connections} connections: {cost}, {self.memory_mb:.0f} MB"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some numbers, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread | None:
        if not numbers:
            return None
        return cls(statistics.median(numbers), min(numbers), max(numbers))

    def __str__(self) -> str:
        return f"{shown(self.median)} ({shown(self.low)} to {shown(self.high)})"


@dataclass(frozen=True, slots=True)
class Server:
    """A contestant that took part: when it gave its first good answer, and its memory then."""

    name: str
    start_seconds: float
    start_memory_mb: float

    def __str__(self) -> str:
        return f"{self.name}: ready in {self.start_seconds} s, {self.start_memory_mb} MB"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the comparison.

    Attributes:
        about: machine, date, commit and options, by what they are called in the report.
        servers: who took part, in the order of the tables.
        skipped: why the others did not, by name.
        samples: in the order in which they were taken.
    """

    about: dict[str, str]
    servers: list[Server]
    skipped: dict[str, str]
    samples: list[Sample]

    @property
    def connections(self) -> list[int]:
        return sorted({sample.connections for sample in self.samples})

    def of(self, server: str, connections: int) -> list[Sample]:
        """Return a server's samples at a number of connections."""
        return [s for s in self.samples if (s.server, s.connections) == (server, connections)]

    def spread(self, server: str, connections: int, figure: Figure) -> Spread | None:
        """Return a figure over all rounds."""
        found = map(figure, self.of(server, connections))
        return Spread.of([each for each in found if each is not None])

    def ratio(self, server: str, other: str, connections: int, figure: Figure) -> Spread | None:
        """Return how many times the other's figure a server's is, in the rounds that have both."""
        theirs = {sample.round: figure(sample) for sample in self.of(other, connections)}
        pairs = [(figure(s), theirs.get(s.round)) for s in self.of(server, connections)]
        return Spread.of([mine / their for mine, their in pairs if mine is not None and their])

    def growth(self, server: str) -> tuple[int, float]:
        """Return a number of requests, and by how many megabytes the server grew over them.

        From the first round to the last, each at the most connections.
        """
        mine = [sample for sample in self.samples if sample.server == server]
        crowded = [sample for sample in mine if sample.connections == self.connections[-1]]
        between = mine[mine.index(crowded[0]) + 1 : mine.index(crowded[-1]) + 1]
        requests = sum(sample.load.requests for sample in between)
        return requests, crowded[-1].memory_mb - crowded[0].memory_mb


@dataclass(frozen=True, slots=True)
class Row:
    """One micro-benchmark: the median of its values, the lowest and the highest.

    Attributes:
        name: what was measured.
        size: of what grows, or 0 where nothing does.
        us: microseconds.
    """

    name: str
    size: int
    us: Spread


@dataclass(frozen=True, slots=True)
class Micro:
    """One run of the micro-benchmarks; ``about`` as in ``Run``."""

    about: dict[str, str]
    rows: list[Row]


def write(figures: Run | Micro, path: Path) -> None:
    """Write figures as JSON, and of a list a member a line."""
    members = [f'"{name}": {_lines(value)}' for name, value in asdict(figures).items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{" + ",\n".join(members) + "}\n", "utf-8")


def _lines(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_lines, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def read_run(path: Path) -> Run:
    return TypeAdapter(Run).validate_json(path.read_bytes())


def read_micro(path: Path) -> Micro:
    return TypeAdapter(Micro).validate_json(path.read_bytes())


def shown(number: float | None) -> str:
    """Return a number with three digits that mean something, or a dash for none."""
    return "-" if number is None else f"{float(f'{number:.3g}'):,.10g}"


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], texts: int = 1) -> str:
    """Return a Markdown table whose first columns are texts and the others figures."""
    lines = [titles, ["---"] * texts + ["---:"] * (len(titles) - texts), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def about_this_machine() -> dict[str, str]:
    """Return what figures depend on, and nothing that identifies the machine."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    memory = f"{psutil.virtual_memory().total / 1e9:.0f} GB"
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return {
        "machine": f"{(models or [platform.machine()])[0]}, {os.cpu_count()} cores, {memory}",
        "system": f"{system}, Python {platform.python_version()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}, at commit {commit.stdout.strip() or 'unknown'}",
    }
