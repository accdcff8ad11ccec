"""What HTTP costs a request: Tornado's way beside the way it is served here.

Only what can be called by itself is timed; turns of the loop and changes to the poll show in whole
servers alone. What is served here has been sent before on its connection, where nothing else is
said.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
    parse_request_start_line,
)
from tornado.web import Application, RequestHandler

from benchmarks.timing import Case, repeated
from cardiorisk.http1.answering import Answering
from cardiorisk.http1.heads import HeadParser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.timing import Timer

READ_HEAD = "HTTP: read a head"
MAKE_REQUEST = "HTTP: make the request"
MAKE_HANDLER = "HTTP: make the handler"
WRITE_HEAD = "HTTP: write a head"
TORNADO, SERVED, NEW = "Tornado", "as served", "as served, new lines"

_START = "POST /service HTTP/1.1"
_HEADERS = f"Host: 127.0.0.1:8888\r\nContent-Length: 111\r\nAuthorization: crk_{'a' * 36}"
_ANSWER = HTTPHeaders(
    {
        "Server": "cardiorisk",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Date": "Wed, 25 Nov 2026 12:00:00 GMT",
        "Content-Type": "application/json",
        "X-Request-ID": "0123456789abcdef0123456789abcdef",
        "Server-Timing": "auth;dur=0.02, limit;dur=0.01, validate;dur=0.03, total;dur=0.12",
        "RateLimit-Policy": '"freemium";q=5;w=60',
        "RateLimit": '"freemium";r=4;t=59',
        "Content-Length": "0",
    }
)


def _connection() -> Any:
    """Stand for a connection, as far as requests and handlers ask one."""
    context = SimpleNamespace(remote_ip="127.0.0.1", protocol="http")
    return SimpleNamespace(context=context, set_close_callback=lambda _: None)


@contextmanager
def _reading_as_tornado(_room: Path) -> Iterator[Timer]:
    def read() -> None:
        parse_request_start_line(_START)
        HTTPHeaders.parse(_HEADERS)

    yield repeated(read)


@contextmanager
def _reading(_room: Path) -> Iterator[Timer]:
    parser, head = HeadParser(), f"{_START}\r\n{_HEADERS}".encode()
    yield repeated(lambda: parser.parse(head))


@contextmanager
def _reading_new_lines(_room: Path) -> Iterator[Timer]:
    head = f"{_START}\r\n{_HEADERS}".encode()
    yield repeated(lambda: HeadParser().parse(head))


def _request(connection: Any) -> HTTPServerRequest:
    return HTTPServerRequest(
        connection=connection,
        start_line=parse_request_start_line(_START),
        headers=HTTPHeaders.parse(_HEADERS),
    )


@contextmanager
def _requesting_as_tornado(_room: Path) -> Iterator[Timer]:
    line, headers = RequestStartLine(*_START.split()), HTTPHeaders.parse(_HEADERS)
    connection = _connection()
    yield repeated(
        lambda: HTTPServerRequest(connection=connection, start_line=line, headers=headers)
    )


@contextmanager
def _handling(_room: Path) -> Iterator[Timer]:
    application, request = Application(), _request(_connection())
    yield repeated(lambda: RequestHandler(application, request))


@contextmanager
def _writing_as_tornado(_room: Path) -> Iterator[Timer]:
    """Write to a stream that takes everything at once."""
    line = ResponseStartLine("HTTP/1.1", 200, "OK")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    taken = loop.create_future()
    taken.set_result(None)
    stream = SimpleNamespace(
        closed=lambda: False,
        write=lambda _: taken,
        set_close_callback=lambda _: None,
        max_buffer_size=1 << 20,
    )
    connection = HTTP1Connection(cast("Any", stream), is_client=False)
    connection._request_start_line = RequestStartLine(*_START.split())  # noqa: SLF001 - as if read
    connection._request_headers = HTTPHeaders()  # noqa: SLF001 - likewise
    try:
        yield repeated(lambda: connection.write_headers(line, _ANSWER))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Taken(Answering):
    """Answers into a transport that takes everything at once."""

    def __init__(self) -> None:
        super().__init__()
        self._transport = cast("asyncio.Transport", SimpleNamespace(write=lambda _: None))
        self._begin("POST", "HTTP/1.1")
        self._keeps_alive = True


@contextmanager
def _writing(_room: Path) -> Iterator[Timer]:
    async def make() -> Answering:
        return _Taken()

    line, connection = ResponseStartLine("HTTP/1.1", 200, "OK"), asyncio.run(make())
    yield repeated(lambda: connection.write_headers(line, _ANSWER))


HTTP_CASES = (
    Case(READ_HEAD, TORNADO, _reading_as_tornado),
    Case(READ_HEAD, SERVED, _reading),
    Case(READ_HEAD, NEW, _reading_new_lines),
    Case(MAKE_REQUEST, TORNADO, _requesting_as_tornado),
    Case(MAKE_HANDLER, TORNADO, _handling),
    Case(WRITE_HEAD, TORNADO, _writing_as_tornado),
    Case(WRITE_HEAD, SERVED, _writing),
)
"""How long the parts of HTTP take; the rest of it is the system's."""
