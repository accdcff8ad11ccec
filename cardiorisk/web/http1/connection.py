"""One connection: requests in, answers out, one after another.

To the socket it speaks HTTP/1.1, to everybody else Tornado's documented interfaces: what is read
goes to an ``HTTPMessageDelegate``, and to a handler this is the ``HTTPConnection``. It must not
know what is asked or answered. It stands in the place of Tornado's own connection and stream, which
cost futures, turns of the loop and changes to the poll for every request (decision 0080).

The surprise: a request that need not wait is answered inside ``data_received``, in the very turn in
which it came.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol, cast

from tornado.httputil import HTTPConnection, HTTPInputError
from tornado.iostream import StreamClosedError

from cardiorisk.web.http1.answers import (
    CONTINUE,
    LAST_CHUNK,
    MALFORMED,
    TOO_LONG,
    write_chunk,
    write_head,
)
from cardiorisk.web.http1.chunks import ChunkDecoder
from cardiorisk.web.http1.heads import HeadParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.httputil import (
        HTTPHeaders,
        HTTPServerConnectionDelegate,
        RequestStartLine,
        ResponseStartLine,
    )

    from cardiorisk.web.http1.patience import Patience

logger = logging.getLogger(__name__)

MOST_HEAD_BYTES = 16 * 1024
_HEAD_END = b"\r\n\r\n"
_WITHOUT_BODY = frozenset({204, 304})


class _Stage(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()


class Owner(Protocol):
    """Where a connection came in.

    Attributes:
        patience: bounds the time that a request may take to arrive.
        is_draining: whether each connection's next answer is its last.
    """

    patience: Patience
    is_draining: bool

    def admit(self, connection: Connection) -> bool:
        """Count a connection in, and tell whether there is room for it."""

    def forget(self, connection: Connection) -> None:
        """Count a connection out."""


class Context:
    """What Tornado's requests ask their connection for.

    Attributes:
        remote_ip: the caller's address, empty where it has none.
    """

    protocol = "http"

    def __init__(self, remote_ip: str) -> None:
        self.remote_ip = remote_ip


class Connection(asyncio.Protocol, HTTPConnection):
    """The server's end of one connection.

    Args:
        delegate: makes what takes a request; that must take it at once, without waiting.
        owner: where the connection came in.
    """

    def __init__(self, delegate: HTTPServerConnectionDelegate, owner: Owner) -> None:
        self._delegate = delegate
        self._owner = owner
        self._patience = owner.patience
        self._loop = asyncio.get_running_loop()
        self._heads = HeadParser()
        self._chunks: ChunkDecoder | None = None
        self._missing_bytes = 0
        self._unread = b""
        self._is_held = False
        self._keeps_alive = True
        self._is_chunking = False
        self._on_loss: Callable[[], None] | None = None
        self._drained = self._loop.create_future()
        self._drained.set_result(None)

    # What the socket tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, if there is room for one more connection."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._owner.admit(self):
            self._stage = _Stage.END
            self._transport.abort()
            return
        address = transport.get_extra_info("peername")
        self.context = Context(address[0] if address else "")
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Read what has come; what comes before its turn waits, and more of it is not taken."""
        if self._unread:
            data, self._unread = self._unread + data, b""
        if self._stage is not _Stage.ANSWER:
            self._read(data)
            return
        self._unread = data
        if not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell whoever works for the caller, or waits for it to take its answer."""
        self._owner.forget(self)
        stage, self._stage = self._stage, _Stage.END
        if not self._drained.done():
            self._drained.set_exception(StreamClosedError())
            self._drained.exception()  # or asyncio would report it where nobody waits
        if stage is _Stage.BODY:
            self._reader.on_connection_close()
        elif stage is _Stage.ANSWER and self._on_loss is not None:
            self._on_loss()

    def pause_writing(self) -> None:
        """Hear that the caller takes its answers slower than they come."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Hear that it has caught up."""
        if not self._drained.done():
            self._drained.set_result(None)

    # What handlers and others ask for.

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Note whom to tell when the caller hangs up before its answer is finished."""
        self._on_loss = callback

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> asyncio.Future[None]:
        """Send the head of an answer and the beginning of its body.

        Returns:
            What is done once the caller can take more, or fails with ``StreamClosedError``.

        Raises:
            ValueError: a header holds the end of a line.
        """
        _, status, reason = cast("ResponseStartLine", start_line)
        request = self._request_line
        has_body = status not in _WITHOUT_BODY and request.method != "HEAD"
        if has_body and "Content-Length" not in headers:
            self._is_chunking = request.version == "HTTP/1.1"
            if self._is_chunking:
                headers["Transfer-Encoding"] = "chunked"
            self._keeps_alive &= self._is_chunking  # else its end is the connection's
        if self._owner.is_draining or self._stage is _Stage.BODY:
            self._keeps_alive = False
        if not self._keeps_alive:
            headers["Connection"] = "close"
        elif request.version == "HTTP/1.0":
            headers["Connection"] = "keep-alive"
        return self._send(write_head(status, reason, headers) + self._framed(chunk or b""))

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Send more of the body; it returns what ``write_headers`` does."""
        return self._send(self._framed(chunk))

    def finish(self) -> None:
        """End the answer, then wait for the next request or end the connection."""
        if self._stage is _Stage.END:
            return
        if self._is_chunking:
            self._transport.write(LAST_CHUNK)
        if not self._keeps_alive:
            self._end()
        elif self._drained.done():
            self._await_request()
        else:
            self._drained.add_done_callback(self._await_request_unless_lost)

    def close(self) -> None:
        """End the connection at once, whatever is on its way."""
        self._transport.abort()

    # The way of a request.

    def _await_request(self) -> None:
        self._stage = _Stage.HEAD
        self._patience.await_headers(self)
        self._on_loss = None
        self._is_chunking = False
        self._reader = self._delegate.start_request(self, self)
        if self._is_held:
            self._is_held = False
            self._transport.resume_reading()
        if self._unread:
            # In its own turn, or a caller who sends many at once would have the loop to itself.
            self._loop.call_soon(self._read_unread)

    def _await_request_unless_lost(self, drained: asyncio.Future[None]) -> None:
        if drained.exception() is None and self._stage is not _Stage.END:
            self._await_request()

    def _read_unread(self) -> None:
        if self._unread and self._stage is _Stage.HEAD:
            data, self._unread = self._unread, b""
            self._read(data)

    def _read(self, data: bytes) -> None:
        try:
            if self._stage is _Stage.HEAD:
                self._read_head(data)
            elif self._stage is _Stage.BODY:
                self._read_body(data)
        except HTTPInputError:
            self._refuse(MALFORMED)
        except Exception:
            logger.exception("a request could not be begun")
            self._refuse(b"")

    def _read_head(self, data: bytes) -> None:
        data = data.lstrip(b"\r\n")  # as RFC 9112 advises in section 2.2
        end = data.find(_HEAD_END)
        if end < 0 and b"\n\n" in data:
            raise HTTPInputError("lines end in CR and LF")
        if max(end, len(data) if end < 0 else 0) > MOST_HEAD_BYTES:
            self._refuse(TOO_LONG)
            return
        if end < 0:
            self._unread = data
            return
        head = self._heads.parse(data[:end])
        self._request_line = head.start_line
        self._keeps_alive = head.keeps_alive
        self._chunks = ChunkDecoder() if head.body_bytes is None else None
        self._missing_bytes = head.body_bytes or 0
        self._stage = _Stage.BODY
        self._reader.headers_received(head.start_line, head.headers)
        if self._stage is _Stage.BODY:
            if head.expects_continue:
                self._transport.write(CONTINUE)
            self._read_body(data[end + len(_HEAD_END) :])
        if self._stage is _Stage.BODY:
            self._patience.await_body(self)

    def _read_body(self, data: bytes) -> None:
        rest: bytes | None
        if self._chunks is not None:
            piece, rest = self._chunks.decode(data)
        else:
            piece, rest = data[: self._missing_bytes], data[self._missing_bytes :]
            self._missing_bytes -= len(piece)
            rest = None if self._missing_bytes else rest
        if piece:
            self._reader.data_received(piece)
        if rest is not None and self._stage is _Stage.BODY:
            self._unread = rest
            self._stage = _Stage.ANSWER
            self._patience.forget(self)
            self._reader.finish()

    # The ways to its end.

    def _refuse(self, answer: bytes) -> None:
        """End a connection whose request cannot be taken."""
        if self._stage in {_Stage.BODY, _Stage.ANSWER}:
            self._reader.on_connection_close()
        self._transport.write(answer)
        self._end()

    def _end(self) -> None:
        self._stage = _Stage.END
        self._transport.close()

    def _framed(self, chunk: bytes) -> bytes:
        return write_chunk(chunk) if self._is_chunking else chunk

    def _send(self, data: bytes) -> asyncio.Future[None]:
        if self._stage is _Stage.END:
            lost: asyncio.Future[None] = self._loop.create_future()
            lost.set_exception(StreamClosedError())
            lost.exception()
            return lost
        self._transport.write(data)
        return self._drained
