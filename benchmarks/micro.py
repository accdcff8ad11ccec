"""How long the parts of a request take, and how that grows with keys, accounts, rows and lines.

    .venv/bin/python -m benchmarks.micro [--quick]

Writes benchmarks/results/micro.json and prints the same as a table; progress goes to stderr. A
quick run leaves the largest sizes and TensorFlow out, and so writes nothing.

The surprise: pyperf starts this module again for every process of every case, with options of
its own, and only the first of them sees the results.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyperf

from benchmarks.filled import fill_database, fill_log
from benchmarks.growth import log_statistics, sizes_at_rest
from benchmarks.micro_cases import FULL, QUICK, Sizes, cases
from benchmarks.request_cost import request_rows
from benchmarks.rows import Row, row_of, table, write_rows

if TYPE_CHECKING:
    from argparse import Namespace

    from benchmarks.timing import Case

RESULTS = Path(__file__).parent / "results" / "micro.json"
_MICROSECONDS = 1e6


class Prepared:
    """A case that is prepared at its first call, in the process that times it."""

    def __init__(self, case: Case, room: Path, stack: ExitStack) -> None:
        self._case = case
        self._room = room
        self._stack = stack
        self._timer: Any = None

    def __call__(self, loops: int) -> float:
        """Do it so many times and return the seconds that took."""
        if self._timer is None:
            self._timer = self._stack.enter_context(self._case.prepare(self._room))
        return float(self._timer(loops))


def make_runner() -> pyperf.Runner:
    """Make pyperf's runner, which reads the command line and hands ours on to its processes."""

    def hand_on(command: list[str], options: Namespace) -> None:
        command.extend(["--room", str(options.room)])
        if options.quick:
            command.append("--quick")

    runner = pyperf.Runner(
        values=5,
        warmups=1,
        min_time=0.05,
        program_args=("-m", "benchmarks.micro"),
        add_cmdline_args=hand_on,
    )
    runner.argparser.add_argument("--quick", action="store_true", help="small sizes, no file")
    runner.argparser.add_argument("--room", type=Path, help="where databases and logs are made")
    return runner


def note(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def fill(room: Path, sizes: Sizes) -> None:
    """Make the databases and logs that the cases need."""
    for keys in sizes.keys:
        note(f"filling a database with {keys:,} keys")
        fill_database(room, keys)
    for lines in sizes.log_lines:
        note(f"writing a log of {lines:,} lines")
        fill_log(room, lines)


def time_cases(runner: pyperf.Runner, room: Path, sizes: Sizes) -> list[Row]:
    """Time every case; in a process that pyperf has started, the one that it asks for."""
    options = runner.args
    options.quiet = True  # the spread is in the rows; a table is printed in the end
    rows = []
    with ExitStack() as stack, redirect_stdout(sys.stderr):
        for case in cases(sizes):
            if not options.worker:
                options.processes = 1 if options.quick else case.processes
                options.loops = case.loops
            name = f"{case.name} ({case.parameter})"
            result = runner.bench_time_func(name, Prepared(case, room, stack))
            if result is not None and not options.worker:
                values = [value * _MICROSECONDS for value in result.get_values()]
                rows.append(row_of(case.name, case.parameter, "µs", values))
    return rows


def main() -> None:
    """Measure everything, write it down and print it."""
    runner = make_runner()
    options = runner.parse_args()
    sizes = QUICK if options.quick else FULL
    if options.worker:
        time_cases(runner, options.room, sizes)
        return
    with tempfile.TemporaryDirectory() as directory:
        room = options.room = Path(directory)
        fill(room, sizes)
        rows = sizes_at_rest(room, sizes)
        note("summing the logs up")
        rows += log_statistics(room, sizes, runs=1 if options.quick else 3)
        rows += time_cases(runner, room, sizes)
        note("asking a server")
        rows += request_rows(room, rows, requests=2_000 if options.quick else 10_000)
    if not options.quick:
        write_rows(rows, RESULTS)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
