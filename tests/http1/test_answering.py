"""Answers over a real socket: their frames, their lengths, and callers who do not take them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from tornado.httputil import HTTPHeaders, ResponseStartLine
from tornado.iostream import StreamClosedError

from cardiorisk.http1.connection import TAKING_SECONDS
from tests.http1.site import GET, OK, Message, Site, asked, called, exchange, serving, turns, until
from tests.support import SettableClock

LARGE = b"a" * (32 << 20)
"""More than any system keeps in a socket's buffers."""


async def paths_until_the_end(answer: Callable[[Message], object]) -> list[str]:
    """Ask for two paths, and return which were read until the connection was ended."""
    async with called(Site(answer)) as (site, caller):
        await caller.send(GET % 1 + GET % 2)
        await caller.end()
        return site.paths


@pytest.mark.parametrize(
    ("version", "end"),
    [
        (b"1.1", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1a\r\n%b\r\n0\r\n\r\n"),
        (b"1.0", b"Connection: close\r\n\r\na%b"),
    ],
)
async def test_a_body_of_unknown_length_has_an_end_all_the_same(version: bytes, end: bytes) -> None:
    def answer(message: Message) -> None:
        message.connection.write_headers(OK, HTTPHeaders(), b"a")
        message.connection.write(b"")
        message.connection.write(b"b" * 26)
        message.connection.finish()

    received = await exchange(Site(answer), b"GET / HTTP/%b\r\nHost: x\r\n\r\n" % version)
    assert received.endswith(end % (b"b" * 26))


async def test_a_head_is_its_status_its_headers_and_an_empty_line() -> None:
    def answer(message: Message) -> None:
        headers = HTTPHeaders({"X-Name": "Año", "Content-Length": "0"})
        headers.add("Set-Cookie", "a=1")
        headers.add("Set-Cookie", "b=2")
        message.connection.write_headers(OK, headers)
        message.connection.finish()

    assert await exchange(Site(answer), GET % 1) == (
        b"HTTP/1.1 200 OK\r\nX-Name: A\xf1o\r\nContent-Length: 0\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
async def test_an_answer_without_a_body_is_given_none(method: bytes, status: int) -> None:
    def answer(message: Message) -> None:
        message.connection.write_headers(ResponseStartLine("", status, "So"), HTTPHeaders())
        message.connection.finish()

    received = await exchange(Site(answer), method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert received == b"HTTP/1.1 %d So\r\n\r\n" % status


@pytest.mark.parametrize(
    ("length", "body", "fault"), [("4", b"abc", "shorter"), ("2", b"abc", "longer")]
)
async def test_a_body_of_another_length_than_it_said_ends_the_connection(
    length: str, body: bytes, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(message: Message) -> None:
        headers = HTTPHeaders({"Content-Length": length})
        message.connection.write_headers(OK, headers, body)
        message.connection.finish()

    assert await paths_until_the_end(answer) == ["/1"]
    assert [record.message for record in caplog.records] == [f"an answer is {fault} than it said"]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "\r\n"])
async def test_no_header_holds_a_second_one_and_nothing_is_answered_in_its_place(
    value: str,
) -> None:
    def answer(message: Message) -> None:
        with pytest.raises(ValueError, match="the end of a line"):
            message.connection.write_headers(OK, HTTPHeaders({"Name": value}))
        message.connection.finish()

    assert await paths_until_the_end(answer) == ["/1"]


async def test_a_caller_who_does_not_read_is_waited_for() -> None:
    async with called(Site(lambda message: message.answer(LARGE))) as (site, caller):
        await caller.send(GET % 1 + GET % 2)
        await until(lambda: bool(site.paths))
        await turns(10)
        assert site.paths == ["/1"]
        for number in (1, 2):
            await caller.reader.readuntil(b"\r\n\r\n/%d" % number)
            await caller.reader.readexactly(len(LARGE))
        assert site.paths == ["/1", "/2"]


async def test_a_last_answer_of_many_pieces_comes_whole_and_in_order() -> None:
    """It is given to the system bit by bit, and the end waits for the last of it."""

    def answer(message: Message) -> None:
        message.connection.write_headers(OK, HTTPHeaders(), LARGE)
        message.connection.write(b"b" * 26)
        message.connection.finish()

    received = await exchange(Site(answer), b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
    assert received.partition(b"\r\n\r\n")[2] == LARGE + b"b" * 26


async def test_callers_who_do_not_read_cost_no_copy_of_their_answer() -> None:
    def answer(message: Message) -> None:
        message.connection.write_headers(
            OK, HTTPHeaders({"Content-Length": str(len(LARGE))}), LARGE
        )
        message.connection.finish()

    async with serving(site := Site(answer)) as (_, connect):
        callers = [await connect() for _ in range(5)]
        tracemalloc.start()
        for caller in callers:
            await caller.send(GET % 1)
        await until(lambda: len(site.messages) == len(callers))
        kept_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert kept_bytes < len(LARGE) / 10


async def test_a_caller_who_never_reads_is_closed_when_its_time_is_over() -> None:
    site, clock = Site(), SettableClock()
    site.when_whole = lambda message: message.answer(LARGE)
    async with serving(site, clock=clock) as (listener, connect):
        caller = await connect()
        await caller.send(GET % 1)
        await until(lambda: bool(site.messages))
        clock.now_seconds += TAKING_SECONDS - 0.001
        listener.close_overdue()
        await turns(10)
        assert not site.messages[0].is_closed
        clock.now_seconds += 0.001
        listener.close_overdue()
        await until(lambda: site.messages[0].is_closed)


async def test_an_answer_is_drained_when_the_system_has_taken_all_of_it() -> None:
    async with asked() as (message, caller):
        drained = message.connection.write_headers(OK, HTTPHeaders(), LARGE)
        assert not drained.done()
        received = 0
        while received < len(LARGE):
            received += len(await caller.reader.read(1 << 20))
        await drained


async def test_who_waits_for_a_caller_hears_that_it_has_gone() -> None:
    async with asked() as (message, caller):
        drained = message.connection.write_headers(OK, HTTPHeaders(), LARGE)
        caller.writer.transport.abort()
        with pytest.raises(StreamClosedError):
            await drained
        assert message.is_closed


async def test_what_is_answered_to_one_who_has_gone_is_lost_and_said_to_be() -> None:
    async with asked() as (message, caller):
        caller.writer.transport.abort()
        await until(lambda: message.is_closed)
        with pytest.raises(StreamClosedError):
            await message.connection.write_headers(OK, HTTPHeaders(), b"a")
        message.connection.finish()
