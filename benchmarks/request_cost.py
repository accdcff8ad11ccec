"""What a request costs as a whole, beside what its parts cost by themselves.

One caller asks a real server over a socket, one request after another, so that nobody waits for
anybody else. What the parts leave of the server's processor time is that of reading and writing
HTTP, of Tornado's handler and its headers, and of the system: the loop and the socket.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import psutil

from benchmarks.micro_cases import DECISION, LINE, MEMO_HIT, NO_LIMIT, PARSE
from benchmarks.request_cases import ANSWER, ASSESS, BODY, COUNT
from benchmarks.rows import Row, require_row, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.rows import Parameter

PARTS: tuple[tuple[str, Parameter], ...] = (
    (MEMO_HIT, 10),
    (DECISION, 10),
    (PARSE, ""),
    (ASSESS, ""),
    (ANSWER, ""),
    (LINE, "os"),
    (COUNT, ""),
)
TOGETHER = "a request: its parts together"
REST = "a request: HTTP, handler and the system"
PROCESSOR = "a request: processor time in all"
LATENCY = "a request: p50 at 1 connection"
MEMORY = "server, resident memory after its first start"
OPEN_FILES = "server, open files besides connections"
_PASSES = 10


class Server(NamedTuple):
    """A running ``cardiorisk serve`` that can be asked."""

    process: psutil.Process
    port: int
    key: str


def request_rows(room: Path, rows: Sequence[Row], requests: int) -> list[Row]:
    """Ask a server and set its costs beside the parts that were measured before."""
    with running_server(room) as server:
        measured = ask(server, requests)
        memory_mb = server.process.memory_info().rss / 1e6
        open_files = server.process.num_fds()
    return [
        *cost_model(rows, measured[0]),
        *measured,
        row_of(MEMORY, "litert", "MB", [memory_mb]),
        row_of(OPEN_FILES, "", "files", [open_files]),
    ]


def cost_model(rows: Sequence[Row], processor: Row) -> list[Row]:
    """Add the parts up and take them from the whole; the bounds are those of all parts at once."""
    parts = [require_row(rows, name, parameter) for name, parameter in PARTS]
    median, low, high = (
        sum(getattr(part, figure) for part in parts) for figure in ("median", "low", "high")
    )
    return [
        Row(TOGETHER, "", "µs", median, low, high),
        Row(
            REST,
            "",
            "µs",
            processor.median - median,
            processor.low - high,
            processor.high - low,
        ),
    ]


@contextmanager
def running_server(room: Path) -> Iterator[Server]:
    """Start a server on a free port, without a limit to speak of, and stop it in the end."""
    directory = room / "server"
    directory.mkdir()
    command = [sys.executable, "-m", "cardiorisk", "serve", "--engine", "litert", "--port", "0"]
    process = subprocess.Popen(  # noqa: S603 - this project's own server
        command,
        cwd=directory,
        env=os.environ | {"CARDIORISK_PLANS": f"freemium={NO_LIMIT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port, key = _port_and_key(process)
        yield Server(psutil.Process(process.pid), port, key)
    finally:
        process.terminate()
        process.communicate()


def ask(server: Server, requests: int) -> list[Row]:
    """Ask one request after another; the first of eleven equal passes is the warm-up."""
    request = (
        f"POST /service HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: {server.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY
    processor_us, latency_us = [], []
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(1 + _PASSES):
            before = _processor_seconds(server)
            seconds = [exchange(connection, request) for _ in range(requests // _PASSES)]
            used = _processor_seconds(server) - before
            processor_us.append(used / len(seconds) * 1e6)
            latency_us.append(statistics.median(seconds) * 1e6)
    return [
        row_of(PROCESSOR, "", "µs", processor_us[1:]),
        row_of(LATENCY, "", "µs", latency_us[1:]),
    ]


def exchange(connection: socket.socket, request: bytes) -> float:
    """Send a request and read its answer to the end; return the seconds that took.

    Raises:
        SystemExit: the answer is no 200, or has no length.
    """
    started = perf_counter()
    connection.sendall(request)
    received = b""
    while (missing := missing_bytes(received)) > 0:
        more = connection.recv(max(missing, 4096))
        if not more:
            raise SystemExit(f"the server hung up after {received[:200]!r}")
        received += more
    taken = perf_counter() - started
    if not received.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"the server refused: {received[:200]!r}")
    return taken


def missing_bytes(received: bytes) -> int:
    """Return how many bytes an answer still lacks, 1 while its length is not known yet.

    Raises:
        SystemExit: the head is there and gives no length.
    """
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return 1
    length = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
    if length is None:
        raise SystemExit(f"the answer has no length: {head!r}")
    return int(length[1]) - len(body)


def _port_and_key(process: subprocess.Popen[str]) -> tuple[int, str]:
    output = ""
    for line in process.stdout or ():
        output += line
        if line.startswith("Stop with"):
            break
    port, key = re.search(r"http://127\.0\.0\.1:(\d+)", output), re.search(r"crk_\w+", output)
    if port is None or key is None:
        raise SystemExit(f"the server did not start: {output}")
    return int(port[1]), key[0]


def _processor_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)
