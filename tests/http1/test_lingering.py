"""An answer that comes before its request's end reaches a caller who is still sending."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from cardiorisk.http1.connection import LINGER_SECONDS, MOST_DROPPED_BYTES, MOST_LINGERING
from cardiorisk.http1.listener import Listener
from tests.http1.site import GET, Caller, Message, Site, serving, turns, until
from tests.proxies import PROXIES, proxy
from tests.support import SettableClock

POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (1 << 40)


def post(port: int, size: int) -> tuple[int, bytes]:
    """Send a body to its end before the answer is looked at, as most clients do."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/a", b" " * size)
        with connection.getresponse() as response:
            return response.status, response.read()


@asynccontextmanager
async def answered_early() -> AsyncIterator[tuple[Caller, Listener, SettableClock]]:
    """Give a caller who has its answer, and whose connection has not been ended."""
    clock = SettableClock()
    async with serving(Site(when_head=Message.answer), clock=clock) as (listener, connect):
        caller = await connect()
        await caller.send(POST)
        assert (await caller.rest()).endswith(b"Connection: close\r\n\r\n/a")
        yield caller, listener, clock


async def is_reset(caller: Caller) -> bool:
    """Tell whether the other end has gone, which only one who sends can see."""
    for _ in range(3):
        await turns(20)
        caller.writer.write(b" ")
    return caller.writer.transport.is_closing()


async def until_reset(caller: Caller) -> None:
    async with asyncio.timeout(30):
        while not await is_reset(caller):
            pass


async def test_a_large_body_does_not_cost_its_sender_the_answer() -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    async with serving(Site(when_head=Message.answer), bound=bound):
        port = bound.getsockname()[1]
        for _ in range(5):
            assert await asyncio.to_thread(post, port, 5_000_000) == (200, b"/a")


@pytest.mark.parametrize("name", PROXIES)
async def test_nor_does_it_behind_a_proxy(name: str, tmp_path: Path) -> None:
    bound = socket.create_server(("127.0.0.1", 0))
    async with serving(Site(when_head=Message.answer), bound=bound):
        with proxy(name, bound.getsockname()[1], tmp_path) as port:
            for _ in range(5):
                assert await asyncio.to_thread(post, port, 2 << 20) == (200, b"/a")


async def test_a_body_that_is_refused_may_go_on_too() -> None:
    site = Site()
    async with serving(site) as (_, connect):
        caller = await connect()
        chunked = POST.replace(b"Content-Length: %d" % (1 << 40), b"Transfer-Encoding: chunked")
        await caller.send(chunked, b"nonsense\r\n")
        assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")
        assert not await is_reset(caller)


async def test_who_goes_on_for_long_is_cut_off() -> None:
    async with answered_early() as (caller, listener, clock):
        clock.now_seconds += LINGER_SECONDS - 1
        listener.close_overdue()
        assert not await is_reset(caller)
        clock.now_seconds += 1
        listener.close_overdue()
        await until_reset(caller)


async def test_who_sends_very_much_is_cut_off() -> None:
    async with answered_early() as (caller, _, _):
        caller.writer.write(bytes(MOST_DROPPED_BYTES))
        await until_reset(caller)


async def test_who_hangs_up_makes_room() -> None:
    site = Site(when_head=Message.answer)
    async with serving(site, most_connections=1) as (listener, connect):
        for _ in range(3):
            caller = await connect()
            await caller.send(POST)
            assert (await caller.answers()).endswith(b"/a")
            await until(lambda: not listener.connections)


async def test_who_sends_no_more_still_takes_a_large_answer() -> None:
    async with serving(Site(lambda message: message.answer(bytes(1 << 23)))) as (_, connect):
        for request in (GET % 1, GET.replace(b"1.1", b"1.0") % 1):
            caller = await connect()
            await caller.send(request)
            assert len(await caller.answers()) > 1 << 23


async def test_no_more_than_so_many_go_on_at_a_time() -> None:
    site = Site(when_head=Message.answer)
    async with serving(site, most_connections=MOST_LINGERING + 10) as (listener, connect):
        callers = [await connect() for _ in range(MOST_LINGERING + 1)]
        for caller in callers:
            await caller.send(POST)
            await caller.answer()
        *others, last = callers
        await until_reset(last)
        assert not any([await is_reset(caller) for caller in others[:3]])
        others[0].writer.close()
        await until(lambda: listener.connections == MOST_LINGERING - 1)
        another = await connect()
        await another.send(POST)
        assert not await is_reset(another)
