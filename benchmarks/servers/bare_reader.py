"""The handler that does nothing, behind the service's own HTTP: what is left of Tornado here.

Between this and the bare server lies what the service does without (Tornado's connection, stream,
router, tasks and timers); between this and the service, what the service does.
"""

from __future__ import annotations

import asyncio
import sys

from tornado.netutil import bind_sockets

from benchmarks.servers.bare_tornado import NothingHandler
from cardiorisk.http1.listener import Listener
from cardiorisk.web.reader import ReadingApplication, Target, Traffic

MOST_CONNECTIONS = 10_000


class CountedHandler(NothingHandler):
    """Leaves the traffic that the reader has counted it into."""

    def initialize(self, traffic: Traffic) -> None:
        """Take what counts requests."""
        self._traffic = traffic

    def on_finish(self) -> None:
        """Count the request out."""
        self._traffic.leave()


async def main(port: int) -> None:
    """Serve until killed."""
    traffic = Traffic()
    target = Target(CountedHandler, {"traffic": traffic})
    application = ReadingApplication({}, target, traffic)
    listener = Listener(application, MOST_CONNECTIONS)
    listener.listen(bind_sockets(port, "127.0.0.1"))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
