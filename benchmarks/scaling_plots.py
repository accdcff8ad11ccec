"""Plots of cost against keys, accounts, rows of a batch and lines of a log, as small SVG files.

The same rows give the same files, byte for byte, so that only what changed is committed anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.growth import LIMITER_BYTES, LOG_STATISTICS
from benchmarks.micro_cases import APPEND, DECISION, MEMO_HIT, MEMO_MISS, network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.rows import Row

_SIZE_INCHES = (6.0, 3.6)
_COLOURS = ("#1f5a94", "#d9722b", "#4a7f3f")


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: which rows, over what.

    Attributes:
        names: of the rows; each is a line.
        second_unit: the unit of those that are drawn beside the others, where there are any.
    """

    file: str
    title: str
    x_label: str
    unit: str
    names: tuple[str, ...]
    second_unit: str = ""


PLOTS = (
    Plot("keys.svg", "Whose key is it?", "keys in the database", "µs", (MEMO_HIT, MEMO_MISS)),
    Plot(
        "accounts.svg",
        "One limiter decision",
        "accounts in the minute",
        "µs",
        (DECISION, LIMITER_BYTES),
        "bytes",
    ),
    Plot(
        "batch.svg",
        "One run of the network",
        "patients in the batch",
        "µs",
        (network("litert"), network("keras")),
    ),
    Plot(
        "log.svg",
        "A log that grows",
        "lines in the log",
        "µs",
        (APPEND, LOG_STATISTICS),
        "s",
    ),
)


def draw(rows: Sequence[Row], directory: Path) -> list[Path]:
    """Draw every plot into ``directory``, which is made where needed."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for plot in PLOTS:
        path = directory / plot.file
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cardiorisk"}):
            _figure(plot, rows).savefig(path, metadata={"Date": None})
        # Matplotlib ends lines with spaces, which the repository's tools object to.
        path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
        paths.append(path)
    return paths


def _figure(plot: Plot, rows: Sequence[Row]) -> Figure:
    """Draw one set of axes for each unit, side by side."""
    units = (plot.unit, plot.second_unit) if plot.second_unit else (plot.unit,)
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    figure.suptitle(plot.title)
    axes = dict(zip(units, figure.subplots(1, len(units), squeeze=False)[0], strict=True))
    for name, colour in zip(plot.names, _COLOURS, strict=False):
        points = [row for row in rows if row.name == name]
        _add_line(axes[points[0].unit], points, colour)
    drawn = [row for row in rows if row.name in plot.names]
    for unit, each in axes.items():
        each.set_xscale("log")
        each.set_yscale("log")
        each.set_ylim(*_whole_decades(drawn, unit))
        each.set_xlabel(plot.x_label)
        each.set_ylabel(unit)
        each.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(plot.names))
    return figure


def _whole_decades(rows: Sequence[Row], unit: str) -> tuple[float, float]:
    """Return the powers of ten around what is drawn, so that no small step looks steep."""
    shown = [row for row in rows if row.unit == unit]
    low, high = min(row.low for row in shown), max(row.high for row in shown)
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))


def _add_line(axes: Axes, points: Sequence[Row], colour: str) -> None:
    """Draw the medians as a line, and low to high as a band around it."""
    sizes = [float(point.parameter) for point in points]
    label = f"{points[0].name}, {points[0].unit}"
    medians = [point.median for point in points]
    axes.plot(sizes, medians, marker="o", markersize=3, color=colour, label=label)
    lows, highs = [point.low for point in points], [point.high for point in points]
    axes.fill_between(sizes, lows, highs, color=colour, alpha=0.15, linewidth=0)
