"""Where connections come in: how many there may be, how long each is waited for, how they end.

asyncio's server would let one that is turned away hold a descriptor for some turns of the loop. A
deadline is a number on its connection, and one sweep a second closes whoever is overdue.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SOL_SOCKET, socket

from tornado.httputil import HTTPServerConnectionDelegate

from cardiorisk.http1.connection import NO_ROOM, Connection, Connections, Reason
from cardiorisk.http1.parsing import MOST_HEAD_BYTES

logger = logging.getLogger(__name__)

QUEUED = 1024  # connections that the system may keep ready for us
ACCEPTED_A_TURN = 128  # new ones at most before those that are there already
SWEEP_SECONDS = 1.0  # how often ``close_overdue`` shall be called
RETRY_SECONDS = 1.0  # after the system had no descriptor or no memory for another connection
TURNED_AWAY_AT_A_TIME = 8  # above the most, kept until the caller has had its refusal
_SO_ATTACH_FILTER = 26


class Listener:
    def __init__(
        self,
        delegate: HTTPServerConnectionDelegate,
        most_connections: int,
        refusals: dict[Reason, int] | None = None,
        clock: Callable[[], float] = time.monotonic,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._retry_seconds = retry_seconds
        self._delegate = delegate
        self._most_connections = most_connections
        self._sockets: list[socket] = []
        self._files: dict[Path, os.stat_result] = {}
        self._coming: set[asyncio.Task[object]] = set()
        self._connections = Connections(clock)
        if refusals is not None:
            self._connections.refusals = refusals

    def listen(self, sockets: Iterable[socket]) -> None:
        for bound in sockets:
            bound.settimeout(0)
            bound.listen(QUEUED)
            self._sockets.append(bound)
            if bound.family == AF_UNIX:
                path = Path(bound.getsockname())
                self._files[path] = path.stat()
            self._resume(bound)

    def drain(self) -> None:
        """Take those that wait already and no more, and let each end with its next answer."""
        if self._connections.is_draining:
            return
        self._connections.is_draining = True
        for path, made in self._files.items():
            with suppress(OSError):  # one that has taken its place is another process's
                if os.path.samestat(path.stat(), made):
                    path.unlink()
        for bound in self._sockets:
            asyncio.get_running_loop().remove_reader(bound)
            _take_no_more(bound)
            for _ in range(QUEUED // ACCEPTED_A_TURN):
                self._accept(bound)
            bound.close()
        for connection in self._connections.living:
            connection.drain()

    @property
    def connections(self) -> int:
        return len(self._coming) + len(self._connections.living)

    async def close(self) -> None:
        self.drain()
        while self._coming or self._connections.living:
            for connection in tuple(self._connections.living):
                connection.close()
            await asyncio.sleep(0)  # each ends in a turn of its own

    def close_overdue(self) -> None:
        now = self._connections.clock()
        for connection in tuple(self._connections.living):
            if connection.due_seconds <= now:
                connection.time_out()

    def _resume(self, bound: socket) -> None:
        if not self._connections.is_draining:
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
                loop.call_later(self._retry_seconds, self._resume, bound)
                return
            too_many = self.connections - self._most_connections
            connected.settimeout(0)
            if too_many >= TURNED_AWAY_AT_A_TIME:
                self._turn_away(connected)
                continue
            coming = loop.create_task(self._make_connection(connected, has_room=too_many < 0))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    def _turn_away(self, connected: socket) -> None:
        """Refuse at once, though that is lost on a caller who has yet to send its request."""
        self._connections.refusals["turned_away"] += 1
        with connected, suppress(OSError):
            connected.send(NO_ROOM)
            connected.recv(MOST_HEAD_BYTES)  # what is not read would take the answer back

    async def _make_connection(self, connected: socket, *, has_room: bool) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.connect_accepted_socket(
            lambda: Connection(self._delegate, self._connections), connected
        )
        if not has_room:
            connection.turn_away()


def _take_no_more(bound: socket) -> None:
    """Have Linux pass over who comes from now on, who asks again after a second.

    Source: SO_ATTACH_FILTER in socket(7), with the program "return 0".
    """
    if sys.platform == "linux" and bound.family != AF_UNIX:
        program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
        filtering = struct.pack("HP", 1, ctypes.addressof(program))
        with suppress(PermissionError):  # as in a user's namespace: then as elsewhere
            bound.setsockopt(SOL_SOCKET, _SO_ATTACH_FILTER, filtering)


def bind_unix(path: Path, mode: int) -> socket:
    if path.is_socket() and not _is_listened_on(path):
        path.unlink()
    bound = socket(AF_UNIX)
    umask = os.umask(0o777 & ~mode)
    try:
        bound.bind(str(path))
        bound.listen(QUEUED)  # at once, or another start would take it for one that is not used
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(umask)
    return bound


def _is_listened_on(path: Path) -> bool:
    with socket(AF_UNIX) as caller:
        caller.settimeout(0)
        return caller.connect_ex(str(path)) != errno.ECONNREFUSED
