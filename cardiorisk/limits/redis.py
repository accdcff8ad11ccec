"""Commands to Redis on one connection: all of a turn of the loop in one write.

None waits longer than the deadline. While Redis is away none waits at all, and one connection a
second is tried. See decision 0004.
"""

import asyncio
import logging
import re
import ssl
from collections import deque
from collections.abc import Callable
from hashlib import sha1
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import unquote, urlsplit

import hiredis

from cardiorisk.errors import LimitsUnavailable

DEADLINE_SECONDS = 0.05
BREAK_SECONDS = 1.0  # from an outage's beginning to the first try to end it, between and for tries
_MOST_UNREAD_BYTES = 1024 * 1024
# hiredis reserves what an array announces, and needs half a minute to let go of two billion.
_LONG_ARRAY = re.compile(rb"[*%~>|][+-]?[0-9]{3}")
_ERROR_CODE = re.compile("[A-Z]{2,20}")

Arguments: TypeAlias = tuple[str | int, ...]
Result = TypeVar("Result")
_logger = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    ends_at: float
    arguments: Arguments
    settle: Callable[[Any], Any]
    future: asyncio.Future[Any]

    def end(self, reply: object) -> None:
        """Settle, also where the caller has gone, as Redis has counted."""
        result = self.settle(reply)
        if not self.future.done():
            self.future.set_result(result)


class _Connection(asyncio.Protocol):
    """One connection until its first fault, which ends it."""

    def __init__(self, scripts: dict[str, str], *, refuses: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._scripts = scripts
        self._refuses = refuses
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        self._unread_bytes, self._last_bytes = 0, b""
        self._unsent: list[bytes] = []
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.fault: asyncio.Future[str] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.fail("it has closed the connection")

    def ask(self, arguments: Arguments, settle: Callable[[Any], Result]) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = self._loop.create_future()
        waiting = _Waiting(self._loop.time() + DEADLINE_SECONDS, arguments, settle, future)
        if self.fault.done():
            self._give_up(waiting)
        else:
            self._send(waiting)
        return future

    def _send(self, waiting: _Waiting) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        packed = hiredis.pack_command(waiting.arguments)  # type: ignore[arg-type] # any length will do
        self._unsent.append(packed)
        self._waiting.append(waiting)

    def data_received(self, data: bytes) -> None:
        self._last_bytes = (self._last_bytes + data)[-len(data) - 4 :]
        self._unread_bytes += len(data)
        if self._unread_bytes > _MOST_UNREAD_BYTES or _LONG_ARRAY.search(self._last_bytes):
            self.fail("its reply is too long")
            return
        self._reader.feed(data)
        try:
            while not self.fault.done() and (reply := self._reader.gets()) is not False:
                self._unread_bytes = 0
                self._take(self._waiting[0], reply)
        except (hiredis.ProtocolError, LookupError, TypeError, ValueError, OverflowError):
            self.fail("it does not speak as Redis does")

    def fail(self, reason: str) -> None:
        if self.fault.done():
            return
        self.fault.set_result(reason)
        if self._transport is not None:
            self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            self._give_up(self._waiting.popleft())

    def _give_up(self, waiting: _Waiting) -> None:
        if not self._refuses:
            waiting.end(None)
        elif not waiting.future.done():
            told = LimitsUnavailable("requests cannot be counted right now; try again in a second")
            waiting.future.set_exception(told)

    def _take(self, waiting: _Waiting, reply: object) -> None:
        if reply is None:  # which answers no command of ours
            raise ValueError(reply)
        if not isinstance(reply, hiredis.ReplyError):
            waiting.end(reply)
            self._waiting.popleft()
            return
        found = _ERROR_CODE.match(str(reply))  # what follows it may repeat a password
        code = found[0] if found else "an error"
        script = self._scripts.get(str(waiting.arguments[1]))
        if code == "NOSCRIPT" and script is not None:
            self._waiting.popleft()
            self._send(waiting._replace(arguments=("EVAL", script, *waiting.arguments[2:])))
        else:
            self.fail(f"it says {code}")

    def _flush(self) -> None:
        if self.fault.done() or self._transport is None:
            return
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        if self._timer is None:  # one for all, as each would cost more than its command
            self._timer = self._loop.call_later(DEADLINE_SECONDS, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        self._timer = None
        if self._waiting and self._waiting[0].ends_at <= self._loop.time():
            self.fail(f"it has not answered for {DEADLINE_SECONDS * 1000:.0f} ms")
        elif self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].ends_at, self._look_at_deadline)


class Redis:
    """A Redis server that may be away; where ``refuses``, that raises ``LimitsUnavailable``.

    The first of its ``scripts``, Lua, is tried with the arguments ``trial`` before it is used.
    """

    def __init__(
        self, url: str, scripts: tuple[str, ...], trial: Arguments, *, refuses: bool
    ) -> None:
        parts = urlsplit(url)
        self._place = parts.hostname or "", parts.port or 6379
        self._tls = ssl.create_default_context() if parts.scheme == "rediss" else None
        database, login = parts.path.strip("/") or "0", [parts.username, parts.password]
        self._greeting: list[Arguments] = [("SELECT", database), ("EVAL", scripts[0], *trial)]
        if parts.password:
            self._greeting.insert(0, ("AUTH", *(unquote(part) for part in login if part)))
        self._scripts = {digest(script): script for script in scripts}
        self._refuses = refuses
        self._connection: _Connection  # from the start on
        self._keeper: asyncio.Task[None] | None = None
        self._is_told = False
        self.outages = 0

    @property
    def is_away(self) -> bool:
        return self._connection.fault.done()

    async def start(self) -> None:
        await self._try()
        self._keeper = asyncio.create_task(self._keep(), name="redis")

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._connection.fail("closed")
            await asyncio.sleep(0)  # in which the transport closes

    def ask(self, arguments: Arguments, settle: Callable[[Any], Result]) -> asyncio.Future[Result]:
        """Send with others of this turn; ``settle`` takes a reply, None without one, or raises."""
        return self._connection.ask(arguments, settle)

    async def _keep(self) -> None:
        while True:
            await asyncio.wait([self._connection.fault])
            self._tell(self._connection.fault.result())
            await asyncio.sleep(BREAK_SECONDS)
            await self._try()

    async def _try(self) -> None:
        connection = _Connection(self._scripts, refuses=self._refuses)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(BREAK_SECONDS):
                await loop.create_connection(lambda: connection, *self._place, ssl=self._tls)
            greeted = [connection.ask(each, bool) for each in self._greeting]
            await asyncio.gather(*greeted, return_exceptions=True)
        except (OSError, ValueError) as error:  # a ValueError: no name of a host
            connection.fail(str(error) or "it takes no connection")
        except asyncio.CancelledError:
            connection.fail("closed")
            raise
        self._connection = connection
        self._tell(connection.fault.result() if self.is_away else "")

    def _tell(self, reason: str) -> None:
        if bool(reason) == self._is_told:
            return
        self._is_told = bool(reason)
        self.outages += self._is_told
        does = "requests are refused" if self._refuses else "each process counts for itself"
        said = f"is away: {reason}; meanwhile {does}" if reason else "is back"
        _logger.warning("Redis at %s:%d, for the windows, %s", *self._place, said)


def digest(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()
