"""What asks the servers: wrk, or hey where it is missing, or our own ``load.py``.

Three programs of one meaning: so many connections, each asking again as soon as it is answered,
for so many seconds. Reading their output is pure. None of them ends a benchmark: failures are
counted, and a server that answers slowly is waited for, as a wait is a latency and no error.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.samples import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120
"""When an answer is given up. Of 512 connections, the original's stack answers the last in 40."""
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a server: always the same POST."""

    url: str
    headers: Mapping[str, str]
    body: str


def read_wrk(output: str) -> Load:
    """Return what ``wrk --latency`` printed.

    Raises:
        ValueError: it is not wrk's output.
    """
    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", output)
    if total is None:
        raise ValueError(f"wrk did not say how many requests it made:\n{output}")
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    requests = int(total[1])
    return Load(
        requests=requests,
        seconds=float(total[2]) * UNIT_SECONDS[total[3]],
        p50_ms=_wrk_percentile(output, 50) if requests else None,
        p99_ms=_wrk_percentile(output, 99) if requests else None,
        refused=int(refused[1]) if refused else 0,
        socket_errors=sum(map(int, errors.groups())) if errors else 0,
    )


def _wrk_percentile(output: str, percent: int) -> float | None:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", output, re.MULTILINE)
    return float(found[1]) * UNIT_MS[found[2]] if found else None


def read_hey(output: str) -> Load:
    """Return what ``hey`` printed.

    Raises:
        ValueError: it is not hey's output.
    """
    total = re.search(r"Total:\s+([\d.]+) secs", output)
    if total is None:
        raise ValueError(f"hey did not say how long it took:\n{output}")
    statuses = {int(s): int(n) for s, n in re.findall(r"\[(\d{3})\]\s+(\d+) responses", output)}
    _, _, errors = output.partition("Error distribution:")
    percentiles = {int(p): float(s) for p, s in re.findall(r"(\d+)%+ in ([\d.]+) secs", output)}
    return Load(
        requests=sum(statuses.values()),
        seconds=float(total[1]),
        p50_ms=percentiles[50] * 1000 if 50 in percentiles else None,  # noqa: PLR2004 - per cent
        p99_ms=percentiles[99] * 1000 if 99 in percentiles else None,  # noqa: PLR2004 - per cent
        refused=sum(n for status, n in statuses.items() if not 200 <= status < 400),  # noqa: PLR2004 - wrk's idea of good
        socket_errors=sum(
            int(number) for number in re.findall(r"^\s*\[(\d+)\]", errors, re.MULTILINE)
        ),
    )


def read_ours(output: str) -> Load:
    """Return what ``load.py`` printed."""
    return Load(**json.loads(output))


@dataclass(frozen=True, slots=True)
class Generator:
    """A program that asks.

    Attributes:
        name: what it is called in the report.
        ask: asks a question over so many connections for so many seconds.
    """

    name: str
    ask: Callable[[Question, int, int], Load]


def _run(command: list[str], seconds: int) -> str:
    return subprocess.run(  # noqa: S603 - a load generator that we name ourselves
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 2 * PATIENCE_SECONDS,
    ).stdout


def _header_options(question: Question) -> list[str]:
    return [word for name, text in question.headers.items() for word in ("-H", f"{name}: {text}")]


def ask_wrk(question: Question, connections: int, seconds: int) -> Load:
    """Ask with wrk, by one thread of it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", f"{PATIENCE_SECONDS}s", "-s", str(ROOT / "benchmarks" / "post.lua")]
    command += [*_header_options(question), question.url, "--", question.body]
    return read_wrk(_run(command, seconds))


def ask_hey(question: Question, connections: int, seconds: int) -> Load:
    """Ask with hey, on one processor."""
    command = ["hey", "-cpus", "1", "-c", str(connections), "-z", f"{seconds}s", "-m", "POST"]
    command += ["-t", str(PATIENCE_SECONDS), *_header_options(question), "-d", question.body]
    return read_hey(_run([*command, question.url], seconds))


def ask_ours(question: Question, connections: int, seconds: int) -> Load:
    """Ask with ``load.py``, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load", "--connections", str(connections)]
    command += ["--seconds", str(seconds), *_header_options(question), "-d", question.body]
    return read_ours(_run([*command, question.url], seconds))


GENERATORS = (
    Generator("wrk", ask_wrk),
    Generator("hey", ask_hey),
    Generator("load.py", ask_ours),
)


def find_generator() -> Generator:
    """Return the first generator that this machine has; the last one is ours."""
    installed = (each for each in GENERATORS[:-1] if shutil.which(each.name))
    return next(installed, GENERATORS[-1])
