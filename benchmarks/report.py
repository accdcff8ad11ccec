"""Make docs/benchmarks.md and its plots from what was measured, without measuring anything.

    .venv/bin/python -m benchmarks.report

What only a person can say, such as why a target is missed, stands in benchmarks/notes.md and is put
in whole. The text around the tables says how to read them, never how they came out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.measured import Measured, read
from benchmarks.plots import LATENCY_PLOT, RATE_PLOT, write_plots
from benchmarks.tables import (
    contestants_table,
    cost_model,
    load_table,
    parts_table,
    ratios_table,
    table,
    targets_table,
    title_of,
)

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
NOTES = HERE / "notes.md"

INTRODUCTION = """\
# Benchmarks

Made by `make bench` from the figures in `benchmarks/results`; what is written by hand comes from
`benchmarks/notes.md`. The yardstick is a Tornado handler that does nothing, behind
Tornado's own server. Quote the ratios. The absolute figures are this machine's."""

HOW = """\
## How it was measured

The servers ran at the same time and were asked in turn, round after round, with one body: the
assignment's patient. Each was warmed up before, and nobody was asked before the last one had
dealt with all that it had been sent. A ratio is that of two rates in the same round; the median
of the rounds is shown, with the lowest and the highest. Load generator and server share the
machine's cores. Every server answered the card's golden rows to within 0.0001 first, except the
one that does nothing.

`CPU s/1,000` is the processor time of all of a server's processes per 1,000 good answers; `MB` is
their proportional set size, which divides what processes share among them; `failed` counts refused
answers and socket errors in all rounds. The limits of those that have one work and never refuse."""

SATURATION = """\
† gave fewer than two answers a connection in a round: its connections queue, and its latencies are
those of the requests that were answered within the measurement, so that the slowest are missing."""

COSTS = """\
One caller, one request after another, `litert`. What the parts leave of the processor's time goes
to HTTP, Tornado's handler and the system, and to caches that are colder in a server than in the
loop that times a part; [scaling.md](scaling.md) says what grows with what. The keys and accounts
are 10 here."""


def render(measured: Measured, notes: str) -> str:
    """Return the page."""
    parts = [
        INTRODUCTION,
        "## Machine and run",
        _machine(measured),
        "## In short",
        ratios_table(measured),
        f"![Good answers a second against connections](benchmarks/{RATE_PLOT})",
        f"![p50 and p99 against connections](benchmarks/{LATENCY_PLOT})",
        "## Targets",
        targets_table(measured),
        notes.strip(),
        HOW,
        "## The servers",
        contestants_table(measured),
        *_skipped(measured),
        *_loads(measured),
        *_growth(measured),
        *_parts(measured),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(measured: Measured) -> str:
    options = measured.options
    machine = measured.machine
    connections = ", ".join(map(str, options["connections"]))
    rows = [
        ["machine", f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}"],
        ["system", f"{machine['system']}, Python {machine['python']}"],
        ["date", f"{machine['date']}, at commit {machine['commit']}"],
        ["load", f"{measured.generator}, one thread; {connections} connections"],
        ["rounds", f"{options['rounds']} of {options['seconds']} s each"],
        ["`import tensorflow`", _seconds(measured.import_seconds)],
        ["command", f"`{measured.command}`, by `make bench`"],
    ]
    return table(["what", ""], rows, 2)


def _seconds(seconds: float | None) -> str:
    return "not measured" if seconds is None else f"{seconds:.1f} s, in a process of its own"


def _skipped(measured: Measured) -> list[str]:
    return [f"{title_of(name)} was skipped: {why}" for name, why in measured.skipped.items()]


def _loads(measured: Measured) -> list[str]:
    found = []
    is_saturated = False
    for connections in measured.options["connections"]:
        found.append(f"### {connections} connection{'s' if connections != 1 else ''}")
        found.append(load_table(measured, connections))
        summaries = [measured.summary(each.name, connections) for each in measured.servers]
        is_saturated |= any(each.is_saturated for each in summaries if each)
    return [*found, SATURATION] if is_saturated else found


def _growth(measured: Measured) -> list[str]:
    if measured.growth_mb is None:
        return []
    first, last = measured.memory_mb[0], measured.memory_mb[-1]
    return [
        "## Memory over many requests",
        (
            f"`litert` took {first[1]:.1f} MB after {first[0]:,} requests and {last[1]:.1f} MB "
            f"after {last[0]:,}: {measured.growth_mb:+.2f} MB (`benchmarks/endurance.py`)."
        ),
    ]


def _parts(measured: Measured) -> list[str]:
    model = cost_model(measured)
    others = [part for part in measured.parts if part not in model]
    found = ["## What a request costs", COSTS, parts_table(model)] if model else []
    return found + (["## The parts by themselves", parts_table(others)] if others else [])


def main() -> None:
    """Write the page and its plots."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures are")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the report goes")
    given = parser.parse_args()
    measured = read(given.results)
    given.page.write_text(render(measured, NOTES.read_text("utf-8")), "utf-8")
    write_plots(measured, given.page.parent / "benchmarks")
    print(f"Wrote {given.page}")


if __name__ == "__main__":
    main()
