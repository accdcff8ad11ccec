"""Reading a request: whose it is, a body of bounded size, and the handler's start.

Tornado's own bound on bodies closes the connection with a bare 400 that no handler and no log ever
sees; here a large body gets a 413 like any other answer, and no memory. The surprise: this stands
for three of Tornado's objects (its router's, its application's and a bound around both), because
each of them would take part in every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tornado.httputil import HTTPMessageDelegate

from cardiorisk.web.eager import run_eagerly
from cardiorisk.web.request import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine
    from tornado.web import Application, RequestHandler

    from cardiorisk.http1.connection import Connection
    from cardiorisk.web.services import Traffic

BODY_LIMIT_BYTES = 64 * 1024
_DRAINED_BYTES = 1024 * 1024
_OVER_THE_LIMIT = b" " * (BODY_LIMIT_BYTES + 1)


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers a path.

    Attributes:
        handler: the class of the handler.
        options: what its ``initialize`` is told.
        arguments: the parts of the path that vary.
    """

    handler: type[RequestHandler]
    options: dict[str, Any]
    arguments: tuple[bytes, ...] = ()


class RequestReader(HTTPMessageDelegate):
    """Hand a request over with at most one byte more than the limit, which marks it as too large.

    A body of up to 1 MiB is read to its end, so that a caller who sends before reading gets the
    413 on a connection that lives on. A longer one is answered at once and cut off.

    Args:
        application: what the handler belongs to.
        find_target: tells by the path who answers.
        connection: what the request comes by.
        traffic: counts the request in; its handler, once there is one, counts it out.
    """

    def __init__(
        self,
        application: Application,
        find_target: Callable[[str], Target],
        connection: Connection,
        traffic: Traffic,
    ) -> None:
        self._application = application
        self._find_target = find_target
        self._connection = connection
        self._traffic = traffic
        self._body = bytearray()
        self._received_bytes = 0
        self._handler: RequestHandler | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Take the headers, and refuse a body that announces itself as very long."""
        self._traffic.enter()
        # A body is JSON whatever its label, and `curl -d` labels it a form: without the label,
        # Tornado leaves it unparsed.
        if "Content-Type" in headers:
            del headers["Content-Type"]
        line = cast("RequestStartLine", start_line)  # a server is sent requests only
        self._request = Request(self._connection, line, headers)
        announced = headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > _DRAINED_BYTES:
            self._refuse_as_too_large()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep what fits and count the rest."""
        if self._handler is not None:
            return None
        room = BODY_LIMIT_BYTES + 1 - len(self._body)
        self._received_bytes += len(chunk)
        if self._received_bytes > _DRAINED_BYTES:
            self._refuse_as_too_large()
        elif room > 0:
            self._body += chunk[:room]
        return None

    def finish(self) -> None:
        """Let the request be answered, unless that has been done."""
        if self._handler is None:
            self._start(bytes(self._body))

    def on_connection_close(self) -> None:
        """Hear of the loss of the connection."""
        if self._handler is None:
            self._traffic.leave()
        else:
            self._handler.on_connection_close()

    def _refuse_as_too_large(self) -> None:
        self._body.clear()
        self._start(_OVER_THE_LIMIT)

    def _start(self, body: bytes) -> None:
        request = self._request
        request.body = body
        target = self._find_target(request.path)
        self._handler = target.handler(self._application, request, **target.options)
        # What Tornado's own delegate calls; it handles every failure by itself.
        run_eagerly(self._handler._execute([], *target.arguments))  # noqa: SLF001
