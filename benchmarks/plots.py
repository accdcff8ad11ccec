"""The plots of the report, as SVG: the rate, and the latencies, against the connections.

Made without pyplot, so that no state is kept. The same figures give the same bytes: no date is
written into the files, and the ids inside are not random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.contestants import CONTESTANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.measured import Measured
    from benchmarks.samples import Spread, Summary

RATE_PLOT = "throughput.svg"
LATENCY_PLOT = "latency.svg"
COLOURS = dict(
    zip(
        [each.name for each in CONTESTANTS],
        (
            "#666666",
            "#b0b0b0",
            "#1f5a94",
            "#5aa0dc",
            "#d9722b",
            "#2e8b57",
            "#8b5fb0",
            "#b8860b",
            "#a83232",
        ),
        strict=True,
    )
)


def write_plots(measured: Measured, directory: Path) -> None:
    """Draw both plots into a directory, which is made where needed."""
    directory.mkdir(parents=True, exist_ok=True)
    rate = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = rate.subplots()
    _draw(axes, measured, lambda summary: summary.rate)
    _label(axes, "Good answers a second", "requests/s", measured)
    axes.legend(fontsize=8)

    latency = Figure(figsize=(10.0, 5.8), layout="constrained")
    left, right = latency.subplots(1, 2, sharey=True)
    _draw(left, measured, lambda summary: summary.p50_ms)
    _draw(right, measured, lambda summary: summary.p99_ms)
    _label(left, "Latency, p50", "ms", measured)
    _label(right, "Latency, p99", "", measured)
    latency.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8
    )

    with mpl.rc_context({"svg.hashsalt": "cardiorisk"}):
        rate.savefig(directory / RATE_PLOT, metadata={"Date": None})
        latency.savefig(directory / LATENCY_PLOT, metadata={"Date": None})


def _draw(axes: Axes, measured: Measured, figure: Callable[[Summary], Spread | None]) -> None:
    """Draw a line a server through its medians, with the spread as a band."""
    titles = {each.name: each.title for each in CONTESTANTS}
    for server in measured.servers:
        found = [measured.summary(server.name, each) for each in measured.options["connections"]]
        points = [(each.connections, figure(each)) for each in found if each]
        drawn = [(connections, spread) for connections, spread in points if spread]
        xs = [connections for connections, _ in drawn]
        colour = COLOURS[server.name]
        axes.plot(
            xs,
            [spread.median for _, spread in drawn],
            marker="o",
            markersize=4,
            color=colour,
            label=titles[server.name],
        )
        lows, highs = [each.low for _, each in drawn], [each.high for _, each in drawn]
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.15, linewidth=0)


def _label(axes: Axes, title: str, unit: str, measured: Measured) -> None:
    connections = measured.options["connections"]
    axes.set_title(title)
    axes.set_xlabel("connections")
    axes.set_ylabel(unit)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(connections, [str(each) for each in connections])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
