"""Our own generator against small servers of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks.load import ask, percentile, request_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECONDS = 0.2


@asynccontextmanager
async def a_server(answer: bytes) -> AsyncIterator[str]:
    """Serve the same bytes for every request that has a body of two bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
                writer.write(answer)
        except (OSError, EOFError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/service"


def test_good_answers_are_counted_and_timed() -> None:
    async def run() -> None:
        async with a_server(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") as url:
            load = await ask(url, [], "{}", connections=3, seconds=SECONDS)
        assert load.requests > 3
        assert load.p50_ms
        assert load.p99_ms
        assert load.p50_ms <= load.p99_ms
        assert (load.refused, load.socket_errors) == (0, 0)

    asyncio.run(run())


def test_other_statuses_are_counted_as_refused() -> None:
    async def run() -> None:
        async with a_server(b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n") as url:
            load = await ask(url, [], "{}", connections=1, seconds=SECONDS)
        assert load.refused == load.requests > 0
        assert load.rate == 0

    asyncio.run(run())


def test_what_is_not_http_is_counted_as_a_socket_error() -> None:
    async def run() -> None:
        async with a_server(b"hello\r\n\r\n") as url:
            load = await ask(url, [], "{}", connections=1, seconds=SECONDS)
        assert load.requests == 0
        assert load.p50_ms is None
        assert load.socket_errors > 0

    asyncio.run(run())


def test_a_request_carries_its_headers_and_its_body() -> None:
    request = request_bytes("http://127.0.0.1:8890/service", ["Authorization: crk"], b"{}")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /service HTTP/1.1",
        b"Host: 127.0.0.1:8890",
        b"Content-Length: 2",
        b"Authorization: crk",
    ]
    assert body == b"{}"


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (0, 1.0)])
def test_a_percentile_is_one_of_the_numbers(percent: float, expected: float) -> None:
    numbers = [float(number) for number in range(100, 0, -1)]
    assert percentile(numbers, percent) == expected


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None
