"""Reading a request: counted in, its handler found, its body bounded, its handler begun."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from cardiorisk.http1.connection import BODY_SECONDS, RequestDelegate
from cardiorisk.web.proxies import TrustedProxies
from cardiorisk.web.services import Traffic
from cardiorisk.web.tornado_inside import BODY_LIMIT_BYTES, LeanHandler, run_handler

_DRAINED_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    handler: type[LeanHandler]
    options: dict[str, Any]  # of its ``initialize``
    arguments: tuple[bytes, ...] = ()


class ReadingApplication(Application):
    """Tornado's application, which finds handlers by path templates, and reads requests quicker."""

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
        if (target := self._fixed.get(path)) is not None:
            return target
        for pattern, varying in self._varying:
            if found := pattern.fullmatch(path):
                arguments = tuple(url_unescape(part, None, plus=False) for part in found.groups())
                return replace(varying, arguments=arguments)
        return self._nowhere


def path_pattern(template: str) -> str:
    return "([^/]+)".join(map(re.escape, re.split(r"\{[a-z_]+\}", template)))


class RequestReader(RequestDelegate):
    """Hands a request over; a body of up to 1 MiB, too large or not, is read to its end.

    So a caller who sends before reading gets the 413. A longer one is answered at once and cut off.
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
        self._application.traffic.open_requests += 1
        # A body is JSON whatever its label, and `curl -d` labels it a form: without the label,
        # Tornado leaves it unparsed.
        if "Content-Type" in headers:
            del headers["Content-Type"]
        line = cast("RequestStartLine", start_line)  # a server is sent requests only
        self._request = request = HTTPServerRequest(
            connection=self._connection, start_line=line, headers=headers
        )
        self._target = self._application.find_target(request.path)
        if (proxies := self._application.proxies) is not None:
            peer = request.remote_ip or ""
            request.remote_ip, request.protocol = proxies.sender(peer, headers)
        self._is_coded = (
            "Content-Encoding" in headers and headers["Content-Encoding"].lower() != "identity"
        )
        announced = headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > _DRAINED_BYTES:
            self._refuse(self._too_large())

    def data_received(self, chunk: bytes) -> None:
        if self._handler is not None:
            return
        room = self._target.handler.body_limit_bytes + 1 - len(self._body)
        self._received_bytes += len(chunk)
        if self._received_bytes > _DRAINED_BYTES:
            self._refuse(self._too_large())
        elif room > 0:
            self._body += chunk[:room]
            large_bytes = len(self._body) - BODY_LIMIT_BYTES - 1
            traffic = self._application.traffic
            if large_bytes > 0 and not traffic.hold(self._connection, large_bytes):
                said = "too many large bodies are under way; try again in a moment"
                self._refuse(Overloaded(said))

    def finish(self) -> None:
        if self._handler is not None:
            return
        fault: ServiceError | None = None
        if self._is_coded and self._body:
            fault = UnsupportedCoding("send the body as it is, without Content-Encoding")
        elif len(self._body) > self._target.handler.body_limit_bytes:
            fault = self._too_large()
        self._start(bytes(self._body), fault)

    def body_is_late(self) -> None:
        said = f"the body has not come within {BODY_SECONDS:.0f} s; send it again"
        self._refuse(BodyTimeout(said))

    def on_connection_close(self) -> None:
        if self._handler is None:
            self._application.traffic.let_go(self._connection)
            self._application.traffic.open_requests -= 1
        else:
            self._handler.on_connection_close()

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"a body may hold {self._target.handler.body_limit_bytes // 1024} KiB")

    def _refuse(self, fault: ServiceError) -> None:
        self._body.clear()
        self._application.traffic.let_go(self._connection)
        self._start(b"", fault)

    def _start(self, body: bytes, fault: ServiceError | None) -> None:
        request, target = self._request, self._target
        request.body = body
        self._handler = target.handler(self._application, request, **target.options)
        self._handler.body_fault = fault
        run_handler(self._handler, target.arguments)
