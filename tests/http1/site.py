"""A site and its callers, for tests of the connection between them: real sockets, no handlers."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.netutil import bind_sockets

from cardiorisk.http1.listener import Listener
from tests.support import SettableClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from socket import socket

    from cardiorisk.http1.connection import Connection, Reason

    Connect = Callable[[], Awaitable["Caller"]]

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
OK = ResponseStartLine("HTTP/1.1", 200, "OK")


class Message(HTTPMessageDelegate):
    """A request as it was read, answered when the site says so."""

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

    def leave(self) -> None:
        """Answer nothing for now."""

    def answer(self, body: bytes = b"") -> None:
        """Answer with the path and more."""
        text = self.path.encode() + body
        self.connection.write_headers(OK, HTTPHeaders({"Content-Length": str(len(text))}), text)
        self.connection.finish()


class Site(HTTPServerConnectionDelegate):
    """Every request that came in, and what is done with it: an answer, unless a test wants else."""

    def __init__(
        self,
        when_whole: Callable[[Message], object] = Message.answer,
        when_head: Callable[[Message], object] = Message.leave,
    ) -> None:
        self.messages: list[Message] = []
        self.when_head = when_head
        self.when_whole = when_whole

    def start_request(self, server_conn: object, request_conn: Any) -> Message:
        assert server_conn is request_conn
        return Message(self, cast("Connection", request_conn))

    @property
    def paths(self) -> list[str]:
        return [message.path for message in self.messages]


class Caller:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send pieces, and let the site read each before the next."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await until(self.has_arrived)
            await turns(10)

    def has_arrived(self) -> bool:
        """Tell whether the site's end of the socket has all that was sent, or has gone."""
        try:
            unsent = fcntl.ioctl(self.writer.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # closed, or not Linux, where it is not told
            return True
        return struct.unpack("i", unsent) == (0,)

    async def answer(self) -> bytes:
        """Read one answer that says how long it is."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Read until the site ends the connection."""
        return await self.reader.read()

    async def end(self) -> None:
        """Wait until the site ends the connection, in order or not."""
        with suppress(ConnectionResetError):
            await self.rest()

    async def answers(self) -> bytes:
        """Say that nothing more comes, and read all that is answered."""
        self.writer.write_eof()
        return await self.rest()


async def turns(number: int) -> None:
    """Let the loop turn."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nobody sets an event for what is looked at here
            await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    site: HTTPServerConnectionDelegate,
    most_connections: int = 10,
    clock: SettableClock | None = None,
    bound: socket | None = None,
    refusals: dict[Reason, int] | None = None,
) -> AsyncIterator[tuple[Listener, Connect]]:
    """Listen, and give what connects."""
    clock = clock or SettableClock()
    listener = Listener(site, most_connections, refusals, clock, retry_seconds=0.01)
    bound = bound or bind_sockets(0, "127.0.0.1")[0]
    address = bound.getsockname()
    listener.listen([bound])
    callers: list[Caller] = []

    async def connect() -> Caller:
        callers.append(Caller(*await asyncio.open_connection(*address)))
        return callers[-1]

    try:
        yield listener, connect
    finally:
        for caller in callers:
            caller.writer.transport.abort()
        await listener.close()


@asynccontextmanager
async def called(site: Site | None = None) -> AsyncIterator[tuple[Site, Caller]]:
    """Give a site and one who has called it."""
    site = site or Site()
    async with serving(site) as (_, connect):
        yield site, await connect()


@asynccontextmanager
async def asked() -> AsyncIterator[tuple[Message, Caller]]:
    """Give a request that has come in whole and is not answered yet, and who waits for that."""
    async with called(Site(Message.leave)) as (site, caller):
        await caller.send(GET % 1)
        await until(lambda: bool(site.messages))
        yield site.messages[0], caller


async def exchange(site: Site, *pieces: bytes) -> bytes:
    """Send pieces on a connection of its own, and nothing more, and return the answers."""
    async with called(site) as (_, caller):
        await caller.send(*pieces)
        return await caller.answers()
