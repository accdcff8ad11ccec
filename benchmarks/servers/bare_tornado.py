"""A Tornado server that does nothing: the yardstick of the comparison.

It reads the same body and gives an answer of the same size as the service, and no more.
"""

from __future__ import annotations

import asyncio
import sys

from tornado.web import Application, RequestHandler

ANSWER = b'{"riesgo_cardiaco": false, "probabilidad": 0.000001, "umbral": 0.5}'.ljust(300) + b"\n"


class NothingHandler(RequestHandler):
    """Answers the same thing to everybody."""

    def post(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(ANSWER)


async def main(port: int) -> None:
    """Serve until killed."""
    application = Application([("/service", NothingHandler)], log_function=lambda _: None)
    application.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
