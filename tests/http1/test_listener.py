"""Where connections come in: how many, how long each is waited for, and how they end."""

from __future__ import annotations

import asyncio
import resource
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tornado.netutil import bind_sockets

from cardiorisk.http1.connection import (
    BODY_SECONDS,
    QUIET_SECONDS,
    REASONS,
    TAKING_SECONDS,
    Reason,
)
from cardiorisk.http1.listener import bind_unix
from cardiorisk.http1.parsing import CHUNKS_A_TURN, MOST_EXCESS_BYTES, MOST_HEAD_BYTES
from tests.http1.site import GET, Caller, Message, Site, serving, turns, until
from tests.processes import until as until_without_a_turn
from tests.support import SettableClock

HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
TINY_CHUNKS = b"1\r\na\r\n" * (MOST_EXCESS_BYTES // 4 + 1)


@asynccontextmanager
async def waited_for(
    site: Site | None = None,
) -> AsyncIterator[tuple[Caller, Callable[[float], None]]]:
    """Give a caller, and what lets seconds pass."""
    clock = SettableClock()
    async with serving(site or Site(), clock=clock) as (listener, connect):

        def let_pass(seconds: float) -> None:
            clock.now_seconds += seconds
            listener.close_overdue()

        caller = await connect()
        await until(lambda: listener.connections == 1)
        await turns(5)
        yield caller, let_pass


async def is_cut_off(caller: Caller) -> bool:
    ending = asyncio.ensure_future(caller.end())
    await turns(20)
    has_ended = ending.done() or not ending.cancel()
    await asyncio.wait([ending])
    return has_ended


async def test_one_connection_too_many_is_turned_away() -> None:
    refusals = dict.fromkeys(REASONS, 0)
    async with serving(Site(), most_connections=1, refusals=refusals) as (_, connect):
        first, second = await connect(), await connect()
        assert (await second.rest()).startswith(b"HTTP/1.1 503 ")
        assert refusals["turned_away"] == 1
        await first.send(GET % 1)
        assert (await first.answer()).endswith(b"/1")


async def test_who_leaves_makes_room() -> None:
    async with serving(Site(), most_connections=1) as (listener, connect):
        first = await connect()
        await until(lambda: listener.connections == 1)
        await first.send(GET % 1)
        first.writer.close()
        await until(lambda: not listener.connections)
        second = await connect()
        await second.send(GET % 2)
        assert (await second.answer()).endswith(b"/2")


@pytest.mark.parametrize(("sent", "seconds"), [(b"", QUIET_SECONDS), (HALF_A_BODY, BODY_SECONDS)])
async def test_a_caller_is_cut_off_when_its_time_is_over_and_sooner_in_a_body(
    sent: bytes, seconds: float
) -> None:
    async with waited_for() as (caller, let_pass):
        await caller.send(sent)
        let_pass(seconds - 0.001)
        assert not await is_cut_off(caller)
        let_pass(0.001)
        await caller.end()


async def test_a_request_that_has_come_in_whole_is_not_hurried() -> None:
    site = Site(Message.leave)
    async with waited_for(site) as (caller, let_pass):
        await caller.send(HALF_A_BODY, b"b")
        await until(lambda: any(message.body == b"ab" for message in site.messages))
        let_pass(10 * QUIET_SECONDS)
        assert not await is_cut_off(caller)


async def test_a_connection_that_lives_on_is_waited_for_anew() -> None:
    async with waited_for() as (caller, let_pass):
        let_pass(QUIET_SECONDS - 1)
        assert not await is_cut_off(caller)
        await caller.send(GET % 1)
        await caller.answer()
        let_pass(QUIET_SECONDS - 1)
        assert not await is_cut_off(caller)
        let_pass(1)
        await caller.end()


@pytest.mark.parametrize(
    ("sent", "seconds", "reason", "answer"),
    [
        (b"nonsense\r\n\r\n", 0, "malformed", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * MOST_HEAD_BYTES, 0, "long_head", b"431 "),
        (CHUNKED + TINY_CHUNKS, 0, "tiny_chunks", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x", QUIET_SECONDS, "slow_head", b"408 Request Timeout"),
        (HALF_A_BODY, BODY_SECONDS, "slow_body", b"408 Request Timeout"),
    ],
)
async def test_a_refusal_says_why_and_is_counted_by_its_reason(
    sent: bytes, seconds: float, reason: Reason, answer: bytes
) -> None:
    clock, refusals = SettableClock(), dict.fromkeys(REASONS, 0)
    async with serving(Site(), clock=clock, refusals=refusals) as (listener, connect):
        caller = await connect()
        await until(lambda: listener.connections == 1)
        await caller.send(sent)
        clock.now_seconds += seconds
        listener.close_overdue()
        head, _, said = (await caller.answer()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + answer)
        assert said.endswith(b"\n")
        assert {name: count for name, count in refusals.items() if count} == {reason: 1}


@pytest.mark.parametrize("sent", [HALF_A_BODY, b"GET /"])
async def test_who_hangs_up_within_a_request_is_counted(sent: bytes) -> None:
    refusals = dict.fromkeys(REASONS, 0)
    async with serving(Site(), refusals=refusals) as (listener, connect):
        for piece in (b"", GET % 1, sent):
            caller = await connect()
            await until(lambda: listener.connections == 1)
            await caller.send(piece)
            caller.writer.close()
            await until(lambda: not listener.connections)
    assert {name: count for name, count in refusals.items() if count} == {"hung_up": 1}


async def test_who_does_not_take_its_answer_is_counted() -> None:
    clock, refusals = SettableClock(), dict.fromkeys(REASONS, 0)
    site = Site(lambda message: message.answer(bytes(1 << 26)))
    async with serving(site, clock=clock, refusals=refusals) as (listener, connect):
        caller = await connect()
        await caller.send(GET % 1)
        await until(lambda: bool(site.messages))
        clock.now_seconds += TAKING_SECONDS
        listener.close_overdue()
    assert {name: count for name, count in refusals.items() if count} == {"slow_reader": 1}


async def test_small_chunks_do_not_keep_others_from_their_turn() -> None:
    async with serving(site := Site()) as (listener, connect):
        first, second = await connect(), await connect()
        await until(lambda: listener.connections == 2)
        await turns(5)
        first.writer.write(CHUNKED + b"1\r\na\r\n" * 8 * CHUNKS_A_TURN + b"0\r\n\r\n")
        second.writer.write(GET % 2)
        # Without a turn of the loop between, so that the site finds both in its next one.
        until_without_a_turn(lambda: first.has_arrived() and second.has_arrived())
        assert (await second.answer()).endswith(b"/2")
        answered, whole = site.messages[::-1]
        assert (answered.path, whole.path) == ("/2", "/")
        assert len(whole.body) < 8 * CHUNKS_A_TURN
        assert (await first.answer()).endswith(b"/")


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
        await until(lambda: bool(site.messages))
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
                await caller.end()


def test_a_socket_in_the_file_system_has_its_mode_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    for mode in (0o660, 0o600):  # the second time it is there, and nobody listens on it
        with bind_unix(path, mode):
            assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_socket_that_somebody_listens_on_and_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with bind_unix(path, 0o600), pytest.raises(OSError, match="already in use"):
        bind_unix(path, 0o600)
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OSError, match="already in use"):
        bind_unix(tmp_path / "notes", 0o600)
    assert (tmp_path / "notes").read_text() == "mine"


async def test_at_the_end_its_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    async with serving(Site(), bound=bind_unix(path, 0o600)):
        pass
    assert not path.exists()


async def test_at_the_end_a_file_that_has_taken_its_place_stays(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    async with serving(Site(), bound=bind_unix(path, 0o600)):
        path.unlink()
        path.touch()
    assert path.exists()
