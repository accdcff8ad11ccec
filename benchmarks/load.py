"""The load: wrk, or a client of our own where wrk is not installed.

Both keep a number of connections open for some seconds, and each asks again once it is answered.
Failures are counted and end no run. A slow answer is waited for: it is a latency, not an error.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from statistics import quantiles
from typing import TYPE_CHECKING

from benchmarks.results import ROOT, Load
from cardiorisk.patients.patient import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY = json.dumps(dict(EXAMPLE))
TIMEOUT_SECONDS = 120
"""Of one answer. With 512 connections, Flask gives the last of them after 40 seconds."""
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
GOOD = range(200, 400)
PAUSE_SECONDS = 0.01
"""Before a broken connection is opened again."""


def generator() -> str:
    """Return what asks on this machine."""
    return "wrk, one thread" if shutil.which("wrk") else "benchmarks/load.py"


def ask(port: int, headers: Mapping[str, str], connections: int, seconds: int) -> Load:
    """Post the patient again and again for some seconds, and tell what came."""
    if not shutil.which("wrk"):
        return ask_by_ourselves(port, headers, connections, seconds)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", f"{TIMEOUT_SECONDS}s", "-s", str(ROOT / "benchmarks" / "post.lua")]
    for name, text in headers.items():
        command += ["-H", f"{name}: {text}"]
    run = subprocess.run(  # noqa: S603 - wrk, with words of our own
        [*command, f"http://127.0.0.1:{port}/service", "--", BODY],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 2 * TIMEOUT_SECONDS,
    )
    return read_wrk(run.stdout)


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
    percentiles = {
        int(percent): float(number) * UNIT_MS[unit]
        for percent, number, unit in re.findall(
            r"^ +(\d+)% +([\d.]+)(us|ms|s|m) *$", output, re.MULTILINE
        )
    }
    requests = int(total[1])
    return Load(
        requests=requests,
        seconds=float(total[2]) * UNIT_MS[total[3]] / 1000,
        p50_ms=percentiles.get(50) if requests else None,
        p99_ms=percentiles.get(99) if requests else None,
        refused=int(refused[1]) if refused else 0,
        socket_errors=sum(map(int, errors.groups())) if errors else 0,
    )


def ask_by_ourselves(
    port: int, headers: Mapping[str, str], connections: int, seconds: float
) -> Load:
    """Ask from so many threads, for some seconds and until what is under way is answered."""
    statuses: list[int] = []
    latencies_ms: list[float] = []
    errors: list[Exception] = []
    started = time.monotonic()

    def caller() -> None:
        """Ask over one connection, and over a new one when it breaks."""
        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        while time.monotonic() < started + seconds:
            asked = time.perf_counter()
            try:
                connection.request("POST", "/service", BODY, dict(headers))
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException) as error:
                errors.append(error)
                connection.close()
                time.sleep(PAUSE_SECONDS)
            else:
                statuses.append(response.status)
                latencies_ms.append((time.perf_counter() - asked) * 1000)
        connection.close()

    with ThreadPoolExecutor(connections) as threads:
        for _ in range(connections):
            threads.submit(caller)
    # Each latency twice, as quantiles want two at least.
    percentiles = quantiles(latencies_ms * 2, n=100) if latencies_ms else None
    return Load(
        requests=len(statuses),
        seconds=time.monotonic() - started,
        p50_ms=percentiles[49] if percentiles else None,
        p99_ms=percentiles[98] if percentiles else None,
        refused=sum(status not in GOOD for status in statuses),
        socket_errors=len(errors),
    )
