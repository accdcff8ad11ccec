"""The tables of the report, as Markdown. Pure: figures in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants import CONTESTANTS
from benchmarks.request_cost import PARTS
from benchmarks.rows import find_row, shown
from benchmarks.samples import YARDSTICK
from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.measured import Measured
    from benchmarks.rows import Row
    from benchmarks.samples import Spread, Summary

_LEAST_RATIO = 0.001
NONE = "-"
SATURATED = " †"
THOUSAND = 1000
WHOLE_REQUEST = "a request:"
"""What the names of the rows start with that are about a request as a whole."""


def number(value: float | None) -> str:
    """Return a figure with three digits that mean something, or a dash for none."""
    if value is None:
        return NONE
    if abs(value) >= THOUSAND:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{float(f'{value:.3g}'):.10g}"


def spread(value: Spread | None) -> str:
    """Return a median with its lowest and highest round."""
    if value is None:
        return NONE
    return f"{number(value.median)} ({number(value.low)} to {number(value.high)})"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a Markdown table whose first columns are texts and the others figures."""
    lines = [titles, ["---"] * texts + ["---:"] * (len(titles) - texts), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def title_of(name: str) -> str:
    """Return what the tables call a contestant."""
    return next(each.title for each in CONTESTANTS if each.name == name)


def ratios_table(measured: Measured) -> str:
    """Return each server's rate to bare Tornado's, by connections."""
    connections = measured.options["connections"]
    rows = []
    for server in measured.servers:
        found = [measured.summary(server.name, each) for each in connections]
        cells = [_ratio(each.ratio.median) if each and each.ratio else NONE for each in found]
        rows.append([title_of(server.name), *cells])
    return table(["rate to bare Tornado's", *(f"{each} conn." for each in connections)], rows)


def _ratio(ratio: float) -> str:
    return number(ratio) if ratio >= _LEAST_RATIO else f"< {_LEAST_RATIO:g}"


def contestants_table(measured: Measured) -> str:
    """Return what each server does, what it is made of, and how it starts."""
    rows = []
    for contestant in CONTESTANTS:
        server = measured.find_server(contestant.name)
        if server is None:
            continue
        versions = ", ".join(f"{name} {version}" for name, version in server.versions.items())
        start = f"{number(server.start_seconds)} s"
        memory = f"{number(server.start_memory_mb)} MB"
        rows.append([contestant.title, contestant.does, versions, start, memory])
    return table(["server", "for a request", "versions", "first answer", "memory then"], rows, 3)


def load_table(measured: Measured, connections: int) -> str:
    """Return everything that was measured at a number of connections."""
    found = [measured.summary(server.name, connections) for server in measured.servers]
    titles = ["server", "ratio", "requests/s", "p50, ms", "p99, ms", "CPU s/1,000", "MB", "failed"]
    return table(titles, [_load_row(each) for each in found if each])


def _load_row(summary: Summary) -> list[str]:
    mark = SATURATED if summary.is_saturated else ""
    return [
        title_of(summary.server) + mark,
        "1" if summary.server == YARDSTICK else spread(summary.ratio),
        spread(summary.rate),
        spread(summary.p50_ms),
        spread(summary.p99_ms),
        number(summary.cpu_per_thousand.median if summary.cpu_per_thousand else None),
        number(summary.memory_mb.median),
        str(summary.refused + summary.socket_errors),
    ]


def targets_table(measured: Measured) -> str:
    """Return each target with what was measured for it."""
    rows = []
    for target in TARGETS:
        figure = number(target.figure(measured))
        bound = f"{target.direction} {target.bound:g} {target.unit}".strip()
        shown = figure if figure == NONE else f"{figure} {target.unit}".strip()
        rows.append([target.text, target.verdict(measured), bound, shown])
    return table(["target", "", "aim", "measured"], rows, 2)


def parts_table(parts: Iterable[Row]) -> str:
    """Return rows of the micro-benchmarks."""
    rows = []
    for part in parts:
        figures = f"{number(part.median)} ({number(part.low)} to {number(part.high)})"
        rows.append([part.name, part.unit, shown(part.parameter) or NONE, figures])
    return table(["what", "unit", "size or mode", "median (lowest to highest)"], rows, 2)


def cost_model(measured: Measured) -> list[Row]:
    """Return the parts of a request, their sum, and what a request costs as a whole."""
    found = [find_row(measured.parts, name, parameter) for name, parameter in PARTS]
    whole = [part for part in measured.parts if part.name.startswith(WHOLE_REQUEST)]
    return [*(part for part in found if part), *whole]
