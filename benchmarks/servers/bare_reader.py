"""The handler that does nothing, behind the service's own HTTP: what is left of Tornado here.

Between this and the bare server lies what the service does without (Tornado's connection, stream,
router, tasks and timers); between this and the service, what the service does.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, cast

from tornado.netutil import bind_sockets
from tornado.web import Application

from benchmarks.servers.bare_tornado import NothingHandler
from cardiorisk.http1.listener import Listener
from cardiorisk.web.reader import RequestReader, Target
from cardiorisk.web.services import Traffic

if TYPE_CHECKING:
    from tornado.httputil import HTTPConnection, HTTPMessageDelegate

    from cardiorisk.http1.connection import Connection

MOST_CONNECTIONS = 10_000


class CountedHandler(NothingHandler):
    """Leaves the traffic that the reader has counted it into."""

    def initialize(self, traffic: Traffic) -> None:
        """Take what counts requests."""
        self._traffic = traffic

    def on_finish(self) -> None:
        """Count the request out."""
        self._traffic.leave()


class ReadApplication(Application):
    """Reads requests as the service does; every path is the same handler's."""

    def __init__(self) -> None:
        super().__init__(log_function=lambda _: None)
        self._traffic = Traffic()
        self._target = Target(CountedHandler, {"traffic": self._traffic})

    def start_request(
        self, _server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Make what reads one request."""
        connection = cast("Connection", request_conn)
        return RequestReader(self, self._find_target, connection, self._traffic)

    def _find_target(self, _path: str) -> Target:
        return self._target


async def main(port: int) -> None:
    """Serve until killed."""
    application = ReadApplication()
    listener = Listener(application, MOST_CONNECTIONS)
    listener.listen(bind_sockets(port, "127.0.0.1"))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
