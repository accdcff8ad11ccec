"""Where connections come in: how many there may be, and how they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cardiorisk.web.http1.connection import Connection
from cardiorisk.web.http1.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterable
    from socket import socket

    from tornado.httputil import HTTPServerConnectionDelegate

QUEUED = 1024
"""Connections that the system may keep ready for us."""
ACCEPTED_A_TURN = 4
"""Few, since one that is turned away holds a descriptor for some turns of the loop."""


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
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._is_empty = asyncio.Event()
        self._is_closed = False
        self.is_draining = False

    async def listen(self, sockets: Iterable[socket]) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        for bound in sockets:
            server = await loop.create_server(
                lambda: Connection(self._delegate, self), sock=bound, backlog=ACCEPTED_A_TURN
            )
            bound.listen(QUEUED)  # asyncio has one number for both
            self._servers.append(server)

    def drain(self) -> None:
        """Take no more connections, and let each that there is end with its next answer."""
        self.is_draining = True
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.drain()

    async def close(self) -> None:
        """End every connection at once."""
        self.drain()
        self._is_closed = True  # one that has been accepted already may still be on its way here
        for connection in tuple(self._connections):
            connection.close()
        if self._connections:
            self._is_empty.clear()
            await self._is_empty.wait()

    def admit(self, connection: Connection) -> bool:
        """Count a connection in, and tell whether there is room for it."""
        if self._is_closed or len(self._connections) >= self._most_connections:
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        self.patience.forget(connection)
        if not self._connections:
            self._is_empty.set()
