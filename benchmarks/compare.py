"""Measure servers side by side, in one run.

    .venv/bin/python -m benchmarks.compare [--seconds 4] [--rounds 3] [--only bare,litert]
    .venv/bin/python -m benchmarks.compare --against ../before

All servers run at once and are asked in turn, round after round, at each number of connections: a
machine that slows down slows all of them. The figures go to benchmarks/results/servers.json, from
which ``benchmarks.report`` makes docs/benchmarks.md.

With --against, both engines of two checkouts of this project are asked instead, at 1 and at 32
connections, and the ratios of this one to the other are printed: that is how a change is judged.
The other checkout needs a ``.venv`` of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from benchmarks import load, onnx_file
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.results import (
    SERVERS,
    YARDSTICK,
    Run,
    Sample,
    about_this_machine,
    table,
    write,
)
from benchmarks.running import ARTEFACT, GOOD, Running, Skipped, start
from cardiorisk.patients.patient import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM_UP_SECONDS = 5
WARM_UP_CONNECTIONS = 32
USUAL = {"seconds": 4, "rounds": 3, "connections": "1,8,32,128,512"}
JUDGING = {"seconds": 2, "rounds": 8, "connections": "1,32", "only": "litert,keras"}
TOLERANCE = 1e-4
"""How far a probability may be off: what the predictor accepts of its own engines."""


@dataclass(slots=True)
class Comparison:
    """A run as far as it has come; at its end every server is stopped."""

    running: list[Running] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def start_all(self, contestants: Sequence[Contestant], directory: Path) -> None:
        """Start those that can be, and note why the others cannot."""
        onnx_path = directory / "cardiorisk.onnx"
        onnx_path.write_bytes(onnx_file.build(ARTEFACT).SerializeToString())
        for number, contestant in enumerate(contestants):
            room = directory / str(number)
            room.mkdir()
            try:
                server = start(contestant, room, onnx_path)
                self.running.append(server)
                if contestant.answers:
                    check_answers(server)
            except Skipped as skipped:
                self.leave_out(contestant.name, str(skipped))
            else:
                print(server.started, flush=True)

    def leave_out(self, name: str, reason: str) -> None:
        """Say that a contestant takes no further part, and end it where it runs."""
        print(f"{name}: skipped, {reason}", file=sys.stderr, flush=True)
        self.skipped[name] = reason
        for server in [each for each in self.running if each.contestant.name == name]:
            self.running.remove(server)
            server.stop()

    def run(self, connections: Sequence[int], seconds: int, rounds: int) -> None:
        """Warm everybody up, then ask everybody in turn, in every other round from the last on."""
        for server in tuple(self.running):
            self.measure(server, WARM_UP_CONNECTIONS, min(seconds, WARM_UP_SECONDS), 0)
        for round_ in range(rounds):
            for number in connections:
                for server in self.running[:: -1 if round_ % 2 else 1]:
                    sample = self.measure(server, number, seconds, round_)
                    if sample is not None:
                        self.samples.append(sample)
                        print(f"round {round_ + 1}: {sample}", flush=True)

    def measure(
        self, server: Running, connections: int, seconds: int, round_: int
    ) -> Sample | None:
        """Ask one server for a while; one that is no longer there is left out."""
        name = server.contestant.name
        try:
            before = server.cpu_seconds()
            seen = load.ask(server.port, server.headers, connections, seconds)
            used = server.cpu_seconds() - before
            memory_mb = server.memory_mb()
            server.settle()
        except (psutil.NoSuchProcess, subprocess.SubprocessError) as gone:
            where = f"at {connections} connections in round {round_ + 1}"
            said = getattr(gone, "stderr", None) or type(gone).__name__  # a command holds its key
            self.leave_out(name, f"it could not be measured {where}: {said.strip()}")
            return None
        return Sample(name, connections, round_, seen, round(used, 3), round(memory_mb, 3))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self.running:
            self.running.pop().stop()

    def result(self, given: argparse.Namespace) -> Run:
        """Return everything that the report needs."""
        servers = [each.started for each in self.running if each.started]
        about = about_this_machine() | {
            "load": load.generator(),
            "rounds": f"{given.rounds}, each {given.seconds} s a server and number of connections",
        }
        return Run(about, servers, self.skipped, self.samples)


def check_answers(server: Running) -> None:
    """Compare a server's answers with the card's golden rows.

    Raises:
        Skipped: they are not the network's.
    """
    for row in json.loads((ARTEFACT / "card.json").read_text())["golden_rows"]:
        patient = {
            field.wire_name: value if field.kind == "number" else int(value)
            for field, value in zip(FIELDS, row["values"], strict=True)
        }
        status, answer = server.post(json.dumps(patient))
        found = json.loads(answer)["probabilidad"] if status == GOOD else math.nan
        if not abs(found - row["probability"]) <= TOLERANCE:
            expected = f"{row['probability']:g} is the network's probability"
            raise Skipped(f"answers {status} and {answer[:200]!r} where {expected}")


def judgement(run: Run, pairs: Sequence[tuple[str, str]]) -> str:
    """Return, as a table, what each server of this checkout does beside the other checkout's."""
    rows = [
        [
            name,
            connections,
            run.ratio(name, other, connections, lambda sample: sample.rate),
            run.ratio(name, other, connections, lambda sample: sample.cpu_us),
        ]
        for name, other in pairs
        for connections in run.connections
    ]
    return table(["to the other", "connections", "requests/s", "CPU a request"], rows)


def read_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    known = [each.name for each in CONTESTANTS]
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"Servers: {', '.join(known)}. {YARDSTICK} takes part in every comparison.",
    )
    parser.add_argument("--seconds", type=int, help="of each measurement: 4, or 2 with --against")
    parser.add_argument("--rounds", type=int, help="of measurements: 3, or 8 with --against")
    parser.add_argument("--connections", help="how many: 1,8,32,128,512, or 1,32 with --against")
    parser.add_argument("--only", metavar="NAME,NAME", help="the servers that take part")
    parser.add_argument("--output", type=Path, default=SERVERS, help="where the figures go")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout to judge by")
    is_judging = parser.parse_known_args()[0].against
    parser.set_defaults(**(JUDGING if is_judging else USUAL | {"only": ",".join(known)}))
    given = parser.parse_args()
    if given.against and not (given.against / ".venv" / "bin" / "python").exists():
        parser.error(f"{given.against} has no .venv: `make install` there makes it")
    given.connections = [int(number) for number in given.connections.split(",")]
    given.only = given.only.split(",")
    if unknown := set(given.only) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return given


def main() -> None:
    """Run the comparison, and keep its figures or print the judgement."""
    given = read_options()
    chosen = [each for each in CONTESTANTS if each.name in (*given.only, YARDSTICK)]
    pairs = []
    if given.against:
        there = given.against.resolve()
        pairs = [(each, each.of_checkout(there)) for each in chosen if each.name in given.only]
        chosen = [each for pair in pairs for each in pair]
    with tempfile.TemporaryDirectory() as directory, Comparison() as comparison:
        comparison.start_all(chosen, Path(directory))
        comparison.run(given.connections, given.seconds, given.rounds)
        run = comparison.result(given)
    if pairs:
        print(judgement(run, [(mine.name, other.name) for mine, other in pairs]))
    else:
        write(run, given.output)
        print(f"Wrote {given.output}")


if __name__ == "__main__":
    main()
