"""The request as Tornado's handlers know it, parsed once where it says the same again."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

if TYPE_CHECKING:
    from cardiorisk.http1.connection import Connection

_MOST_KNOWN = 64
"""Request lines without a query that are remembered, each at most as long as a head."""


class Request(HTTPServerRequest):
    """A request whose headers have come.

    Most have no query, and differ from others in their headers and body alone; of those, Tornado
    checks and takes apart each line and host once.

    Raises:
        HTTPInputError: its host or its query cannot be accepted.
    """

    def __init__(
        self, connection: Connection, start_line: RequestStartLine, headers: HTTPHeaders
    ) -> None:
        if "?" in start_line.path:
            super().__init__(connection=connection, start_line=start_line, headers=headers)
            return
        host = headers["Host"] if "Host" in headers else None  # noqa: SIM401 - faster
        vars(self).update(vars(_without_query(start_line, host)))
        self.headers = headers
        self.connection = connection
        self.remote_ip = connection.context.remote_ip
        self._start_time = time.time()
        self.arguments, self.query_arguments, self.body_arguments = {}, {}, {}
        self.files = {}


@lru_cache(_MOST_KNOWN)
def _without_query(start_line: RequestStartLine, host: str | None) -> HTTPServerRequest:
    headers = HTTPHeaders()
    if host is not None:
        headers["Host"] = host
    return HTTPServerRequest(start_line=start_line, headers=headers)
