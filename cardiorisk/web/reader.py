"""Reading a request: counted in, its handler found, its body bounded, its handler begun.

Tornado's own bound on bodies closes the connection with a bare 400 that no handler and no log ever
sees; here a large body gets a 413 like any other answer, and no memory. ``RequestReader`` stands
for three objects of Tornado's that would take part in every request, and ``ReadingApplication``
looks most paths up where Tornado tries every route.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from tornado.escape import url_unescape
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application

from cardiorisk.errors import BodyTimeout, BodyTooLarge, Overloaded, ServiceError, UnsupportedCoding
from cardiorisk.http1.connection import BODY_SECONDS, REASONS, RequestDelegate
from cardiorisk.web.proxies import TrustedProxies
from cardiorisk.web.tornado_inside import BODY_LIMIT_BYTES, LeanHandler, run_handler

_DRAINED_BYTES = 1024 * 1024
MOST_HELD_BYTES = 64 * 1024 * 1024
"""Of large bodies, what is beyond the common limit, over all requests under way."""


class Traffic:
    """The requests whose headers have come in and that are not answered yet.

    Attributes:
        refusals: those, by the reason, that ended before they reached a handler.
        batch_turn: for whoever reads a batch: together they would keep everybody waiting.
    """

    def __init__(self) -> None:
        self.open_requests = 0
        self.refusals = dict.fromkeys(REASONS, 0)
        self._idle = asyncio.Event()
        self._idle.set()
        self._held_bytes: dict[object, int] = {}
        self.batch_turn = asyncio.Lock()

    def enter(self) -> None:
        self.open_requests += 1
        self._idle.clear()

    def leave(self) -> None:
        self.open_requests -= 1
        if self.open_requests == 0:
            self._idle.set()

    async def wait_until_idle(self, deadline_seconds: float) -> None:
        """Wait until nothing is in flight, or until the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                # Whoever waits is woken a turn later, and a new request may be in by then.
                while self.open_requests:
                    await self._idle.wait()

    def hold(self, connection: object, large_bytes: int) -> bool:
        """Make room for so much of a body beyond the common limit, where there is any."""
        others = sum(held for other, held in self._held_bytes.items() if other is not connection)
        if others + large_bytes > MOST_HELD_BYTES:
            return False
        self._held_bytes[connection] = large_bytes
        return True

    def let_go(self, connection: object) -> None:
        self._held_bytes.pop(connection, None)


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers a path.

    Attributes:
        handler: the class of the handler.
        options: what its ``initialize`` is told.
        arguments: the parts of the path that vary.
    """

    handler: type[LeanHandler]
    options: dict[str, Any]
    arguments: tuple[bytes, ...] = ()


class ReadingApplication(Application):
    """Tornado's application, which finds handlers and reads requests in a quicker way.

    Args:
        targets: who answers, by the template of the path; see ``path_pattern``.
        nowhere: who answers any other path.
        traffic: counts requests in; their handlers count them out.
        proxies: those that are believed, None where none is.
        settings: Tornado's.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        nowhere: Target,
        traffic: Traffic,
        proxies: TrustedProxies | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.traffic = traffic
        self.proxies = proxies
        self._fixed = {path: target for path, target in targets.items() if "{" not in path}
        self._varying = [
            (re.compile(path_pattern(path)), target)
            for path, target in targets.items()
            if "{" in path
        ]
        self._nowhere = nowhere

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> RequestReader:  # noqa: ARG002 - Tornado's signature
        return RequestReader(self, request_conn)

    def find_target(self, path: str) -> Target:
        """Return who answers a path."""
        if (target := self._fixed.get(path)) is not None:
            return target
        for pattern, varying in self._varying:
            if found := pattern.fullmatch(path):
                arguments = tuple(url_unescape(part, None, plus=False) for part in found.groups())
                return replace(varying, arguments=arguments)
        return self._nowhere


def path_pattern(template: str) -> str:
    """Return the regular expression of a path that varies where a name stands in braces."""
    return "([^/]+)".join(map(re.escape, re.split(r"\{[a-z_]+\}", template)))


class RequestReader(RequestDelegate):
    """Hand a request over with at most one byte more than the limit, which marks it as too large.

    A body of up to 1 MiB is read to its end, so that a caller who sends before reading gets the
    413 on a connection that lives on. A longer one is answered at once and cut off.
    """

    def __init__(self, application: ReadingApplication, connection: HTTPConnection) -> None:
        self._application = application
        self._connection = connection
        self._body = bytearray()
        self._received_bytes = 0
        self._handler: LeanHandler | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Take the headers, and refuse a body that announces itself as very long."""
        self._application.traffic.enter()
        # A body is JSON whatever its label, and `curl -d` labels it a form: without the label,
        # Tornado leaves it unparsed.
        if "Content-Type" in headers:
            del headers["Content-Type"]
        line = cast("RequestStartLine", start_line)  # a server is sent requests only
        self._request = HTTPServerRequest(
            connection=self._connection, start_line=line, headers=headers
        )
        self._target = self._application.find_target(self._request.path)
        if (proxies := self._application.proxies) is not None:
            request = self._request
            peer = request.remote_ip or ""
            request.remote_ip, request.protocol = proxies.sender(peer, headers)
        self._is_coded = (
            "Content-Encoding" in headers and headers["Content-Encoding"].lower() != "identity"
        )
        announced = headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > _DRAINED_BYTES:
            self._refuse(self._too_large())

    def data_received(self, chunk: bytes) -> None:
        """Keep what fits and count the rest."""
        if self._handler is not None:
            return
        room = self._target.handler.body_limit_bytes + 1 - len(self._body)
        self._received_bytes += len(chunk)
        if self._received_bytes > _DRAINED_BYTES:
            self._refuse(self._too_large())
        elif room > 0:
            self._body += chunk[:room]
            large_bytes = len(self._body) - BODY_LIMIT_BYTES - 1
            if large_bytes > 0 and not self._application.traffic.hold(
                self._connection, large_bytes
            ):
                self._refuse(
                    Overloaded("too many large bodies are under way; try again in a moment")
                )

    def finish(self) -> None:
        """Let the request be answered, unless that has been done."""
        if self._handler is not None:
            return
        fault: ServiceError | None = None
        if self._is_coded and self._body:
            fault = UnsupportedCoding("send the body as it is, without Content-Encoding")
        elif len(self._body) > self._target.handler.body_limit_bytes:
            fault = self._too_large()
        self._start(bytes(self._body), fault)

    def body_is_late(self) -> None:
        self._refuse(
            BodyTimeout(f"the body has not come within {BODY_SECONDS:.0f} s; send it again")
        )

    def on_connection_close(self) -> None:
        if self._handler is None:
            self._application.traffic.let_go(self._connection)
            self._application.traffic.leave()
        else:
            self._handler.on_connection_close()

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"a body may hold {self._target.handler.body_limit_bytes // 1024} KiB")

    def _refuse(self, fault: ServiceError) -> None:
        self._body.clear()
        self._application.traffic.let_go(self._connection)
        self._start(b"", fault)

    def _start(self, body: bytes, fault: ServiceError | None) -> None:
        request = self._request
        request.body = body
        target = self._target
        self._handler = target.handler(self._application, request, **target.options)
        self._handler.body_fault = fault
        run_handler(self._handler, target.arguments)
