"""One connection: requests in, answers out, one after another.

To the socket it speaks HTTP/1.1, to everybody else Tornado's documented interfaces: what is read
goes to an ``HTTPMessageDelegate``, and to a handler this is the ``HTTPConnection``. It stands in
the place of Tornado's own connection and stream, which cost futures, turns of the loop and changes
to the poll for every request (decision 0002). It knows nothing of what is asked or answered. A
request that need not wait is answered inside ``data_received``, in the turn in which it came.

An answer that comes before its request's end is followed by a lingering close: a socket that is
closed with unread bytes resets the connection, and takes the answer from a caller who is still
sending. So we stop sending, and read on and drop for a while. Source: RFC 9112, section 9.6.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal, cast, get_args

from tornado.httputil import HTTPConnection, HTTPInputError, HTTPMessageDelegate
from tornado.iostream import StreamClosedError

from cardiorisk.http1.parsing import ChunkReader, TinyChunks, read_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.httputil import (
        HTTPHeaders,
        HTTPServerConnectionDelegate,
        RequestStartLine,
        ResponseStartLine,
    )

logger = logging.getLogger(__name__)

QUIET_SECONDS = 75.0
"""From a connection's start, or the answer before, to the end of the next request's headers."""
BODY_SECONDS = 20.0
"""From the end of the headers to the end of the body."""
TAKING_SECONDS = 300.0
"""From the end of an answer to the caller's having taken enough of it."""
LINGER_SECONDS = 30.0
"""From an answer before its request's end to the caller's hanging up."""
MOST_DROPPED_BYTES = 64 * 1024 * 1024
"""Of what a caller still sends after that."""
MOST_LINGERING = 256
"""Connections that may do so at a time; further ones are closed at once."""
MOST_HEAD_BYTES = 16 * 1024
MOST_HEAD_LINES = 128
"""Each is work: a head of thousands of short ones would cost as much as thirty requests."""
HANDED_BYTES = 64 * 1024
"""Of an answer, what the transport is given at a time; it copies what the system does not take."""

Reason = Literal[
    "malformed", "long_head", "tiny_chunks", "slow_head", "slow_body", "slow_reader", "hung_up",
    "turned_away", "failed",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why connections end that no handler has answered, or whose answer nobody took."""

_HEAD_END = b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")
_NO_HEAD = re.compile(rb"\A[^!#$%&'*+\-.^_`|~0-9A-Za-z\r]|\n\r?\n")
"""What no head begins with, TLS for instance, and other ends of heads than ours."""
_WITHOUT_BODY = frozenset({204, 304})
_LAST_CHUNK = b"0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REFUSAL = (
    b"HTTP/1.1 %b\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b\n"
)
_MALFORMED = b"400 Bad Request"
_TIMED_OUT = b"408 Request Timeout"
_TOO_LONG = b"431 Request Header Fields Too Large"
_FULL = b"503 Service Unavailable\r\nRetry-After: 1"
_FULL_DETAIL = "the service has as many connections as it can hold; try again in a second"
NO_ROOM = _REFUSAL % (_FULL, len(_FULL_DETAIL) + 1, _FULL_DETAIL.encode())
_NOBODY = HTTPMessageDelegate()


class RequestDelegate(HTTPMessageDelegate):
    """Takes a request, and is told where its body does not come."""

    def body_is_late(self) -> None:
        """Answer a request whose body has not come in time, in a while at most."""
        raise NotImplementedError


class _Stage(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()


@dataclass(slots=True)
class Connections:
    """What the connections of a listener have in common.

    Attributes:
        clock: seconds from a monotonic clock.
        refusals: how many ended for which reason.
        living: those that have been made and not ended; they see to it themselves.
        lingering: likewise, those that are read only to be dropped.
        is_draining: whether the next answer of each is its last.
    """

    clock: Callable[[], float]
    refusals: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    living: set[Connection] = field(default_factory=set)
    lingering: set[Connection] = field(default_factory=set)
    is_draining: bool = False


class Connection(HTTPConnection, asyncio.Protocol):
    """The server's end of one connection.

    Args:
        delegate: makes what takes a request; that must take it at once, without waiting.
        siblings: those of its listener, of which this becomes one.

    Attributes:
        context: what Tornado's requests ask their connection for.
        due_seconds: when the listener shall close it, on the clock of them all.
        drained: done while the system has taken all that was sent; fails with
            ``StreamClosedError`` where the caller has gone.
    """

    def __init__(self, delegate: HTTPServerConnectionDelegate, siblings: Connections) -> None:
        self._delegate = delegate
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._stage = _Stage.HEAD
        self.due_seconds = math.inf
        # What comes in.
        self._unread = b""
        self._reader = _NOBODY
        self._chunks: ChunkReader | None = None
        self._missing_bytes = 0
        self._dropped_bytes = 0
        self._may_stay = False
        # What goes out.
        self._method, self._version = "", ""
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
        """Read what has come; what comes before its turn waits, and no more of it is taken."""
        self._unread += data
        if self._stage is _Stage.ANSWER:
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
        """Tell whoever works for the caller, and keep nothing of it."""
        self._siblings.living.discard(self)
        self._siblings.lingering.discard(self)
        if self._stage is _Stage.BODY or (self._stage is _Stage.HEAD and self._unread):
            self._siblings.refusals["hung_up"] += 1
        stage, self._stage = self._stage, _Stage.END
        reader, self._reader = self._reader, _NOBODY
        on_loss, self._on_loss = self._on_loss, None
        self._unread, self._unsent = b"", memoryview(b"")
        if not self.drained.done():
            self.drained.set_exception(StreamClosedError())
            self.drained.exception()  # or asyncio would report it where nobody waits
        if stage is _Stage.BODY:
            reader.on_connection_close()
        elif stage is _Stage.ANSWER and on_loss is not None:
            on_loss()

    # What the listener calls.

    def drain(self) -> None:
        """Let the answer that is being worked on, if any, be the last."""
        self._keeps_alive = False

    def time_out(self) -> None:
        """End the connection, as its time is over."""
        if self._stage is _Stage.HEAD and self._unread:
            self._refuse("slow_head", _TIMED_OUT, "the request's headers have not come in time")
        elif self._stage is _Stage.BODY:
            is_answered = self._on_loss is not None  # a handler is at work already
            if is_answered or not isinstance(self._reader, RequestDelegate):
                self._refuse("slow_body", _TIMED_OUT, "the request's body has not come in time")
            else:
                self._siblings.refusals["slow_body"] += 1
                self._wait(TAKING_SECONDS)
                self._reader.body_is_late()
        else:
            if not self.drained.done():
                self._siblings.refusals["slow_reader"] += 1
            self.close()

    def turn_away(self) -> None:
        """Refuse whatever the caller will ask, as there is no room for it."""
        self._refuse("turned_away", _FULL, _FULL_DETAIL)

    def close(self) -> None:
        """End the connection at once, whatever is on its way."""
        self._transport.abort()

    # Requests.

    def _await_request(self) -> None:
        self._stage = _Stage.HEAD
        self._reader = _NOBODY
        self._on_loss = None
        self._has_begun = self._is_chunking = self._keeps_alive = False
        self._owed_bytes = None
        self._wait(QUIET_SECONDS)
        self._read_on()

    def _read(self) -> None:
        try:
            if self._stage is _Stage.HEAD:
                self._read_head()
            elif self._stage is _Stage.BODY:
                self._read_body()
            elif self._stage is _Stage.END:
                self._drop()
        except TinyChunks as error:
            self._refuse("tiny_chunks", _MALFORMED, str(error))
        except HTTPInputError as error:
            self._refuse("malformed", _MALFORMED, str(error))
        except Exception:
            logger.exception("a request could not be begun")
            self._refuse("failed")

    def _read_head(self) -> None:
        received = self._unread
        if received.startswith(b"\r"):  # empty lines, as RFC 9112 advises in section 2.2
            received = self._unread = _EMPTY_LINES.sub(b"", received)
        end = received.find(_HEAD_END)
        is_long = (len(received) if end < 0 else end) > MOST_HEAD_BYTES
        if is_long or received.count(b"\n", 0, end) > MOST_HEAD_LINES:
            most = f"{MOST_HEAD_BYTES // 1024} KiB and {MOST_HEAD_LINES} lines"
            self._refuse("long_head", _TOO_LONG, f"the request's headers may have {most}")
            return
        if end < 0:
            if _NO_HEAD.search(received):
                raise HTTPInputError("these are no lines of HTTP")
            self._transport.resume_reading()
            return
        end += len(_HEAD_END)
        head = read_head(received[:end])
        self._unread = received[end:]
        self._stage = _Stage.BODY
        self._method, _, self._version = head.start_line
        self._may_stay = head.keeps_alive
        self._chunks = ChunkReader() if head.body_bytes is None else None
        self._missing_bytes = head.body_bytes or 0
        self._reader = self._delegate.start_request(self, self)
        self._reader.headers_received(head.start_line, head.headers)
        if self._stage is _Stage.BODY:
            self._read_body()
        if self._stage is _Stage.BODY:
            self._wait(BODY_SECONDS)
            is_refused = self._on_loss is not None  # a handler before the body's end
            if head.expects_continue and not is_refused:
                self._transport.write(_CONTINUE)

    def _read_body(self) -> None:
        if self._chunks is not None:
            piece, self._unread = self._chunks.read(self._unread)
            is_whole = self._chunks.is_whole
        else:
            piece, self._unread = (
                self._unread[: self._missing_bytes],
                self._unread[self._missing_bytes :],
            )
            self._missing_bytes -= len(piece)
            is_whole = not self._missing_bytes
        if piece:
            self._reader.data_received(piece)
        if self._stage is not _Stage.BODY:
            return
        if is_whole:
            self._stage = _Stage.ANSWER
            self.due_seconds = math.inf
            # Only now, since an answer before the body's end is the connection's last.
            self._keeps_alive = self._may_stay and not self._siblings.is_draining
            self._reader.finish()
        else:
            self._read_on()

    def _read_on(self) -> None:
        """Go on with what has come, in a turn of its own, or take more where that is all read.

        A caller who sends much at once would have the loop to itself.
        """
        if self._unread:
            self._transport.pause_reading()
            self._loop.call_soon(self._read)
        else:
            self._transport.resume_reading()

    def _refuse(self, reason: Reason, status: bytes = b"", said: str = "") -> None:
        """End a connection whose request cannot be taken, with an answer where ``status`` is."""
        if self._stage in {_Stage.BODY, _Stage.ANSWER}:
            self._reader.on_connection_close()
        if self._stage is not _Stage.END:
            self._siblings.refusals[reason] += 1
            if status and not self._has_begun:
                body = said.encode()
                self._transport.write(_REFUSAL % (status, len(body) + 1, body))
            self._end(lingers=bool(status))

    def _wait(self, seconds: float) -> None:
        self.due_seconds = self._siblings.clock() + seconds

    def _end(self, *, lingers: bool = False) -> None:
        """Take no more requests; what is on its way to the caller still gets there."""
        self._stage = _Stage.END
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

    def _when_drained(self, act: Callable[[], None]) -> None:
        if self.drained.done():
            act()
        else:
            self.drained.add_done_callback(lambda _: act())

    def _drop(self) -> None:
        """Read and forget what a caller sends who has had its answer."""
        self._dropped_bytes += len(self._unread)
        self._unread = b""
        if self._dropped_bytes > MOST_DROPPED_BYTES:
            self.close()

    # Answers: what a handler calls.

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
            ``drained``.

        Raises:
            ValueError: a header holds the end of a line.
        """
        _, status, reason = cast("ResponseStartLine", start_line)
        lines = [f"HTTP/1.1 {status} {reason}"]
        for name, value in headers.get_all():
            lines.append(f"{name}: {value}")
            if name == "Content-Length":
                self._owed_bytes = int(value)
        if status in _WITHOUT_BODY or self._method == "HEAD":
            self._owed_bytes = 0
        elif self._owed_bytes is None and self._version == "HTTP/1.1":
            self._is_chunking = True
            lines.append("Transfer-Encoding: chunked")
        elif self._owed_bytes is None:
            self._keeps_alive = False  # the body's end is the connection's
        if not self._keeps_alive:
            lines.append("Connection: close")
        elif self._version == "HTTP/1.0":
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
        """Send more of the body, and return ``drained``."""
        return self._send(self._framed(chunk))

    def finish(self) -> None:
        """End the answer.

        One that does not hold together ends the connection and is reported, but nothing is raised:
        the handler has to come to its end, where its request is counted out.
        """
        if self._stage is _Stage.END:
            return
        if not self._has_begun or self._owed_bytes:
            self._break_off("an answer is shorter than it said")
            return
        if self._is_chunking:
            self._send(_LAST_CHUNK)
        if not self._keeps_alive:
            self._end(lingers=self._stage is _Stage.BODY or bool(self._unread))
        elif self.drained.done():
            self._await_request()
        else:
            self._wait(TAKING_SECONDS)
            self.drained.add_done_callback(self._await_request_unless_lost)

    def _await_request_unless_lost(self, drained: asyncio.Future[None]) -> None:
        if drained.exception() is None and self._stage is not _Stage.END:
            self._await_request()

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
        self._stage = _Stage.END
        self.close()

    def _send(self, piece: bytes) -> asyncio.Future[None]:
        if self._stage is not _Stage.END:
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
        """Give the transport more of what is not sent, as long as the system takes it."""
        while self._unsent and not self._is_blocked:
            piece, self._unsent = self._unsent[:HANDED_BYTES], self._unsent[HANDED_BYTES:]
            self._transport.write(piece)
        if not self._is_blocked and not self.drained.done():
            self.drained.set_result(None)
