"""One connection over a real socket: what it reads, what it answers, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets

from cardiorisk.web.http1.connection import MOST_HEAD_BYTES
from cardiorisk.web.http1.listener import Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cardiorisk.web.http1.connection import Connection

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
OK = ResponseStartLine("HTTP/1.1", 200, "OK")


class Message(HTTPMessageDelegate):
    """A request as it was read, answered when the test says so."""

    def __init__(self, site: Site, connection: Connection) -> None:
        self.site = site
        self.connection = connection
        self.body = b""
        self.is_closed = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        self.path = cast("RequestStartLine", start_line).path
        self.headers = headers
        self.site.messages.append(self)
        self.site.when_head(self)

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        self.connection.set_close_callback(self.on_connection_close)
        self.site.when_whole(self)

    def on_connection_close(self) -> None:
        self.is_closed = True

    def answer(self, body: bytes = b"", **headers: str) -> asyncio.Future[None]:
        """Answer with the path, and with what is given."""
        text = self.path.encode() + body
        given = HTTPHeaders({"Content-Length": str(len(text)), **headers})
        written = self.connection.write_headers(OK, given, text)
        self.connection.finish()
        return written


class Site(HTTPServerConnectionDelegate):
    """Every request that came in, and what is done with it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.when_head: Callable[[Message], Any] = lambda _: None
        self.when_whole: Callable[[Message], Any] = Message.answer

    def start_request(self, server_conn: object, request_conn: Any) -> Message:
        assert server_conn is request_conn
        return Message(self, cast("Connection", request_conn))


class Caller:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, *pieces: bytes) -> bytes:
        """Send pieces, one turn after another, and read what comes until it falls silent."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.01)
        return await self.read()

    async def send_without_end(self) -> None:
        while True:
            self.writer.write(b" " * 65_536)
            await self.writer.drain()

    async def read(self) -> bytes:
        received = b""
        try:
            while piece := await asyncio.wait_for(self.reader.read(1 << 16), 0.2):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
        return received

    @property
    def is_ended(self) -> bool:
        return self.reader.at_eof()


@asynccontextmanager
async def serving(
    site: Site, most_connections: int = 10
) -> AsyncIterator[tuple[Listener, Callable[[], Any]]]:
    """Listen, and give what connects."""
    listener = Listener(site, most_connections)
    (bound,) = bind_sockets(0, "127.0.0.1")
    await listener.listen([bound])
    port = bound.getsockname()[1]
    callers: list[Caller] = []

    async def connect() -> Caller:
        callers.append(Caller(*await asyncio.open_connection("127.0.0.1", port)))
        return callers[-1]

    try:
        yield listener, connect
    finally:
        for caller in callers:
            caller.writer.close()
        await listener.close()


def exchange(site: Site, *pieces: bytes) -> bytes:
    """Send pieces on a connection of its own and return the answers."""

    async def run() -> bytes:
        async with serving(site) as (_, connect):
            return cast("bytes", await (await connect()).ask(*pieces))

    return asyncio.run(run())


def test_a_request_is_answered_wherever_its_bytes_are_cut() -> None:
    site = Site()
    request = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    received = exchange(site, *(request[at : at + 7] for at in range(0, len(request), 7)))
    assert received.endswith(b"Content-Length: 2\r\n\r\n/a")
    assert [message.body for message in site.messages] == [b"abc"]


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    received = exchange(Site(), b"".join(GET % number for number in range(50)))
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in received.split(b"HTTP/1.1 200 OK")]
    assert bodies[1:] == [b"/%d" % number for number in range(50)]


def test_what_comes_while_one_is_answered_waits_for_its_turn() -> None:
    async def run() -> None:
        site = Site()
        site.when_whole = lambda _: None
        async with serving(site) as (_, connect):
            caller = await connect()
            assert await caller.ask(GET % 1, GET % 2, GET % 3) == b""
            assert [message.path for message in site.messages] == ["/1"]
            for number in (1, 2, 3):
                site.messages[-1].answer()
                assert (await caller.read()).endswith(b"\r\n\r\n/%d" % number)

    asyncio.run(run())


def test_a_caller_who_sends_without_end_fills_no_memory() -> None:
    async def run() -> None:
        site = Site()
        site.when_whole = lambda _: None
        async with serving(site) as (_, connect):
            caller = await connect()
            await caller.ask(GET % 1)
            sending = asyncio.ensure_future(caller.send_without_end())
            await asyncio.sleep(0.5)
            sending.cancel()
            assert len(site.messages[0].connection._unread) < 1 << 20

    asyncio.run(run())


def test_empty_lines_before_a_request_are_passed_over() -> None:
    assert exchange(Site(), b"\r\n\r\n" + GET % 1).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\n\n",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_cut_off(sent: bytes) -> None:
    async def run() -> None:
        site = Site()
        async with serving(site) as (_, connect):
            caller = await connect()
            assert (await caller.ask(sent)).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert caller.is_ended
            assert all(message.is_closed for message in site.messages)

    asyncio.run(run())


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_that_is_too_long_is_refused(end: bytes) -> None:
    long = GET.replace(b"x", b"x" * MOST_HEAD_BYTES).rstrip() % 1 + end
    assert exchange(Site(), long).startswith(b"HTTP/1.1 431 ")


def test_who_asks_before_it_sends_its_body_is_told_to_go_on() -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    received = exchange(Site(), head, b"ab")
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_an_answer_before_the_whole_body_ends_the_connection() -> None:
    async def run() -> None:
        site = Site()
        site.when_head = Message.answer
        async with serving(site) as (_, connect):
            caller = await connect()
            head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"
            received = await caller.ask(head)
            assert received.endswith(b"Connection: close\r\n\r\n/a")
            assert caller.is_ended

    asyncio.run(run())


@pytest.mark.parametrize(
    ("request_line", "connection", "answered", "is_ended"),
    [
        (b"GET / HTTP/1.1", b"close", b"Connection: close", True),
        (b"GET / HTTP/1.0", b"", b"Connection: close", True),
        (b"GET / HTTP/1.0", b"keep-alive", b"Connection: keep-alive", False),
    ],
)
def test_a_connection_lives_on_where_the_caller_wants_it(
    request_line: bytes,
    connection: bytes,
    answered: bytes,
    is_ended: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async def run() -> None:
        async with serving(Site()) as (_, connect):
            caller = await connect()
            received = await caller.ask(
                b"%b\r\nHost: x\r\nConnection: %b\r\n\r\n" % (request_line, connection)
            )
            assert answered in received
            assert caller.is_ended is is_ended

    asyncio.run(run())


@pytest.mark.parametrize(
    ("version", "end"),
    [
        (b"1.1", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
        (b"1.0", b"Connection: close\r\n\r\nabc"),
    ],
)
def test_a_body_of_unknown_length_has_an_end_all_the_same(version: bytes, end: bytes) -> None:
    def answer(message: Message) -> None:
        message.connection.write_headers(OK, HTTPHeaders(), b"a")
        message.connection.write(b"bc")
        message.connection.finish()

    site = Site()
    site.when_whole = answer
    assert exchange(site, b"GET / HTTP/%b\r\nHost: x\r\n\r\n" % version).endswith(end)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_an_answer_without_a_body_is_given_none(method: bytes, status: int) -> None:
    def answer(message: Message) -> None:
        message.connection.write_headers(ResponseStartLine("", status, "So"), HTTPHeaders())
        message.connection.finish()

    site = Site()
    site.when_whole = answer
    received = exchange(site, method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert received == b"HTTP/1.1 %d So\r\n\r\n" % status


def test_a_caller_who_does_not_read_is_waited_for() -> None:
    large = b"a" * (8 << 20)

    async def run() -> None:
        site = Site()
        site.when_whole = lambda message: message.answer(large)
        async with serving(site) as (_, connect):
            caller = await connect()
            caller.writer.write(GET % 1 + GET % 2)
            await asyncio.sleep(0.1)
            assert [message.path for message in site.messages] == ["/1"]
            received = 0
            while received < 2 * len(large):
                received += len(await caller.reader.read(1 << 20))
            assert [message.path for message in site.messages] == ["/1", "/2"]

    asyncio.run(run())


def test_who_waits_for_a_reader_hears_that_it_has_gone() -> None:
    async def run() -> None:
        site = Site()
        site.when_whole = lambda _: None
        async with serving(site) as (_, connect):
            caller = await connect()
            await caller.ask(GET % 1)
            (message,) = site.messages
            written = message.connection.write_headers(OK, HTTPHeaders(), b"a" * (8 << 20))
            assert not written.done()
            caller.writer.transport.abort()
            with pytest.raises(StreamClosedError):
                await written
            assert message.is_closed
            with pytest.raises(StreamClosedError):
                await message.connection.write(b"b")
            message.connection.finish()

    asyncio.run(run())


def test_a_caller_who_leaves_in_the_middle_of_its_body_is_noticed() -> None:
    async def run() -> None:
        site = Site()
        async with serving(site) as (_, connect):
            caller = await connect()
            await caller.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
            caller.writer.close()
            await asyncio.sleep(0.05)
            assert site.messages[0].is_closed

    asyncio.run(run())


def test_a_failure_where_a_request_is_taken_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Message) -> None:
        raise RuntimeError("no handler")

    async def run() -> None:
        site = Site()
        site.when_whole = fail
        async with serving(site) as (_, connect):
            caller = await connect()
            assert await caller.ask(GET % 1) == b""
            assert caller.is_ended
            assert site.messages[0].is_closed

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [record.message for record in caplog.records] == ["a request could not be begun"]


def test_one_connection_too_many_is_turned_away_and_room_is_made_by_who_leaves() -> None:
    async def run() -> None:
        async with serving(Site(), most_connections=1) as (_, connect):
            first, second = await connect(), await connect()
            assert await second.ask(GET % 2) == b""
            assert (await first.ask(GET % 1)).endswith(b"/1")
            first.writer.close()
            await asyncio.sleep(0.05)
            third = await connect()
            assert (await third.ask(GET % 3)).endswith(b"/3")

    asyncio.run(run())


def test_while_it_stops_each_answer_is_the_connections_last() -> None:
    async def run() -> None:
        site = Site()
        site.when_whole = lambda _: None
        async with serving(site) as (listener, connect):
            caller, quiet = await connect(), await connect()
            await caller.ask(GET % 1)
            listener.drain()
            site.messages[0].answer()
            assert b"Connection: close" in await caller.read()
            assert caller.is_ended
            with pytest.raises(OSError, match="Connect"):
                await connect()
            await listener.close()
            assert await quiet.read() == b""
            assert quiet.is_ended

    asyncio.run(run())
