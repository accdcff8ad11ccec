"""How the service is: one look at what every room counts for itself, in this process.

Whoever watches is told of one look every two seconds, shared by all of them, and only while
somebody watches. The watchers are bounded, and so are the updates that wait for each: whoever does
not read them is dropped.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field as Member

from cardiorisk.bitacora.entry import timestamp
from cardiorisk.bitacora.reader import Line
from cardiorisk.config import VERSION
from cardiorisk.errors import LogUnavailable, NotReady, Overloaded, ServiceError
from cardiorisk.monitoring.log_watch import DriftReport, LogWatch
from cardiorisk.monitoring.metrics import MINUTES, LastHour, Minute, Sources, Stretch


@dataclass(frozen=True, slots=True)
class MemoAnswer:
    """The memory of credentials."""

    hits: Annotated[int, Member(description="Look-ups that it answered")]
    refusals: Annotated[int, Member(description="Look-ups that it refused")]
    misses: Annotated[int, Member(description="Look-ups that the database answered")]
    known: Annotated[int, Member(description="Valid credentials in it")]
    refused: Annotated[int, Member(description="Refused credentials in it")]


@dataclass(frozen=True, slots=True)
class Writing:
    """The request log."""

    lines: Annotated[int, Member(description="Lines written")]
    failures: Annotated[int, Member(description="Lines that could not be written")]


@dataclass(frozen=True, slots=True)
class Overview:
    """One look."""

    at: Annotated[str, Member(description="When")]
    version: Annotated[str, Member(description="Of the service")]
    modelo: Annotated[str | None, Member(description="The network that answers, where one does")]
    minutes: Annotated[tuple[Minute, ...], Member(description="Clock minutes, the newest last")]
    last_5_minutes: Annotated[Stretch, Member(description="The last five minutes")]
    last_hour: Annotated[Stretch, Member(description="The last hour")]
    open_requests: Annotated[int, Member(description="Not answered yet, this one included")]
    waiting_patients: Annotated[int, Member(description="Patients who wait for the network")]
    active_accounts: Annotated[int, Member(description="Those that drew on their limit just now")]
    memo: Annotated[MemoAnswer, Member(description="The memory of credentials")]
    bitacora: Annotated[Writing, Member(description="The request log")]
    drift: Annotated[
        DriftReport | None, Member(description="Null without a network or a log to read")
    ]


class Overviews:
    """Takes looks, and marks the minutes for them; ``clock`` gives seconds since the epoch."""

    def __init__(
        self, hour: LastHour, sources: Sources, log: LogWatch, clock: Callable[[], float]
    ) -> None:
        self._hour = hour
        self._sources = sources
        self._log = log
        self._clock = clock
        self._rolling: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._rolling = asyncio.create_task(self._roll(), name="overview-minutes")

    def close(self) -> None:
        if self._rolling is not None:
            self._rolling.cancel()

    async def look(self) -> Overview:
        sources, drift = self._sources, None
        with suppress(ServiceError):  # the network is not loaded, the log not readable, or busy
            drift = await self._log.drift(sources.predictor.card)
        memo, bitacora = sources.store.memo.statistics(), sources.bitacora
        return Overview(
            at=timestamp(self._clock()),
            version=VERSION,
            modelo=sources.predictor.version,
            minutes=self._hour.minutes(),
            last_5_minutes=self._hour.last(5),
            last_hour=self._hour.last(MINUTES),
            open_requests=sources.open_requests(),
            waiting_patients=sources.predictor.waiting,
            active_accounts=sources.limiter.active_accounts(),
            memo=MemoAnswer(
                memo.hits, memo.refusals, memo.misses, memo.entries, memo.refused_entries
            ),
            bitacora=Writing(bitacora.lines_written, bitacora.write_failures),
            drift=drift,
        )

    async def _roll(self) -> None:
        while True:
            await asyncio.sleep(self._hour.seconds_to_next_minute())
            self._hour.roll()


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
    """All who watch; ``fresh`` gives the lines since it or ``skip`` was called last."""

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
        self._watchers.discard(watcher)

    def close(self) -> None:
        self._is_closed = True
        self._end_all()
        if self._telling is not None:
            self._telling.cancel()

    async def _tell(self) -> None:
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
