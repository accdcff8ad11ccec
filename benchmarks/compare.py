"""Measure all the servers side by side, in one run.

    .venv/bin/python -m benchmarks.compare [--seconds 4] [--rounds 3] [--only bare,litert]

The servers run at the same time and are asked in turn, round after round, at each number of
connections: a machine whose speed drifts is as kind to the one as to the other. The raw figures go
to benchmarks/results/servers.json, from which ``benchmarks.report`` makes docs/benchmarks.md.
Who cannot be installed or started is left out with its reason.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks import machine, onnx_file
from benchmarks.contestants import CONTESTANTS
from benchmarks.environments import Skipped
from benchmarks.generators import Generator, Question, find_generator
from benchmarks.running import ARTEFACT, Running, start
from benchmarks.samples import YARDSTICK, Sample
from cardiorisk.patients.patient import EXAMPLE, FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results" / "servers.json"
BODY = json.dumps(dict(EXAMPLE))
WARM_UP_SECONDS = 5
WARM_UP_CONNECTIONS = 32
PORTS_EACH = 3
"""MLServer listens on three: REST, gRPC and metrics."""


@dataclass(slots=True)
class Comparison:
    """A run as far as it has come."""

    generator: Generator
    running: list[Running] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    import_seconds: float | None = None

    def start_all(self, names: Sequence[str], first_port: int, directory: Path) -> None:
        """Start those that can be, and note why the others cannot."""
        onnx_path = directory / "cardiorisk.onnx"
        onnx_file.write(ARTEFACT, onnx_path)
        chosen = [each for each in CONTESTANTS if each.name in names]
        if "keras" in names:
            self.import_seconds = min(import_seconds("tensorflow") for _ in range(2))
        for number, contestant in enumerate(chosen):
            room = directory / contestant.name
            room.mkdir()
            port = first_port + PORTS_EACH * number
            try:
                server = start(contestant, port, room, onnx_path, BODY)
                self.running.append(server)
                if contestant.answers:
                    check_answers(server)
            except Skipped as skipped:
                self.leave_out(contestant.name, str(skipped))
            else:
                print(f"{contestant.title}: ready in {server.start_seconds:.1f} s", flush=True)

    def leave_out(self, name: str, reason: str) -> None:
        """Say that a contestant does not take part, and end it where it runs."""
        print(f"{name}: skipped, {reason}", file=sys.stderr, flush=True)
        self.skipped[name] = reason
        for server in [each for each in self.running if each.contestant.name == name]:
            self.running.remove(server)
            server.stop()

    def measure(self, server: Running, connections: int, seconds: int, round_: int) -> Sample:
        """Ask one server for a while."""
        question = Question(f"http://127.0.0.1:{server.port}/service", server.headers, BODY)
        before = server.cpu_seconds()
        load = self.generator.ask(question, connections, seconds)
        used = server.cpu_seconds() - before
        memory_mb = server.memory_mb()
        server.settle()
        return Sample(server.contestant.name, connections, round_, load, used, memory_mb)

    def measure_or_leave_out(
        self, server: Running, connections: int, seconds: int, round_: int
    ) -> Sample | None:
        """Ask one server; one that is no longer there takes no further part."""
        try:
            return self.measure(server, connections, seconds, round_)
        except (psutil.NoSuchProcess, subprocess.SubprocessError) as gone:
            where = f"at {connections} connections in round {round_ + 1}"
            self.leave_out(server.contestant.name, f"it could not be measured {where}: {gone}")
            return None

    def run(self, connections: Sequence[int], seconds: int, rounds: int) -> None:
        """Warm everybody up, then ask everybody in turn."""
        for server in tuple(self.running):
            self.measure_or_leave_out(server, WARM_UP_CONNECTIONS, WARM_UP_SECONDS, 0)
        for round_ in range(rounds):
            for number in connections:
                for server in tuple(self.running):
                    sample = self.measure_or_leave_out(server, number, seconds, round_)
                    if sample is not None:
                        self.samples.append(sample)
                        print(line(sample), flush=True)

    def stop_all(self) -> None:
        """End everybody."""
        while self.running:
            self.running.pop().stop()

    def as_json(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return everything that the report needs."""
        return {
            "machine": machine.describe(),
            "generator": self.generator.name,
            "command": shlex.join([".venv/bin/python", "-m", "benchmarks.compare", *sys.argv[1:]]),
            "options": options,
            "servers": [
                {
                    "name": each.contestant.name,
                    "start_seconds": round(each.start_seconds, 3),
                    "start_memory_mb": round(each.start_memory_mb, 1),
                    "versions": each.versions,
                }
                for each in self.running
            ],
            "skipped": self.skipped,
            "import_seconds": self.import_seconds,
            "samples": [sample.as_json() for sample in self.samples],
        }


def import_seconds(package: str) -> float:
    """Return how long a new process takes that imports a package and nothing else."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import {package}"], check=True, capture_output=True)  # noqa: S603 - our own interpreter
    return round(time.monotonic() - started, 3)


def check_answers(server: Running) -> None:
    """Compare a server's answers with the card's golden rows.

    Raises:
        Skipped: they are not the network's.
    """
    values, expected = onnx_file.golden_rows(ARTEFACT / "card.json")
    for row, probability in zip(values.tolist(), expected.tolist(), strict=True):
        numbers = zip(FIELDS, row, strict=True)
        patient = {
            field.wire_name: round(value, 4) if field.kind == "number" else int(value)
            for field, value in numbers
        }
        found = server.assess(patient)
        if not abs(found - probability) <= onnx_file.TOLERANCE:
            raise Skipped(f"answers {found:g} where the network's probability is {probability:g}")


def line(sample: Sample) -> str:
    """Return what is told of a measurement while the others run."""
    load = sample.load
    failures = f", {load.refused} refused, {load.socket_errors} socket errors"
    shown = [f"round {sample.round + 1}, {sample.connections} connections, {sample.server}:"]
    shown.append(f"{load.rate:.0f}/s, {sample.cpu_seconds:.2f} CPU s, {sample.memory_mb:.0f} MB")
    return " ".join(shown) + (failures if load.refused or load.socket_errors else "")


def read_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    known = [each.name for each in CONTESTANTS]
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog=f"Servers: {', '.join(known)}. {YARDSTICK} takes part in any case.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each server")
    parser.add_argument("--connections", default="1,8,32,128,512", help="how many, each in turn")
    parser.add_argument("--only", default=",".join(known), metavar="NAME,NAME", help="the servers")
    parser.add_argument("--port", type=int, default=8890, help="the first; each server has three")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the figures go")
    given = parser.parse_args()
    given.only = given.only.split(",")
    given.connections = [int(number) for number in given.connections.split(",")]
    if unknown := set(given.only) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if YARDSTICK not in given.only:
        given.only.insert(0, YARDSTICK)
    return given


def main() -> None:
    """Run the comparison and keep its figures."""
    given = read_options()
    comparison = Comparison(find_generator())
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        stack.callback(comparison.stop_all)
        comparison.start_all(given.only, given.port, Path(directory))
        comparison.run(given.connections, given.seconds, given.rounds)
        options = {name: getattr(given, name) for name in ("seconds", "rounds", "connections")}
        given.output.parent.mkdir(exist_ok=True)
        given.output.write_text(json.dumps(comparison.as_json(options), indent=1) + "\n")
    print(f"Wrote {given.output}")


if __name__ == "__main__":
    main()
