"""Our own load generator, for machines that have neither wrk nor hey.

    .venv/bin/python -m benchmarks.load --connections 32 --seconds 5 -d BODY URL

A bounded number of raw sockets, each asking again as soon as it is answered. It parses no more of
an answer than its status and length, and yet takes several times the time that wrk does: beside a
fast server on two cores its figures say less, so the report names the generator.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from benchmarks.samples import Load

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
GOOD = range(200, 400)
PAUSE_SECONDS = 0.01
"""Before a broken connection is opened again, so that a dead server is not hammered."""


@dataclass(slots=True)
class Tally:
    """What the connections saw so far."""

    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0
    socket_errors: int = 0


def request_bytes(url: str, headers: list[str], body: bytes) -> bytes:
    """Return the request as it goes over the wire."""
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def percentile(numbers: list[float], percent: float) -> float | None:
    """Return the smallest number that so many per cent do not exceed, or None of nothing."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    return ordered[max(0, -(-int(len(ordered) * percent) // 100) - 1)]


async def _answer_status(reader: asyncio.StreamReader) -> int:
    """Read one answer.

    Raises:
        ValueError: it has no status, or no length.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = STATUS.match(head), LENGTH.search(head)
    if status is None or length is None:
        raise ValueError("an answer without a status or without a Content-Length")
    await reader.readexactly(int(length[1]))
    return int(status[1])


async def _ask_until(until: float, host: str, port: int, request: bytes, tally: Tally) -> None:
    """Ask over one connection until the time is up, and over a new one when it breaks."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            tally.socket_errors += 1
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        try:
            while time.monotonic() < until:
                started = time.perf_counter()
                writer.write(request)
                status = await _answer_status(reader)
                tally.latencies_ms.append((time.perf_counter() - started) * 1000)
                tally.refused += status not in GOOD
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            tally.socket_errors += 1
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            writer.close()


async def ask(url: str, headers: list[str], body: str, connections: int, seconds: float) -> Load:
    """Ask for some seconds; what is under way at the end is dropped, as wrk does."""
    parts = urlsplit(url)
    request = request_bytes(url, headers, body.encode())
    tally = Tally()
    started = time.monotonic()
    asking = [
        asyncio.create_task(
            _ask_until(
                started + seconds, parts.hostname or "127.0.0.1", parts.port or 80, request, tally
            )
        )
        for _ in range(connections)
    ]
    _, waiting = await asyncio.wait(asking, timeout=seconds)
    took = time.monotonic() - started
    for task in waiting:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return Load(
        requests=len(tally.latencies_ms),
        seconds=took,
        p50_ms=percentile(tally.latencies_ms, 50),
        p99_ms=percentile(tally.latencies_ms, 99),
        refused=tally.refused,
        socket_errors=tally.socket_errors,
    )


def main() -> None:
    """Ask, and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("-H", dest="headers", action="append", default=[], metavar="HEADER")
    parser.add_argument("-d", dest="body", default="", metavar="BODY")
    parser.add_argument("url")
    given = parser.parse_args()
    load = asyncio.run(ask(given.url, given.headers, given.body, given.connections, given.seconds))
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
