"""A Tornado handler that does nothing, on Tornado's own HTTP server or on cardiorisk's.

It reads the same body and gives an answer of the same size as the service. The first is the
yardstick of the comparison; the second shows what the HTTP of this project saves or costs.
"""

from __future__ import annotations

import asyncio
import sys

from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from cardiorisk.http1.listener import Listener

ANSWER = b'{"riesgo_cardiaco": false, "probabilidad": 0.000001, "umbral": 0.5}'.ljust(300) + b"\n"
MOST_CONNECTIONS = 10_000


class NothingHandler(RequestHandler):
    """Answers the same thing to everybody."""

    def post(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(ANSWER)


async def main(server: str, port: int) -> None:
    """Serve until killed."""
    application = Application([("/service", NothingHandler)], log_function=lambda _: None)
    if server == "tornado":
        application.listen(port, "127.0.0.1")
    else:
        Listener(application, MOST_CONNECTIONS).listen(bind_sockets(port, "127.0.0.1"))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
