"""One connection: requests in, answers out, one after another.

Tornado's own connection and stream cost futures, turns of the loop and changes to the poll for
every request (decision 0002). An answer that comes before its request's end is followed by a
lingering close: closed with unread bytes, a socket takes the answer from a caller who is still
sending. Source: RFC 9112, section 9.6.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Literal, cast, get_args

from tornado import httputil
from tornado.httputil import (
    HTTPConnection,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
)
from tornado.iostream import StreamClosedError

from cardiorisk.http1.parsing import ChunkReader, LongHead, TinyChunks, next_head

logger = logging.getLogger(__name__)

QUIET_SECONDS = 75.0  # from the start, or the answer before, to the end of the next headers
BODY_SECONDS = 20.0  # from there to the end of the body
TAKING_SECONDS = 300.0  # from the end of an answer to the caller's having taken enough of it
LINGER_SECONDS = 30.0  # from an answer before its request's end to the caller's hanging up
MOST_DROPPED_BYTES = 64 * 1024 * 1024  # of what a caller still sends after that
MOST_LINGERING = 256  # connections that may do so at a time; others are closed at once
HANDED_BYTES = 64 * 1024  # of an answer, given at a time to the transport, which copies the rest

# Why connections end that no handler has answered, or whose answer nobody took.
Reason = Literal[
    "malformed", "long_head", "tiny_chunks", "slow_head", "slow_body", "slow_reader", "hung_up",
    "turned_away", "failed",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)

_Stage = Literal["head", "body", "answer", "end"]  # what a connection waits for
_WITHOUT_BODY = frozenset({204, 304})
_REFUSAL = (
    b"HTTP/1.1 %b\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b\n"
)
_STATUSES: dict[Reason, bytes] = {
    "malformed": b"400 Bad Request",
    "tiny_chunks": b"400 Bad Request",
    "slow_head": b"408 Request Timeout",
    "slow_body": b"408 Request Timeout",
    "long_head": b"431 Request Header Fields Too Large",
    "turned_away": b"503 Service Unavailable\r\nRetry-After: 1",
}
_FULL = "the service has as many connections as it can hold; try again in a second"
NO_ROOM = _REFUSAL % (_STATUSES["turned_away"], len(_FULL) + 1, _FULL.encode())
_NOBODY = HTTPMessageDelegate()


class RequestDelegate(HTTPMessageDelegate):
    def body_is_late(self) -> None:
        """Answer a request whose body has not come in time, in a while at most."""


@dataclass(slots=True)
class Connections:
    """What the connections of a listener have in common; they enter and leave by themselves."""

    clock: Callable[[], float]  # seconds, monotonic
    refusals: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    living: set[Connection] = field(default_factory=set)
    lingering: set[Connection] = field(default_factory=set)
    is_draining: bool = False


class Connection(HTTPConnection, asyncio.Protocol):
    """The server's end of one connection; ``delegate`` makes what takes a request at once.

    ``drained`` is done while the system has taken all that was sent, and fails with
    ``StreamClosedError`` where the caller has gone; ``due_seconds`` is when to time it out.
    """

    def __init__(self, delegate: HTTPServerConnectionDelegate, siblings: Connections) -> None:
        self._delegate = delegate
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._stage: _Stage = "head"
        self.due_seconds = math.inf
        # What comes in.
        self._unread = b""
        self._reader = _NOBODY
        self._chunks: ChunkReader | None = None
        self._missing_bytes = 0
        self._dropped_bytes = 0
        # What goes out.
        self._has_begun = self._is_chunking = self._keeps_alive = False
        self._owed_bytes: int | None = None
        self._on_loss: Callable[[], None] | None = None
        self._unsent = memoryview(b"")
        self._is_blocked = False
        self.drained = self._loop.create_future()
        self.drained.set_result(None)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._siblings.living.add(self)
        self._transport.set_write_buffer_limits(0)  # what is drained, the system has taken
        address = transport.get_extra_info("peername")  # None for a caller who has gone already
        # By a socket in the file system it is a path, and most often none.
        peer = "unix" if isinstance(address, str) else address[0] if address else ""
        self.context = SimpleNamespace(remote_ip=peer, protocol="http")
        self._await_request()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if self._stage == "answer":
            self._transport.pause_reading()
        else:
            self._read()

    def pause_writing(self) -> None:
        if self.drained.done():
            self.drained = self._loop.create_future()
        self._is_blocked = True

    def resume_writing(self) -> None:
        self._is_blocked = False
        self._hand_over()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._siblings.living.discard(self)
        self._siblings.lingering.discard(self)
        if self._stage == "body" or (self._stage == "head" and self._unread):
            self._siblings.refusals["hung_up"] += 1
        stage, self._stage = self._stage, "end"
        reader, self._reader = self._reader, _NOBODY
        on_loss, self._on_loss = self._on_loss, None
        self._unread, self._unsent = b"", memoryview(b"")
        if not self.drained.done():
            self.drained.set_exception(StreamClosedError())
            self.drained.exception()  # or asyncio would report it where nobody waits
        if stage == "body":
            reader.on_connection_close()
        elif stage == "answer" and on_loss is not None:
            on_loss()

    # What the listener calls.

    def drain(self) -> None:
        self._keeps_alive = False

    def time_out(self) -> None:
        if self._stage == "head" and self._unread:
            self._refuse("slow_head", "the request's headers have not come in time")
        elif self._stage == "body":
            is_answered = self._on_loss is not None  # a handler is at work already
            if is_answered or not isinstance(self._reader, RequestDelegate):
                self._refuse("slow_body", "the request's body has not come in time")
            else:
                self._siblings.refusals["slow_body"] += 1
                self._wait(TAKING_SECONDS)
                self._reader.body_is_late()
        else:
            if not self.drained.done():
                self._siblings.refusals["slow_reader"] += 1
            self.close()

    def turn_away(self) -> None:
        self._refuse("turned_away", _FULL)

    def close(self) -> None:
        self._transport.abort()

    # Requests.

    def _await_request(self) -> None:
        if self._stage == "end":
            return
        self._stage = "head"
        self._reader = _NOBODY
        self._on_loss = None
        self._has_begun = self._is_chunking = self._keeps_alive = False
        self._owed_bytes = None
        self._wait(QUIET_SECONDS)
        self._read_on()

    def _read(self) -> None:
        try:
            if self._stage == "head":
                self._read_head()
            elif self._stage == "body":
                self._read_body()
            elif self._stage == "end":
                self._drop()
        except LongHead as error:
            self._refuse("long_head", str(error))
        except TinyChunks as error:
            self._refuse("tiny_chunks", str(error))
        except HTTPInputError as error:
            self._refuse("malformed", str(error))
        except Exception:
            logger.exception("a request could not be begun")
            self._refuse("failed")

    def _read_head(self) -> None:
        head, self._unread = next_head(self._unread)
        if head is None:
            self._transport.resume_reading()
            return
        self._stage = "body"
        self._head = head
        self._chunks = ChunkReader() if head.body_bytes is None else None
        self._missing_bytes = head.body_bytes or 0
        self._reader = self._delegate.start_request(self, self)
        self._reader.headers_received(head.start_line, head.headers)
        if self._stage == "body":
            self._read_body()
        if self._stage == "body":
            self._wait(BODY_SECONDS)
            is_refused = self._on_loss is not None  # a handler before the body's end
            if head.expects_continue and not is_refused:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _read_body(self) -> None:
        if self._chunks is not None:
            piece, self._unread = self._chunks.read(self._unread)
            is_whole = self._chunks.is_whole
        else:
            missing = self._missing_bytes
            piece, self._unread = self._unread[:missing], self._unread[missing:]
            self._missing_bytes -= len(piece)
            is_whole = not self._missing_bytes
        if piece:
            self._reader.data_received(piece)
        if self._stage != "body":
            return
        if is_whole:
            self._stage = "answer"
            self.due_seconds = math.inf
            # Only now, since an answer before the body's end is the connection's last.
            self._keeps_alive = self._head.keeps_alive and not self._siblings.is_draining
            self._reader.finish()
        else:
            self._read_on()

    def _read_on(self) -> None:
        """Go on with what has come, in a turn of its own: others have theirs between."""
        if self._unread:
            self._transport.pause_reading()
            self._loop.call_soon(self._read)
        else:
            self._transport.resume_reading()

    def _refuse(self, reason: Reason, said: str = "") -> None:
        status = _STATUSES.get(reason)
        if self._stage in {"body", "answer"}:
            self._reader.on_connection_close()
        if self._stage != "end":
            self._siblings.refusals[reason] += 1
            if status and not self._has_begun:
                body = said.encode()
                self._transport.write(_REFUSAL % (status, len(body) + 1, body))
            self._end(lingers=status is not None)

    def _wait(self, seconds: float) -> None:
        self.due_seconds = self._siblings.clock() + seconds

    def _end(self, *, lingers: bool = False) -> None:
        self._stage = "end"
        self._wait(TAKING_SECONDS)
        if not lingers or len(self._siblings.lingering) >= MOST_LINGERING:
            self._when_drained(self._transport.close)
            return
        self._siblings.lingering.add(self)
        self._drop()
        self._transport.resume_reading()
        self._when_drained(self._linger)

    def _linger(self) -> None:
        self._wait(LINGER_SECONDS)
        with suppress(OSError):  # the caller has gone, which we are told in another turn
            self._transport.write_eof()

    def _when_drained(self, act: Callable[[], object]) -> None:
        if self.drained.done():
            act()
        else:
            self.drained.add_done_callback(lambda drained: drained.exception() is None and act())

    def _drop(self) -> None:
        self._dropped_bytes += len(self._unread)
        self._unread = b""
        if self._dropped_bytes > MOST_DROPPED_BYTES:
            self.close()

    # Answers: what a handler calls.

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        self._on_loss = callback

    def write_headers(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
        chunk: bytes | None = None,
    ) -> asyncio.Future[None]:
        _, status, reason = cast("httputil.ResponseStartLine", start_line)
        lines = [f"HTTP/1.1 {status} {reason}"]
        method, _, version = self._head.start_line
        for name, value in headers.get_all():
            lines.append(f"{name}: {value}")
            if name == "Content-Length":
                self._owed_bytes = int(value)
        if status in _WITHOUT_BODY or method == "HEAD":
            self._owed_bytes = 0
        elif self._owed_bytes is None and version == "HTTP/1.1":
            self._is_chunking = True
            lines.append("Transfer-Encoding: chunked")
        elif self._owed_bytes is None:
            self._keeps_alive = False  # the body's end is the connection's
        if not self._keeps_alive:
            lines.append("Connection: close")
        elif version == "HTTP/1.0":
            lines.append("Connection: keep-alive")
        head = "\r\n".join(lines)
        if not head.count("\r") == head.count("\n") == len(lines) - 1:
            raise ValueError("a header of an answer holds the end of a line")
        self._has_begun = True
        sent, piece = f"{head}\r\n\r\n".encode("latin1"), self._framed(chunk or b"")
        if len(piece) <= HANDED_BYTES:
            return self._send(sent + piece)
        self._send(sent)
        return self._send(piece)

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        return self._send(self._framed(chunk))

    def finish(self) -> None:
        """End the answer; nothing is raised, so that the handler counts its request out."""
        if self._stage == "end":
            return
        if not self._has_begun or self._owed_bytes:
            self._break_off("an answer is shorter than it said")
            return
        if self._is_chunking:
            self._send(b"0\r\n\r\n")
        if not self._keeps_alive:
            self._end(lingers=self._stage == "body" or bool(self._unread))
        else:
            self._wait(TAKING_SECONDS)
            self._when_drained(self._await_request)

    def _framed(self, piece: bytes) -> bytes:
        if self._is_chunking:  # an empty chunk would be the body's end
            return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
        if self._owed_bytes is not None:
            self._owed_bytes -= len(piece)
            if self._owed_bytes < 0:
                self._break_off("an answer is longer than it said")
        return piece

    def _break_off(self, fault: str) -> None:
        """End a connection on which the next answer would be taken for a part of this one."""
        logger.error(fault)
        self._stage = "end"
        self.close()

    def _send(self, piece: bytes) -> asyncio.Future[None]:
        if self._stage != "end":
            if self._is_blocked or len(piece) > HANDED_BYTES:
                self._unsent = memoryview(bytes(self._unsent) + piece if self._unsent else piece)
                self._hand_over()
            else:
                self._transport.write(piece)
            return self.drained
        lost: asyncio.Future[None] = self._loop.create_future()
        lost.set_exception(StreamClosedError())
        lost.exception()  # as above
        return lost

    def _hand_over(self) -> None:
        while self._unsent and not self._is_blocked:
            piece, self._unsent = self._unsent[:HANDED_BYTES], self._unsent[HANDED_BYTES:]
            self._transport.write(piece)
        if not self._is_blocked and not self.drained.done():
            self.drained.set_result(None)
