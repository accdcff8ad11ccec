"""One connection over a real socket: what it reads, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from cardiorisk.http1.parsing import MOST_HEAD_BYTES, MOST_HEAD_LINES
from tests.http1.site import GET, Message, Site, called, exchange, turns, until

POST = b"POST /a HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n"


async def test_a_request_is_read_wherever_its_bytes_are_cut() -> None:
    site = Site()
    request = POST % b"Content-Length: 3" + b"abc"
    received = await exchange(site, *(request[at : at + 7] for at in range(0, len(request), 7)))
    assert received.endswith(b"Content-Length: 2\r\n\r\n/a")
    assert [message.body for message in site.messages] == [b"abc"]


async def test_requests_sent_ahead_are_answered_in_their_order_to_the_last() -> None:
    received = await exchange(Site(), b"".join(GET % number for number in range(50)))
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in received.split(b"HTTP/1.1 200 OK")]
    assert bodies[1:] == [b"/%d" % number for number in range(50)]


async def test_what_comes_while_one_is_answered_waits_for_its_turn() -> None:
    async with called(Site(Message.leave)) as (site, caller):
        await caller.send(GET % 1, GET % 2, GET % 3)
        paths: list[str] = []
        for number in (1, 2, 3):
            paths.append(f"/{number}")
            await until(lambda: site.paths == paths)
            site.messages[-1].answer()
            assert (await caller.answer()).endswith(b"\r\n\r\n/%d" % number)


@pytest.mark.parametrize(
    "answer",
    [
        Message.answer,
        lambda message: asyncio.get_running_loop().call_soon(message.answer),
        lambda _: None,
    ],
    ids=["at once", "later", "never"],
)
async def test_a_caller_who_sends_ahead_without_end_fills_no_memory(
    answer: Callable[[Message], object],
) -> None:
    sent = GET % 1 * (40_000_000 // len(GET % 1))  # more than the system's buffers take
    async with called(Site(answer)) as (_, caller):
        reading = asyncio.ensure_future(caller.rest())
        caller.writer.write(sent)
        await turns(1_000)
        assert caller.writer.transport.get_write_buffer_size() > len(sent) // 2
        reading.cancel()


async def test_empty_lines_before_a_request_are_passed_over() -> None:
    assert (await exchange(Site(), b"\r\n\r\n" + GET % 1)).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\n\n",
        b"GET / HTTP/1.1\nHost: x\n\r\n",
        b"\n\r\n" + GET % 1,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"nonsense\r\n\r\n",
        POST % b"Transfer-Encoding: chunked" + b"nonsense\r\n",
    ],
)
async def test_what_is_not_http_is_refused(sent: bytes) -> None:
    assert (await exchange(Site(), sent)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", POST % b"Transfer-Encoding: chunked" + b"x\r\n"]
)
async def test_after_a_refusal_the_connection_is_cut_off(sent: bytes) -> None:
    async with called() as (site, caller):
        await caller.send(sent)
        await caller.rest()
        assert all(message.is_closed for message in site.messages)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
async def test_a_head_that_is_too_long_is_refused(end: bytes) -> None:
    long = GET.replace(b"x", b"x" * MOST_HEAD_BYTES).rstrip() % 1 + end
    assert (await exchange(Site(), long)).startswith(b"HTTP/1.1 431 ")


async def test_a_head_may_have_so_many_lines() -> None:
    head = GET.replace(b"\r\n\r\n", b"\r\na:" * (MOST_HEAD_LINES - 1)) % 1
    assert (await exchange(Site(), head + b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert (await exchange(Site(), head + b"\r\na:\r\n\r\n")).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("pieces", "told"), [((b"", b"ab"), b"HTTP/1.1 100 Continue\r\n\r\n"), ((b"ab",), b"")]
)
async def test_who_asks_before_it_sends_its_body_is_told_to_go_on_unless_it_has(
    pieces: tuple[bytes, ...], told: bytes
) -> None:
    head = POST % b"Content-Length: 2\r\nExpect: 100-continue"
    async with called() as (site, caller):
        await caller.send(head + pieces[0])
        await until(lambda: bool(site.messages))
        await caller.send(*pieces[1:])
        assert (await caller.answers()).startswith(told + b"HTTP/1.1 200 OK")


async def test_nor_is_one_whose_request_is_refused_already() -> None:
    async with called(
        Site(when_head=lambda message: message.connection.set_close_callback(lambda: None))
    ) as (site, caller):
        await caller.send(POST % b"Content-Length: 2\r\nExpect: 100-continue")
        await until(lambda: bool(site.messages))
        site.messages[0].answer()
        assert (await caller.rest()).startswith(b"HTTP/1.1 200 OK")


async def test_an_answer_before_the_whole_body_ends_the_connection() -> None:
    async with called(Site(when_head=Message.answer)) as (_, caller):
        await caller.send(POST % b"Content-Length: 9" + b"ab")
        assert (await caller.rest()).endswith(b"Connection: close\r\n\r\n/a")


@pytest.mark.parametrize(
    ("line", "connection"),
    [(b"GET / HTTP/1.1", b"close"), (b"GET / HTTP/1.0", b"")],
)
async def test_a_connection_ends_with_its_answer_where_the_caller_wants_no_more(
    line: bytes, connection: bytes
) -> None:
    async with called() as (_, caller):
        await caller.send(b"%b\r\nHost: x\r\nConnection: %b\r\n\r\n" % (line, connection))
        assert b"Connection: close" in await caller.rest()


async def test_an_old_caller_may_keep_its_connection() -> None:
    async with called() as (_, caller):
        for _ in range(2):
            await caller.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"Connection: keep-alive" in await caller.answer()


async def test_a_caller_who_leaves_in_the_middle_of_its_body_is_noticed() -> None:
    async with called() as (site, caller):
        await caller.send(POST % b"Content-Length: 9" + b"ab")
        caller.writer.close()
        await until(lambda: any(message.is_closed for message in site.messages))


async def test_a_failure_where_a_request_is_taken_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Message) -> None:
        raise RuntimeError("no handler")

    async with called(Site(fail)) as (site, caller):
        await caller.send(GET % 1)
        assert await caller.rest() == b""
        assert site.messages[0].is_closed
    assert caplog.messages == ["a request could not be begun"]


async def test_nothing_is_left_of_a_connection_that_has_ended() -> None:
    gc.disable()
    try:
        async with called() as (site, caller):
            await caller.send(GET % 1)
            await until(lambda: bool(site.messages))
            connection = weakref.ref(site.messages.pop().connection)
            caller.writer.close()
            await caller.writer.wait_closed()
            await until(lambda: connection() is None)
    finally:
        gc.enable()
