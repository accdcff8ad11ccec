"""The handlers' side of a connection: Tornado's ``HTTPConnection``, one answer after another.

It frames what it is given, counts its bytes against the length that was promised, and tells when
the system has taken them. It must not know what comes in. The surprise: an answer that does not
hold together ends the connection and is reported, but nothing is raised, since the handler has to
come to its end, where its request is counted out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from tornado.httputil import HTTPConnection
from tornado.iostream import StreamClosedError

from cardiorisk.http1.answers import LAST_CHUNK, write_chunk, write_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine

logger = logging.getLogger(__name__)

_WITHOUT_BODY = frozenset({204, 304})


class Answering(HTTPConnection):
    """What a connection needs to answer; whoever takes its requests says when one begins.

    Attributes:
        drained: done while the system has taken all that was sent; fails with
            ``StreamClosedError`` where the caller has gone.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_loss: Callable[[], None] | None = None
        self._is_over = False
        self._has_begun = False
        self._is_chunking = False
        self._keeps_alive = False
        self._owed_bytes: int | None = None
        self._method, self._version = "", ""
        self.drained = self._loop.create_future()
        self.drained.set_result(None)

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
        if status in _WITHOUT_BODY or self._method == "HEAD":
            self._owed_bytes = 0
        elif "Content-Length" in headers:
            self._owed_bytes = int(headers["Content-Length"])
        elif self._version == "HTTP/1.1":
            self._is_chunking = True
            headers["Transfer-Encoding"] = "chunked"
        else:
            self._keeps_alive = False  # the body's end is the connection's
        if not self._keeps_alive:
            headers["Connection"] = "close"
        elif self._version == "HTTP/1.0":
            headers["Connection"] = "keep-alive"
        head = write_head(status, reason, headers)
        self._has_begun = True
        return self._send(head + self._framed(chunk or b""))

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Send more of the body, and return ``drained``."""
        return self._send(self._framed(chunk))

    def finish(self) -> None:
        """End the answer."""
        if self._is_over:
            return
        if not self._has_begun or self._owed_bytes:
            self._break_off("an answer is shorter than it said")
            return
        if self._is_chunking:
            self._transport.write(LAST_CHUNK)
        self._finished()

    def pause_writing(self) -> None:
        """Hear that the caller takes its answers slower than they come."""
        self.drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Hear that it has caught up."""
        if not self.drained.done():
            self.drained.set_result(None)

    def close(self) -> None:
        """End the connection at once, whatever is on its way."""
        self._transport.abort()

    def _begin(self, method: str, version: str) -> None:
        """Get ready to answer a request, the last one unless somebody says otherwise."""
        self._method, self._version = method, version
        self._has_begun = self._is_chunking = self._keeps_alive = False
        self._owed_bytes = None

    def _finished(self) -> None:
        """Go on after an answer; whoever takes the requests knows how."""
        raise NotImplementedError

    def _lose(self) -> None:
        """Tell whoever waits for the caller to take its answer that it has gone."""
        self._is_over = True
        self._on_loss = None
        if not self.drained.done():
            self.drained.set_exception(StreamClosedError())
            self.drained.exception()  # or asyncio would report it where nobody waits

    def _framed(self, piece: bytes) -> bytes:
        if self._is_chunking:
            return write_chunk(piece)
        if self._owed_bytes is not None:
            self._owed_bytes -= len(piece)
            if self._owed_bytes < 0:
                self._break_off("an answer is longer than it said")
        return piece

    def _break_off(self, fault: str) -> None:
        """End a connection on which the next answer would be taken for a part of this one."""
        logger.error(fault)
        self._is_over = True
        self.close()

    def _send(self, piece: bytes) -> asyncio.Future[None]:
        if not self._is_over:
            self._transport.write(piece)
            return self.drained
        lost: asyncio.Future[None] = self._loop.create_future()
        lost.set_exception(StreamClosedError())
        lost.exception()  # as above
        return lost
