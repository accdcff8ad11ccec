"""Make docs/benchmarks.md and its plot from benchmarks/results, without measuring anything.

    .venv/bin/python -m benchmarks.report [--results DIR] [--page FILE]

The sentences are in benchmarks/page.md, which has a hole for each table. No sentence holds a
figure, so that none can go stale.
"""

from __future__ import annotations

import argparse
from collections import Counter
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

    from benchmarks.results import Figure

PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = ROOT / "benchmarks" / "page.md"
PLOT = "benchmarks/throughput.svg"
FEW, MANY = 1, 32
SATURATED = "\n\n† too few answers in a round: the latencies leave out the slowest."
CONTESTANT = {each.name: each for each in CONTESTANTS}


def page(run: Run, parts: Micro) -> str:
    """Return the page."""
    template = Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        run.about,
        plot=PLOT,
        load_table=load_table(run, FEW, MANY),
        servers=servers_table(run),
        failed=failures(run),
        micro_date=parts.about["date"],
        parts=parts_table(parts.rows),
        growth=growth_table(parts.rows),
    )


def load_table(run: Run, few: int, many: int) -> str:
    """Return what was measured at few and many connections; † marks a server that was too slow."""
    figures: list[tuple[str, int, Figure]] = [
        ("requests/s", many, lambda sample: sample.rate),
        ("p99 ms", few, lambda sample: sample.load.p99_ms),
        ("p99 ms", many, lambda sample: sample.load.p99_ms),
        ("CPU µs", many, lambda sample: sample.cpu_us),
    ]
    whats = (("times bare", few), ("times bare", many), *(figure[:2] for figure in figures))
    titles = ["server", *(f"{what}, {n} conn." for what, n in whats)]
    rows = []
    for server in run.servers:
        name = server.name
        ratios = [run.ratio(name, YARDSTICK, n, lambda sample: sample.rate) for n in (few, many)]
        spreads = [run.spread(name, n, figure) for _, n, figure in figures]
        is_saturated = any(
            sample.load.requests < 2 * n for n in (few, many) for sample in run.of(name, n)
        )
        rows.append(
            [
                CONTESTANT[name].title + (" †" if is_saturated else ""),
                *(1 if name == YARDSTICK else each or shown(None) for each in ratios),
                *(shown(each.median if each else None) for each in spreads),
            ]
        )
    made = table(titles, rows)
    return made + SATURATED if "†" in made else made


def servers_table(run: Run) -> str:
    """Return what each server does, how it starts and what it takes."""
    rows = []
    for server in run.servers:
        requests, grown_mb = run.growth(server.name)
        memory_mb = [sample.memory_mb for sample in run.samples if sample.server == server.name]
        rows.append(
            [
                CONTESTANT[server.name].title,
                CONTESTANT[server.name].does,
                shown(server.start_seconds),
                shown(max(server.start_memory_mb, *memory_mb)),
                f"{shown(grown_mb)} over {shown(requests)}",
            ]
        )
    left_out = [[CONTESTANT[each].title, f"left out: {why}"] for each, why in run.skipped.items()]
    titles = ["server", "for a request", "first answer, s", "MB at most", "growth, MB"]
    return table(titles, [*rows, *([*each, "-", "-", "-"] for each in left_out)], 2)


def failures(run: Run) -> str:
    """Return whose answers were refused or broke off, and how many."""
    failed = Counter[str]()
    for sample in run.samples:
        failed[sample.server] += sample.load.refused + sample.load.socket_errors
    said = (f"{CONTESTANT[name].title} {count:,}" for name, count in failed.items() if count)
    return "; ".join(said) or "none"


def parts_table(rows: Sequence[Row]) -> str:
    """Return what each part takes of a request's processor time, and what they leave of it."""
    firsts = {row.name: row.us for row in sorted(rows, key=lambda row: -row.size)}
    whole = firsts[micro.PROCESSOR].median
    rest = whole - sum(firsts[name].median for name in micro.PARTS)
    lines: list[list[object]] = [
        *([name, firsts[name]] for name in micro.PARTS),
        ["HTTP, the handler and the system: the rest", shown(rest)],
        *([name, firsts[name]] for name in (micro.PROCESSOR, micro.LATENCY)),
    ]
    return table(["part", "µs, median (lowest to highest)"], lines)


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
