"""Where connections come in: how many there may be, and how they end.

The surprise: it accepts by itself, and not by asyncio's server, which would let one that is turned
away hold a descriptor for some turns of the loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cardiorisk.http1.connection import Connection
from cardiorisk.http1.timeouts import Patience

if TYPE_CHECKING:
    from collections.abc import Iterable
    from socket import socket

    from tornado.httputil import HTTPServerConnectionDelegate

logger = logging.getLogger(__name__)

QUEUED = 1024
"""Connections that the system may keep ready for us."""
ACCEPTED_A_TURN = 128
"""So many new connections at most come before those that are there already."""
RETRY_SECONDS = 1.0
"""After the system had no descriptor or no memory for another connection."""


class Listener:
    """The sockets that are listened on, and every connection that came in by them.

    Args:
        delegate: makes what takes a request.
        most_connections: from here on they are turned away.

    Attributes:
        patience: how long each is waited for; somebody has to sweep it.
        is_draining: whether each connection's next answer is its last.
    """

    def __init__(self, delegate: HTTPServerConnectionDelegate, most_connections: int) -> None:
        self.patience = Patience()
        self._delegate = delegate
        self._most_connections = most_connections
        self._sockets: list[socket] = []
        self._coming: set[asyncio.Task[object]] = set()
        self._connections: set[Connection] = set()
        self.is_draining = False

    def listen(self, sockets: Iterable[socket]) -> None:
        """Take connections from now on; the sockets are this object's."""
        for bound in sockets:
            bound.settimeout(0)
            bound.listen(QUEUED)
            self._sockets.append(bound)
            self._resume(bound)

    def drain(self) -> None:
        """Take those that wait already and no more, and let each end with its next answer."""
        if self.is_draining:
            return
        self.is_draining = True
        for bound in self._sockets:
            asyncio.get_running_loop().remove_reader(bound)
            for _ in range(QUEUED // ACCEPTED_A_TURN):
                self._accept(bound)
            bound.close()
        for connection in self._connections:
            connection.drain()

    async def close(self) -> None:
        """End every connection at once."""
        self.drain()
        while self._coming or self._connections:
            for connection in tuple(self._connections):
                connection.close()
            await asyncio.sleep(0)  # each ends in a turn of its own

    def admit(self, connection: Connection) -> None:
        """Hear of a connection that has been made."""
        self._connections.add(connection)

    def forget(self, connection: Connection) -> None:
        """Hear of one that has ended."""
        self._connections.discard(connection)
        self.patience.forget(connection)

    def _resume(self, bound: socket) -> None:
        if not self.is_draining:
            asyncio.get_running_loop().add_reader(bound, self._accept, bound)

    def _accept(self, bound: socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTED_A_TURN):
            try:
                connected, _ = bound.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.warning("no connection can be accepted for a while: %s", error)
                loop.remove_reader(bound)
                loop.call_later(RETRY_SECONDS, self._resume, bound)
                return
            if len(self._coming) + len(self._connections) >= self._most_connections:
                connected.close()
                continue
            connected.settimeout(0)
            coming = loop.create_task(self._make_connection(connected))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    async def _make_connection(self, connected: socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Connection(self._delegate, self), connected)
