"""Where connections come in: how many, and how they end with the process."""

from __future__ import annotations

import asyncio
import resource
import socket

import pytest

from cardiorisk.http1 import listener as listener_module
from tests.http1.site import GET, Site, serving, until


def test_one_connection_too_many_is_turned_away() -> None:
    async def run() -> None:
        async with serving(Site(), most_connections=1) as (_, connect):
            first, second = await connect(), await connect()
            assert await second.rest() == b""
            await first.send(GET % 1)
            assert (await first.answer()).endswith(b"/1")

    asyncio.run(run())


def test_who_leaves_makes_room() -> None:
    async def run() -> None:
        async with serving(Site(), most_connections=1) as (listener, connect):
            first = await connect()
            await until(lambda: listener.patience.waits == 1)
            first.writer.close()
            await until(lambda: listener.patience.waits == 0)
            second = await connect()
            await second.send(GET % 2)
            assert (await second.answer()).endswith(b"/2")

    asyncio.run(run())


def test_without_a_descriptor_it_waits_and_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener_module, "RETRY_SECONDS", 0.01)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        async with serving(Site()) as (listener, _):
            address = listener._sockets[0].getsockname()
            with socket.socket() as caller:
                caller.settimeout(0)
                resource.setrlimit(resource.RLIMIT_NOFILE, (caller.fileno() + 1, limits[1]))
                try:
                    await loop.sock_connect(caller, address)
                    await until(lambda: bool(caplog.records))
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                await loop.sock_sendall(caller, GET % 1)
                return await loop.sock_recv(caller, 1 << 16)

    assert asyncio.run(run()).endswith(b"/1")


def test_while_it_drains_each_answer_is_its_connections_last() -> None:
    async def run() -> None:
        site = Site()
        site.when_whole = lambda _: None
        async with serving(site) as (listener, connect):
            caller = await connect()
            await caller.send(GET % 1)
            listener.drain()
            site.messages[0].answer()
            assert b"Connection: close" in await caller.rest()

    asyncio.run(run())


def test_what_waits_when_it_drains_is_answered() -> None:
    async def run() -> None:
        site = Site()
        async with serving(site) as (listener, connect):
            callers = [await connect() for _ in range(3)]
            for caller in callers:
                caller.writer.write(GET % 1)
            listener.drain()
            for caller in callers:
                assert b"Connection: close" in await caller.rest()

    asyncio.run(run())


def test_while_it_drains_nobody_new_comes_in() -> None:
    async def run() -> None:
        async with serving(Site()) as (listener, connect):
            listener.drain()
            with pytest.raises(OSError, match="Connect"):
                await connect()

    asyncio.run(run())


def test_closing_ends_who_is_quiet() -> None:
    async def run() -> None:
        async with serving(Site()) as (listener, connect):
            quiet = await connect()
            await until(lambda: listener.patience.waits == 1)
            await listener.close()
            await until(quiet.reader.at_eof)

    asyncio.run(run())


def test_one_that_comes_while_it_closes_is_turned_away() -> None:
    async def run() -> None:
        async with serving(Site()) as (listener, connect):
            coming = [asyncio.ensure_future(connect()) for _ in range(8)]
            await until(lambda: listener.patience.waits > 0)
            await listener.close()
            for caller in await asyncio.gather(*coming, return_exceptions=True):
                if not isinstance(caller, BaseException):
                    await until(caller.reader.at_eof)
            assert listener.patience.waits == 0

    asyncio.run(run())
