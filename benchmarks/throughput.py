"""Requests a second beside a Tornado handler that does nothing, in one run.

    .venv/bin/python benchmarks/throughput.py [--seconds 5] [--rounds 3]

Needs wrk (Debian: apt-get install wrk). The servers run at the same time and are asked in turn,
round after round, so that a machine whose speed drifts is as kind to the one as to the other.
Quote the ratios; the absolute numbers are the machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from cardiorisk.patient import EXAMPLE

HERE = Path(__file__).parent
CONNECTIONS = (1, 32)
LATENCY_UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass
class Contestant:
    """A running server and what was measured of it."""

    name: str
    url: str
    process: subprocess.Popen[str]
    start_seconds: float
    key: str = ""
    rates: dict[int, list[float]] = field(default_factory=dict)
    p50_ms: dict[int, list[float]] = field(default_factory=dict)
    p99_ms: dict[int, list[float]] = field(default_factory=dict)

    def memory_mb(self) -> float:
        """Return the resident set."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else float("nan")


def start(name: str, command: list[str], port: int, directory: Path) -> Contestant:
    """Start a server and wait until it says that it is ready."""
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - this project's own servers
        command,
        cwd=directory,
        env=os.environ | {"CARDIORISK_PLANS": "freemium=1000000000"},
        stdout=subprocess.PIPE,
        text=True,
    )
    contestant = Contestant(name, f"http://127.0.0.1:{port}/service", process, 0.0)
    for line in process.stdout or ():
        if found := re.search(r"crk_\w+", line):
            contestant.key = found[0]
        if line.startswith("Stop with"):
            contestant.start_seconds = time.monotonic() - started
            return contestant
    raise SystemExit(f"{name} did not start")


def measure(contestant: Contestant, connections: int, seconds: int, script: Path) -> None:
    """Let wrk ask one server for a while, and keep its figures."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    command += ["-H", f"Authorization: {contestant.key or 'none'}", contestant.url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    if "Non-2xx" in output:
        raise SystemExit(f"{contestant.name} refused requests:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    contestant.rates.setdefault(connections, []).append(float(rate[1]) if rate else 0.0)
    for percentile, kept in (("50%", contestant.p50_ms), ("99%", contestant.p99_ms)):
        found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", output)
        latency = float(found[1]) * LATENCY_UNIT_MS[found[2]] if found else float("nan")
        kept.setdefault(connections, []).append(latency)


def report(contestants: list[Contestant]) -> None:
    """Print a row a server, its ratio to the first one beside its rate."""
    print("| server | start, s | memory, MB | connections | requests/s | ratio | p50 ms | p99 ms |")
    print("|---|---|---|---|---|---|---|---|")
    for connections in CONNECTIONS:
        bare = contestants[0].rates[connections]
        for server in contestants:
            rates = server.rates[connections]
            ratio = statistics.median(mine / its for mine, its in zip(rates, bare, strict=True))
            cells = [
                server.name,
                f"{server.start_seconds:.1f}",
                f"{server.memory_mb():.0f}",
                str(connections),
                f"{statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f})",
                f"{ratio:.2f}",
                f"{statistics.median(server.p50_ms[connections]):.2f}",
                f"{statistics.median(server.p99_ms[connections]):.2f}",
            ]
            print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Run the servers side by side and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each server")
    parser.add_argument("--port", type=int, default=8890, help="the first of three")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    serve = [sys.executable, "-m", "cardiorisk", "serve"]
    contestants: list[Contestant] = []
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "post.lua")
        body = json.dumps(dict(EXAMPLE))
        script.write_text(f"wrk.method = 'POST'\nwrk.body = '{body}'\n")
        commands = {"bare Tornado": [sys.executable, str(HERE / "bare_tornado.py")]}
        commands |= {
            f"cardiorisk, {engine}": [*serve, "--engine", engine, "--port"]
            for engine in ("litert", "keras")
        }
        try:
            for number, (name, command) in enumerate(commands.items()):
                room = Path(directory, str(number))
                room.mkdir()
                port = options.port + number
                contestants.append(start(name, [*command, str(port)], port, room))
            for round_number in range(options.rounds + 1):
                for connections in CONNECTIONS:
                    for contestant in contestants:
                        measure(contestant, connections, options.seconds, script)
                if round_number == 0:  # the warm-up
                    for contestant in contestants:
                        contestant.rates.clear()
                        contestant.p50_ms.clear()
                        contestant.p99_ms.clear()
            report(contestants)
        finally:
            for contestant in contestants:
                contestant.process.terminate()
                contestant.process.wait()


if __name__ == "__main__":
    main()
