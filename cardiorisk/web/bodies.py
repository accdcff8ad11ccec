"""Bounded request bodies: a large one gets a 413 like any other answer, and no memory.

Tornado's own bound closes the connection with a bare 400 that no handler and no log ever sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado.httputil import HTTPMessageDelegate

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine
    from tornado.iostream import BaseIOStream

    from cardiorisk.web.patience import Patience
    from cardiorisk.web.services import Traffic

BODY_LIMIT_BYTES = 64 * 1024
_DRAINED_BYTES = 1024 * 1024
_OVER_THE_LIMIT = b" " * (BODY_LIMIT_BYTES + 1)


class BoundedBody(HTTPMessageDelegate):
    """Pass a request on with at most one byte more than the limit, which marks it as too large.

    A body of up to 1 MiB is read to its end, so that a caller who sends before reading gets the
    413 on a connection that lives on. A longer one is answered at once and cut off.

    Args:
        handler: what would receive the whole request.
        stream: the connection that the request comes by.
        traffic: counts the request in; its handler, once there is one, counts it out.
        patience: bounds the time that the request may take to arrive.
    """

    def __init__(
        self,
        handler: HTTPMessageDelegate,
        stream: BaseIOStream,
        traffic: Traffic,
        patience: Patience,
    ) -> None:
        self._handler = handler
        self._stream = stream
        self._traffic = traffic
        self._patience = patience
        patience.await_headers(stream)
        self._received_bytes = 0
        self._is_passed_on = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Pass the headers on, and refuse a body that announces itself as very long."""
        self._traffic.enter()
        self._patience.await_body(self._stream)
        waiting = self._handler.headers_received(start_line, headers)
        announced = headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > _DRAINED_BYTES:
            self._pass_on_as_too_large()
        return waiting

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass on what fits and count the rest."""
        if self._is_passed_on:
            return None
        room = BODY_LIMIT_BYTES + 1 - self._received_bytes
        self._received_bytes += len(chunk)
        if self._received_bytes > _DRAINED_BYTES:
            self._pass_on_as_too_large()
            return None
        return self._handler.data_received(chunk[:room]) if room > 0 else None

    def finish(self) -> None:
        """Pass the request on, unless that has been done."""
        if not self._is_passed_on:
            self._is_passed_on = True
            self._patience.forget(self._stream)
            self._handler.finish()

    def on_connection_close(self) -> None:
        """Pass the loss of the connection on."""
        self._patience.forget(self._stream)
        if not self._is_passed_on:
            self._traffic.leave()
        self._handler.on_connection_close()

    def _pass_on_as_too_large(self) -> None:
        self._handler.data_received(_OVER_THE_LIMIT)
        self.finish()
