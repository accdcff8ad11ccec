"""What is told to everybody who watches: one look every two seconds, shared by all of them.

It runs only while somebody watches. The number of watchers is bounded, and so are the updates that
wait for each: whoever does not read them is dropped. It knows nothing of HTTP; a watcher says
itself how it is dropped.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from cardiorisk.bitacora.reader import Line
from cardiorisk.errors import LogUnavailable, NotReady, Overloaded
from cardiorisk.monitoring.overview import Overview

EVERY_SECONDS = 2.0
MOST_WATCHERS = 16
MOST_PENDING = 4
"""Updates, some ten kilobytes each; who is further behind is dropped."""

_UNREADABLE = (LogUnavailable, Overloaded)
"""While the log cannot be read, no lines are told."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Update:
    """One look, and the lines that have come since the one before, the newest first."""

    overview: Overview
    lines: tuple[Line, ...]


class Watcher:
    """Somebody who watches; ``drop`` ends whatever a watcher who does not read is doing."""

    def __init__(self, drop: Callable[[], None]) -> None:
        self._drop = drop
        self._pending: deque[Update] = deque()
        self._wake = asyncio.Event()
        self._is_waiting = False
        self.is_ended = False

    async def next(self) -> Update | None:
        """Wait for the next update; None once there will be none."""
        self._is_waiting = True
        try:
            while not self._pending and not self.is_ended:
                self._wake.clear()
                await self._wake.wait()
        finally:
            self._is_waiting = False
        return None if self.is_ended else self._pending.popleft()

    def tell(self, update: Update) -> None:
        """Hand an update over, or drop a watcher who has read none of the last ones."""
        if len(self._pending) >= MOST_PENDING:
            self.end()
        else:
            self._pending.append(update)
            self._wake.set()

    def end(self) -> None:
        """Let a watcher who waits end in order, and drop one who is busy with an update."""
        if self.is_ended:
            return
        self.is_ended = True
        self._pending.clear()
        self._wake.set()
        if not self._is_waiting:
            self._drop()


class Broadcast:
    """All who watch; call it on the event loop only.

    ``fresh`` gives the lines that have come since it or ``skip`` was called last.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Overview]],
        skip: Callable[[], Awaitable[None]],
        fresh: Callable[[], Awaitable[tuple[Line, ...]]],
        every_seconds: float = EVERY_SECONDS,
        most_watchers: int = MOST_WATCHERS,
    ) -> None:
        self._look = look
        self._skip = skip
        self._fresh = fresh
        self.every_seconds = every_seconds
        self._most_watchers = most_watchers
        self._watchers: set[Watcher] = set()
        self._telling: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def watch(self, drop: Callable[[], None]) -> Watcher:
        """Let somebody watch, until ``leave``."""
        if self._is_closed:
            raise NotReady("the service is stopping")
        if len(self._watchers) >= self._most_watchers:
            raise Overloaded(f"{self._most_watchers} watch already; try again when one has left")
        watcher = Watcher(drop)
        self._watchers.add(watcher)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="operators-broadcast")
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Tell somebody no more; leaving twice is harmless."""
        self._watchers.discard(watcher)

    def close(self) -> None:
        """End everybody, and let nobody in any more."""
        self._is_closed = True
        self._end_all()
        if self._telling is not None:
            self._telling.cancel()

    async def _tell(self) -> None:
        """Tell everybody, at every turn, until nobody watches."""
        try:
            with suppress(*_UNREADABLE):
                await self._skip()
            while True:
                await asyncio.sleep(self.every_seconds)
                if not self._watchers:
                    return
                lines: tuple[Line, ...] = ()
                with suppress(*_UNREADABLE):
                    lines = await self._fresh()
                update = Update(await self._look(), lines)
                for watcher in tuple(self._watchers):
                    watcher.tell(update)
        except Exception:
            # Whoever watches asks again, and a new row of updates begins.
            _logger.exception("the operators' updates have failed")
            self._end_all()

    def _end_all(self) -> None:
        for watcher in tuple(self._watchers):
            watcher.end()
