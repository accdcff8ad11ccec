"""How the service is: one look at what every room counts for itself, in this process."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field as Member

from cardiorisk.bitacora.entry import timestamp
from cardiorisk.config import VERSION
from cardiorisk.errors import NotReady, Overloaded, ServiceError
from cardiorisk.monitoring.log_watch import DriftReport, LogWatch
from cardiorisk.monitoring.metrics import MINUTES, LastHour, Minute, Sources, Stretch
from cardiorisk.store.memo import MemoStatistics


@dataclass(frozen=True, slots=True)
class Writing:
    """The request log."""

    lines: Annotated[int, Member(description="Lines written")]
    failures: Annotated[int, Member(description="Lines that could not be written")]


@dataclass(frozen=True, slots=True)
class Overview:
    """One look."""

    at: Annotated[str, Member(description="When")]
    started_at: Annotated[str, Member(description="When this process began to count")]
    version: Annotated[str, Member(description="Of the service")]
    modelo: Annotated[str | None, Member(description="The network that answers, where one does")]
    nodes: Annotated[dict[str, str | None], Member(description="Networks of all processes")]
    minutes: Annotated[tuple[Minute, ...], Member(description="Clock minutes, the newest last")]
    last_5_minutes: Annotated[Stretch, Member(description="The last five minutes")]
    last_hour: Annotated[Stretch, Member(description="The last hour")]
    open_requests: Annotated[int, Member(description="Not answered yet, this one included")]
    waiting_patients: Annotated[int, Member(description="Patients who wait for the network")]
    active_accounts: Annotated[int, Member(description="Those that drew on their limit just now")]
    memo: Annotated[MemoStatistics, Member(description="The memory of credentials")]
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
        self._started_at = timestamp(clock())
        self._rolling: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._rolling = asyncio.create_task(self._roll(), name="overview-minutes")

    def close(self) -> None:
        if self._rolling is not None:
            self._rolling.cancel()

    async def look(self) -> Overview:
        sources, bitacora, drift = self._sources, self._sources.bitacora, None
        with suppress(ServiceError):  # the network is not loaded, the log not readable, or busy
            drift = await self._log.drift(sources.predictor.card)
        nodes = sources.nodes.seen if sources.nodes else ()
        return Overview(
            at=timestamp(self._clock()),
            started_at=self._started_at,
            version=VERSION,
            modelo=sources.predictor.version,
            nodes={node.name: node.version for node in nodes},
            minutes=self._hour.minutes(),
            last_5_minutes=self._hour.last(5),
            last_hour=self._hour.last(MINUTES),
            open_requests=sources.open_requests(),
            waiting_patients=sources.predictor.waiting,
            active_accounts=sources.limiter.active_accounts(),
            memo=sources.store.memo.statistics(),
            bitacora=Writing(bitacora.lines_written, bitacora.write_failures),
            drift=drift,
        )

    async def _roll(self) -> None:
        while True:
            await asyncio.sleep(self._hour.seconds_to_next_minute())
            self._hour.roll()


class Broadcast:
    """All who watch, each at its own pace; call it on the event loop only."""

    def __init__(self, most_watchers: int = 16) -> None:
        self.every_seconds = 2.0
        self.read_seconds = 10.0  # for which a reader may take nothing
        self._most_watchers = most_watchers
        self._ends: set[asyncio.Future[None]] = set()
        self._is_closed = False

    @contextmanager
    def watching(self) -> Iterator[asyncio.Future[None]]:
        """Let somebody watch for the length of the block, or until what is given is done."""
        if self._is_closed:
            raise NotReady("the service is stopping")
        if len(self._ends) >= self._most_watchers:
            raise Overloaded(f"{self._most_watchers} watch already; try again when one has left")
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends.add(end)
        try:
            yield end
        finally:
            self._ends.discard(end)

    def close(self) -> None:
        self._is_closed = True
        for end in self._ends:
            if not end.done():
                end.set_result(None)
