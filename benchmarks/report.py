"""Make docs/benchmarks.md and its plot from benchmarks/results, without measuring anything.

    .venv/bin/python -m benchmarks.report [--results DIR] [--page FILE]

The sentences are in benchmarks/page.md, which has a hole for each table. No sentence holds a
figure, so that none can go stale.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from benchmarks import micro
from benchmarks.contestants import CONTESTANTS
from benchmarks.results import (
    MICRO,
    RESULTS,
    ROOT,
    SERVERS,
    YARDSTICK,
    Micro,
    Row,
    Run,
    read_micro,
    read_run,
    shown,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = ROOT / "benchmarks" / "page.md"
PLOT = "benchmarks/throughput.svg"
FEW, MANY = 1, 32
LEAST_RATIO = 0.001
CONTESTANT = {each.name: each for each in CONTESTANTS}


def page(run: Run, parts: Micro) -> str:
    """Return the page."""
    template = Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        run=table(["run", ""], run.about.items(), 2),
        ratios=ratios_table(run),
        plot=PLOT,
        few=load_table(run, FEW),
        many=load_table(run, MANY),
        servers=servers_table(run),
        micro_date=parts.about["date"],
        parts=parts_table(parts.rows),
        growth=growth_table(parts.rows),
    )


def ratios_table(run: Run) -> str:
    """Return each server's rate to the yardstick's, by connections."""
    rows = []
    for server in run.servers:
        found = [run.ratio(server.name, YARDSTICK, n, lambda s: s.rate) for n in run.connections]
        medians = [each.median if each else None for each in found]
        cells = [f"< {LEAST_RATIO}" if m and m < LEAST_RATIO else shown(m) for m in medians]
        rows.append([CONTESTANT[server.name].title, *cells])
    return table(["times bare Tornado's rate", *(f"{n} conn." for n in run.connections)], rows)


def load_table(run: Run, connections: int) -> str:
    """Return what was measured at a number of connections; † marks a server that was too slow."""
    rows = []
    for server in run.servers:
        samples = run.of(server.name, connections)
        figures = (
            run.ratio(server.name, YARDSTICK, connections, lambda sample: sample.rate),
            run.spread(server.name, connections, lambda sample: sample.rate),
            run.spread(server.name, connections, lambda sample: sample.load.p50_ms),
            run.spread(server.name, connections, lambda sample: sample.load.p99_ms),
            run.spread(server.name, connections, lambda sample: sample.cpu_us),
        )
        is_saturated = any(sample.load.requests < 2 * connections for sample in samples)
        rows.append(
            [
                CONTESTANT[server.name].title + (" †" if is_saturated else ""),
                *(each or shown(None) for each in figures[:2]),
                *(shown(each.median if each else None) for each in figures[2:]),
                shown(max((sample.memory_mb for sample in samples), default=None)),
                sum(sample.load.refused + sample.load.socket_errors for sample in samples),
            ]
        )
    plural = "s" if connections > 1 else ""
    titles = [f"{connections} connection{plural}", "times bare", "requests/s", "p50, ms", "p99, ms"]
    return table([*titles, "CPU, µs", "MB", "failed"], rows)


def servers_table(run: Run) -> str:
    """Return what each server does, how it starts and how it grows."""
    rows = []
    for server in run.servers:
        requests, grown_mb = run.growth(server.name)
        rows.append(
            [
                CONTESTANT[server.name].title,
                CONTESTANT[server.name].does,
                f"{shown(server.start_seconds)} s",
                f"{shown(server.start_memory_mb)} MB",
                f"{shown(grown_mb)} MB over {shown(requests)} requests",
            ]
        )
    left_out = [[CONTESTANT[each].title, f"left out: {why}"] for each, why in run.skipped.items()]
    titles = ["server", "for a request", "first answer", "memory then", "growth"]
    return table(titles, [*rows, *([*each, "-", "-", "-"] for each in left_out)], 2)


def parts_table(rows: Sequence[Row]) -> str:
    """Return what each part takes of a request's processor time, and what they leave of it."""
    firsts = {row.name: row.us for row in sorted(rows, key=lambda row: -row.size)}
    whole = firsts[micro.PROCESSOR].median
    rest = whole - sum(firsts[name].median for name in micro.PARTS)
    lines = [
        *((name, firsts[name], firsts[name].median) for name in micro.PARTS),
        ("HTTP, the handler and the system: the rest", shown(rest), rest),
        (micro.PROCESSOR, firsts[micro.PROCESSOR], whole),
    ]
    shares = [[name, us, f"{100 * median / whole:.1f} %"] for name, us, median in lines]
    shares.append([micro.LATENCY, firsts[micro.LATENCY], ""])
    return table(["part", "µs, median (lowest to highest)", "share"], shares)


def growth_table(rows: Sequence[Row]) -> str:
    """Return how long a look-up takes by what there is to be found."""
    sizes = sorted({row.size for row in rows if row.size})
    found = {(row.name, row.size): shown(row.us.median) for row in rows}
    names = (micro.HIT, micro.MISS, micro.DECISION)
    cells = [[name, *(found[name, size] for size in sizes)] for name in names]
    return table(["µs, by keys or accounts", *(f"{size:,}" for size in sizes)], cells)


def draw(run: Run, path: Path) -> None:
    """Draw the rates as SVG; the same figures give the same bytes."""
    drawing = Drawing(figsize=(8.0, 5.0), layout="constrained")
    axes = drawing.subplots()
    for server in run.servers:
        found = {n: run.spread(server.name, n, lambda s: s.rate or None) for n in run.connections}
        points = {n: spread for n, spread in found.items() if spread}
        medians = [spread.median for spread in points.values()]
        lows = [spread.low for spread in points.values()]
        highs = [spread.high for spread in points.values()]
        axes.plot([*points], medians, "o-", ms=4, label=CONTESTANT[server.name].title)
        axes.fill_between([*points], lows, highs, alpha=0.15, linewidth=0)
    axes.set(title="Good answers a second", xlabel="connections", xscale="log", yscale="log")
    axes.set_xticks(run.connections, [str(each) for each in run.connections])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "cardiorisk", "svg.fonttype": "none"}):
        drawing.savefig(path, metadata={"Date": None})


def main() -> None:
    """Write the page and its plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes")
    given = parser.parse_args()
    run = read_run(given.results / SERVERS.name)
    given.page.write_text(page(run, read_micro(given.results / MICRO.name)), "utf-8")
    draw(run, given.page.parent / PLOT)
    print(f"Wrote {given.page}")


if __name__ == "__main__":
    main()
