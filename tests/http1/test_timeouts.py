"""Callers who do not send: each is waited for so long, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from cardiorisk.http1.timeouts import BODY_SECONDS, QUIET_SECONDS, Patience
from tests.support import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cardiorisk.http1.listener import Listener
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Caller, SettableClock

HEADERS = b"POST /service HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def patience(http_server: Listener, clock: SettableClock) -> Patience:
    http_server.patience._clock = clock
    return http_server.patience


class Connection:
    """A connection, and whether the service has closed it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, piece: bytes) -> None:
        self._writer.write(piece)
        await self._writer.drain()

    async def is_open(self) -> bool:
        try:
            return await asyncio.wait_for(self._reader.read(65536), 0.2) != b""
        except TimeoutError:
            return True


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never held")


@asynccontextmanager
async def connected(port: int, caller: Caller) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await caller.send("GET", "/healthz")
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


@pytest.mark.gen_test
async def test_a_caller_who_sends_nothing_is_closed_when_the_time_is_over(
    stranger: Caller, http_port: int, patience: Patience, clock: SettableClock
) -> None:
    async with connected(http_port, stranger) as silent:
        clock.now_seconds += QUIET_SECONDS
        patience.close_overdue()
        assert not await silent.is_open()


@pytest.mark.gen_test
async def test_until_then_it_is_left_alone(
    stranger: Caller, http_port: int, patience: Patience, clock: SettableClock
) -> None:
    async with connected(http_port, stranger) as silent:
        clock.now_seconds += QUIET_SECONDS - 0.001
        patience.close_overdue()
        assert await silent.is_open()


@pytest.mark.gen_test
async def test_a_body_that_does_not_come_is_waited_for_less(
    stranger: Caller, http_port: int, patience: Patience, clock: SettableClock
) -> None:
    async with connected(http_port, stranger) as slow:
        await slow.send(HEADERS)
        await stranger.send("GET", "/healthz")
        clock.now_seconds += BODY_SECONDS
        patience.close_overdue()
        assert not await slow.is_open()


@pytest.mark.gen_test
async def test_a_request_that_has_come_in_whole_is_not_hurried(
    premium: Caller, app: CardioriskApplication, patience: Patience, clock: SettableClock
) -> None:
    waiting = app.services.predictor._assessed.waiting
    app.services.predictor._is_busy = True
    answering = asyncio.ensure_future(premium.assess())
    await until(lambda: bool(waiting))
    clock.now_seconds += QUIET_SECONDS + BODY_SECONDS
    patience.close_overdue()
    app.services.predictor._start_batch()
    assert (await answering).code == 200


@pytest.mark.gen_test
async def test_a_connection_that_lives_on_is_waited_for_anew(
    premium: Caller, http_port: int, patience: Patience, clock: SettableClock
) -> None:
    body = json.dumps(EXAMPLE).encode()
    lines = f"Host: x\r\nAuthorization: {premium.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with connected(http_port, premium) as kept:
        clock.now_seconds += QUIET_SECONDS - 1
        await kept.send(b"POST /service HTTP/1.1\r\n" + lines.encode() + body)
        assert await kept.is_open()
        clock.now_seconds += QUIET_SECONDS - 1
        patience.close_overdue()
        assert await kept.is_open()


@pytest.mark.gen_test
async def test_nothing_is_kept_of_a_connection_that_has_ended(
    patience: Patience, http_port: int
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", http_port)
    await until(lambda: patience.waits == 1)
    writer.close()
    await until(lambda: patience.waits == 0)
