"""Where connections come in: how many, how long each is waited for, and how they end."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tornado.netutil import bind_sockets

from cardiorisk.http1.connection import BODY_SECONDS, QUIET_SECONDS
from tests.http1.site import GET, Caller, Message, Site, serving, turns, until
from tests.support import SettableClock

HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"


@asynccontextmanager
async def waited_for(
    site: Site | None = None,
) -> AsyncIterator[tuple[Caller, Callable[[float], Awaitable[bool]]]]:
    """Give a caller, and what lets seconds pass and tells whether they were too many."""
    clock = SettableClock()
    async with serving(site or Site(), clock=clock) as (listener, connect):

        async def is_cut_off_after(seconds: float) -> bool:
            clock.now_seconds += seconds
            listener.close_overdue()
            await turns(20)
            return caller.reader.at_eof()

        caller = await connect()
        await turns(5)
        yield caller, is_cut_off_after


async def test_one_connection_too_many_is_turned_away() -> None:
    async with serving(Site(), most_connections=1) as (_, connect):
        first, second = await connect(), await connect()
        assert await second.rest() == b""
        await first.send(GET % 1)
        assert (await first.answer()).endswith(b"/1")


async def test_who_leaves_makes_room() -> None:
    async with serving(Site(), most_connections=1) as (_, connect):
        first = await connect()
        await first.send(GET % 1)
        first.writer.close()
        await turns(10)
        second = await connect()
        await second.send(GET % 2)
        assert (await second.answer()).endswith(b"/2")


@pytest.mark.parametrize(("sent", "seconds"), [(b"", QUIET_SECONDS), (HALF_A_BODY, BODY_SECONDS)])
async def test_a_caller_is_cut_off_when_its_time_is_over_and_sooner_in_a_body(
    sent: bytes, seconds: float
) -> None:
    async with waited_for() as (caller, is_cut_off_after):
        await caller.send(sent)
        assert not await is_cut_off_after(seconds - 0.001)
        assert await is_cut_off_after(0.001)


async def test_a_request_that_has_come_in_whole_is_not_hurried() -> None:
    site = Site(Message.leave)
    async with waited_for(site) as (caller, is_cut_off_after):
        await caller.send(HALF_A_BODY, b"b")
        assert not await is_cut_off_after(10 * QUIET_SECONDS)


async def test_a_connection_that_lives_on_is_waited_for_anew() -> None:
    async with waited_for() as (caller, is_cut_off_after):
        assert not await is_cut_off_after(QUIET_SECONDS - 1)
        await caller.send(GET % 1)
        await caller.answer()
        assert not await is_cut_off_after(QUIET_SECONDS - 1)
        assert await is_cut_off_after(1)


async def test_without_a_descriptor_it_waits_and_tries_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    loop = asyncio.get_running_loop()
    (bound,) = bind_sockets(0, "127.0.0.1")
    async with serving(Site(), bound=bound):
        with socket.socket() as caller:
            caller.settimeout(0)
            resource.setrlimit(resource.RLIMIT_NOFILE, (caller.fileno() + 1, limits[1]))
            try:
                await loop.sock_connect(caller, bound.getsockname())
                await until(lambda: bool(caplog.records))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            await loop.sock_sendall(caller, GET % 1)
            assert (await loop.sock_recv(caller, 1 << 16)).endswith(b"/1")


async def test_while_it_drains_each_answer_is_its_connections_last() -> None:
    site = Site(Message.leave)
    async with serving(site) as (listener, connect):
        caller = await connect()
        await caller.send(GET % 1)
        listener.drain()
        site.messages[0].answer()
        assert b"Connection: close" in await caller.rest()


async def test_what_waits_when_it_drains_is_answered() -> None:
    async with serving(Site()) as (listener, connect):
        callers = [await connect() for _ in range(3)]
        for caller in callers:
            caller.writer.write(GET % 1)
        listener.drain()
        for caller in callers:
            assert b"Connection: close" in await caller.rest()


async def test_while_it_drains_nobody_new_comes_in() -> None:
    async with serving(Site()) as (listener, connect):
        listener.drain()
        with pytest.raises(OSError, match="Connect"):
            await connect()


async def test_closing_ends_who_is_quiet_and_who_comes_meanwhile() -> None:
    async with serving(Site()) as (listener, connect):
        quiet = await connect()
        coming = [asyncio.ensure_future(connect()) for _ in range(8)]
        await turns(3)
        await listener.close()
        for caller in (quiet, *await asyncio.gather(*coming, return_exceptions=True)):
            if not isinstance(caller, BaseException):
                await until(caller.reader.at_eof)
