"""One connection: requests in, answers out, one after another.

To the socket it speaks HTTP/1.1, to everybody else Tornado's documented interfaces: what is read
goes to an ``HTTPMessageDelegate``, and to a handler this is the ``HTTPConnection``. It must not
know what is asked or answered. It stands in the place of Tornado's own connection and stream, which
cost futures, turns of the loop and changes to the poll for every request (decision 0002).

The surprise: a request that need not wait is answered inside ``data_received``, in the very turn in
which it came.
"""

from __future__ import annotations

import asyncio
import logging
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, cast

from tornado.httputil import HTTPInputError, HTTPMessageDelegate

from cardiorisk.http1.answering import Answering
from cardiorisk.http1.answers import CONTINUE, MALFORMED, TOO_LONG
from cardiorisk.http1.chunks import ChunkDecoder
from cardiorisk.http1.heads import HeadParser

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerConnectionDelegate

    from cardiorisk.http1.listener import Listener

logger = logging.getLogger(__name__)

MOST_HEAD_BYTES = 16 * 1024
_HEAD_END = b"\r\n\r\n"
_OTHER_HEAD_END = re.compile(rb"\n\r?\n")
_NO_METHOD = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z\r]")
_EMPTY_LINES = re.compile(rb"(?:\r\n)*")
_NOBODY = HTTPMessageDelegate()


class _Stage(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    END = auto()


class Context:
    """What Tornado's requests ask their connection for.

    Attributes:
        remote_ip: the caller's address, empty where it has none.
    """

    protocol = "http"

    def __init__(self, remote_ip: str) -> None:
        self.remote_ip = remote_ip


class Connection(Answering, asyncio.Protocol):
    """The server's end of one connection.

    Args:
        delegate: makes what takes a request; that must take it at once, without waiting.
        listener: where the connection came in.
    """

    def __init__(self, delegate: HTTPServerConnectionDelegate, listener: Listener) -> None:
        super().__init__()
        self._delegate = delegate
        self._listener = listener
        self._patience = listener.patience
        self._heads = HeadParser()
        self._stage = _Stage.HEAD
        self._reader = _NOBODY
        self._chunks: ChunkDecoder | None = None
        self._missing_bytes = 0
        self._may_stay = False
        self._unread = b""
        self._is_held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self._listener.admit(self)
        self._transport.set_write_buffer_limits(0)  # what is drained, the system has taken
        address = transport.get_extra_info("peername")
        self.context = Context(address[0] if address else "")
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Read what has come; what comes before its turn waits, and no more of it is taken."""
        received, self._unread = self._unread + data, b""
        if self._stage is _Stage.ANSWER:
            self._unread = received
            self._hold()
        else:
            self._read(received)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell whoever works for the caller, and keep nothing of it."""
        self._listener.forget(self)
        stage, self._stage = self._stage, _Stage.END
        reader, self._reader = self._reader, _NOBODY
        on_loss = self._on_loss
        self._lose()
        self._unread = b""
        if stage is _Stage.BODY:
            reader.on_connection_close()
        elif stage is _Stage.ANSWER and on_loss is not None:
            on_loss()

    def drain(self) -> None:
        """Let the answer that is being worked on, if any, be the last."""
        self._keeps_alive = False

    def _await_request(self) -> None:
        self._stage = _Stage.HEAD
        self._on_loss = None
        self._patience.await_headers(self)
        self._reader = self._delegate.start_request(self, self)
        if self._unread:
            # In its own turn, or a caller who sends many at once would have the loop to itself.
            self._hold()
            self._loop.call_soon(self._read_unread)
        else:
            self._release()

    def _read_unread(self) -> None:
        if self._unread and self._stage is _Stage.HEAD:
            received, self._unread = self._unread, b""
            self._read(received)

    def _read(self, received: bytes) -> None:
        try:
            if self._stage is _Stage.HEAD:
                self._read_head(received)
            elif self._stage is _Stage.BODY:
                self._read_body(received)
        except HTTPInputError:
            self._refuse(MALFORMED)
        except Exception:
            logger.exception("a request could not be begun")
            self._refuse(b"")

    def _read_head(self, received: bytes) -> None:
        if received.startswith(b"\r"):  # empty lines, as RFC 9112 advises in section 2.2
            received = received[cast("re.Match[bytes]", _EMPTY_LINES.match(received)).end() :]
        end = received.find(_HEAD_END)
        if (len(received) if end < 0 else end) > MOST_HEAD_BYTES:
            self._refuse(TOO_LONG)
            return
        if end < 0:
            if _NO_METHOD.match(received) or _OTHER_HEAD_END.search(received):
                raise HTTPInputError("these are no lines of HTTP")  # but TLS, for instance
            self._unread = received
            self._release()
            return
        head = self._heads.parse(received[:end])
        self._stage = _Stage.BODY
        line = head.start_line
        self._begin(line.method, line.version)
        self._may_stay = head.keeps_alive
        self._chunks = ChunkDecoder() if head.body_bytes is None else None
        self._missing_bytes = head.body_bytes or 0
        self._reader.headers_received(line, head.headers)
        if self._stage is _Stage.BODY:
            self._read_body(received[end + len(_HEAD_END) :])
        if self._stage is _Stage.BODY:
            self._release()
            self._patience.await_body(self)
            is_refused = self._on_loss is not None  # a handler before the body's end
            if head.expects_continue and not is_refused:
                self._transport.write(CONTINUE)

    def _read_body(self, received: bytes) -> None:
        rest: bytes | None
        if self._chunks is not None:
            piece, rest = self._chunks.decode(received)
        else:
            piece, rest = received[: self._missing_bytes], received[self._missing_bytes :]
            self._missing_bytes -= len(piece)
            rest = None if self._missing_bytes else rest
        if piece:
            self._reader.data_received(piece)
        if rest is not None and self._stage is _Stage.BODY:
            self._unread = rest
            self._stage = _Stage.ANSWER
            # Only now, since an answer before the body's end is the connection's last.
            self._keeps_alive = self._may_stay and not self._listener.is_draining
            self._patience.forget(self)
            self._reader.finish()

    def _finished(self) -> None:
        if not self._keeps_alive:
            self._end()
        elif self.drained.done():
            self._await_request()
        else:
            self._patience.await_taking(self)
            self.drained.add_done_callback(self._await_request_unless_lost)

    def _await_request_unless_lost(self, drained: asyncio.Future[None]) -> None:
        if drained.exception() is None and self._stage is not _Stage.END:
            self._patience.forget(self)
            self._await_request()

    def _refuse(self, answer: bytes) -> None:
        """End a connection whose request cannot be taken."""
        if self._stage in {_Stage.BODY, _Stage.ANSWER}:
            self._reader.on_connection_close()
        if self._stage is not _Stage.END:
            self._transport.write(answer)
            self._end()

    def _end(self) -> None:
        """Take nothing more; what is on its way to the caller still gets there."""
        self._stage = _Stage.END
        self._is_over = True
        self._patience.await_taking(self)
        self._transport.close()

    def _hold(self) -> None:
        """Leave in the system what the caller sends ahead."""
        if not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._transport.resume_reading()
