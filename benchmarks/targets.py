"""What was aimed at, each aim with the figure that was measured for it.

Pure. A target that was not measured is neither met nor missed. The bounds are ratios where they can
be, since only those mean the same on another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.growth import LIMITER_BYTES
from benchmarks.micro_cases import DECISION, MEMO_HIT, MEMO_MISS
from benchmarks.request_cases import COUNT
from benchmarks.request_cost import PROCESSOR
from benchmarks.rows import find_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measured import Measured

MANY = 1_000_000
"""Keys or accounts of the largest micro-benchmarks, and requests of the endurance run."""


@dataclass(frozen=True, slots=True)
class Target:
    """One aim.

    Attributes:
        text: what is measured.
        direction: whether the bound is the least or the most.
        bound: in ``unit``.
        unit: empty for a ratio, or "times", "ms" and so on.
        figure: finds what was measured, or None.
    """

    text: str
    direction: Literal["≥", "≤"]
    bound: float
    unit: str
    figure: Callable[[Measured], float | None]

    def verdict(self, measured: Measured) -> str:
        """Return "met", "not met" or "not measured"."""
        figure = self.figure(measured)
        if figure is None:
            return "not measured"
        is_met = figure >= self.bound if self.direction == "≥" else figure <= self.bound
        return "met" if is_met else "**not met**"


def _to_bare(server: str, connections: int) -> Callable[[Measured], float | None]:
    return lambda measured: measured.times(server, "bare", connections)


def _to_other(other: str) -> Callable[[Measured], float | None]:
    return lambda measured: measured.times("litert", other, 32)


def _p99_to_p50(server: str) -> Callable[[Measured], float | None]:
    def figure(measured: Measured) -> float | None:
        found = measured.summary(server, 32)
        if found is None or found.p50_ms is None or found.p99_ms is None:
            return None
        return found.p99_ms.median / found.p50_ms.median

    return figure


def _kept_rate(server: str) -> Callable[[Measured], float | None]:
    def figure(measured: Measured) -> float | None:
        few, many = measured.summary(server, 32), measured.summary(server, 512)
        return 100 * many.rate.median / few.rate.median if few and many else None

    return figure


def _failures(server: str) -> Callable[[Measured], float | None]:
    def figure(measured: Measured) -> float | None:
        found = measured.summary(server, 512)
        return found.refused + found.socket_errors if found else None

    return figure


def _start(server: str) -> Callable[[Measured], float | None]:
    def figure(measured: Measured) -> float | None:
        found = measured.find_server(server)
        return found.start_seconds if found else None

    return figure


def _start_beyond_import(measured: Measured) -> float | None:
    found = measured.find_server("keras")
    if found is None or measured.import_seconds is None:
        return None
    return found.start_seconds - measured.import_seconds


def _memory(measured: Measured) -> float | None:
    """Return the most that it ever took: at its start, under load, and over a million requests."""
    sizes = [sample.memory_mb for sample in measured.samples if sample.server == "litert"]
    server = measured.find_server("litert")
    if server is not None:
        sizes.append(server.start_memory_mb)
    return max([*sizes, *(size for _, size in measured.memory_mb)], default=None)


def _growth(measured: Measured) -> float | None:
    is_whole = measured.memory_mb and measured.memory_mb[-1][0] >= MANY
    return measured.growth_mb if is_whole else None


def _part(name: str, scale: float = 1.0) -> Callable[[Measured], float | None]:
    def figure(measured: Measured) -> float | None:
        found = find_row(measured.parts, name, MANY)
        return found.median * scale if found else None

    return figure


def _counting(measured: Measured) -> float | None:
    count, whole = find_row(measured.parts, COUNT, ""), find_row(measured.parts, PROCESSOR, "")
    return 100 * count.median / whole.median if count and whole else None


TARGETS: tuple[Target, ...] = (
    Target("`litert` to bare Tornado, 32 connections", "≥", 0.95, "", _to_bare("litert", 32)),
    Target("`keras` to bare Tornado, 32 connections", "≥", 0.80, "", _to_bare("keras", 32)),
    Target("`litert` to bare Tornado, 1 connection", "≥", 0.80, "", _to_bare("litert", 1)),
    Target("`keras` to bare Tornado, 1 connection", "≥", 0.35, "", _to_bare("keras", 1)),
    Target("`litert`, p99 to p50 at 32 connections", "≤", 2.5, "times", _p99_to_p50("litert")),
    Target("`keras`, p99 to p50 at 32 connections", "≤", 2.5, "times", _p99_to_p50("keras")),
    Target("`litert`, rate at 512 of that at 32 connections", "≥", 85, "%", _kept_rate("litert")),
    Target("`keras`, rate at 512 of that at 32 connections", "≥", 85, "%", _kept_rate("keras")),
    Target("`litert`, refused or failed at 512 connections", "≤", 0, "", _failures("litert")),
    Target("`keras`, refused or failed at 512 connections", "≤", 0, "", _failures("keras")),
    Target("`litert` to FastAPI + ONNX, 32 connections", "≥", 1.7, "times", _to_other("fastapi")),
    Target("`litert` to MLServer, 32 connections", "≥", 2.5, "times", _to_other("mlserver")),
    Target("`litert` to LitServe, 32 connections", "≥", 2.5, "times", _to_other("litserve")),
    Target("`litert` to BentoML, 32 connections", "≥", 6, "times", _to_other("bentoml")),
    Target("`litert` to the original stack, 32 connections", "≥", 150, "times", _to_other("flask")),
    Target("`litert`, ready in", "≤", 1.5, "s", _start("litert")),
    Target("`litert`, the most memory", "≤", 100, "MB", _memory),
    Target("`keras`, ready beyond `import tensorflow`", "≤", 2, "s", _start_beyond_import),
    Target("a limiter decision, 10⁶ accounts", "≤", 3, "µs", _part(DECISION)),
    Target("an account in the limiter, 10⁶ accounts", "≤", 250, "bytes", _part(LIMITER_BYTES)),
    Target("a memo hit, 10⁶ keys", "≤", 3, "µs", _part(MEMO_HIT)),
    Target("a memo miss, 10⁶ keys in SQLite", "≤", 2, "ms", _part(MEMO_MISS, 0.001)),
    Target("counting a request, of its processor time", "≤", 3, "%", _counting),
    Target("`litert`, growth over 10⁶ requests", "≤", 2, "MB", _growth),
)
"""In the order of the table. Source: the project's performance goals."""
