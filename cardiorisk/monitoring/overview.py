"""How the service is: one look at what every room counts for itself.

Nothing is counted here. It holds for this process; another has numbers of its own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cardiorisk.errors import ServiceError
from cardiorisk.monitoring.log_watch import DriftReport, LogWatch
from cardiorisk.monitoring.metrics import (
    MINUTES,
    STAGE_BOUNDS_MS,
    Counts,
    LastHour,
    Minute,
    Sources,
    StageTimes,
    stage_times,
)
from cardiorisk.store.memo import MemoStatistics

RECENT_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened in some minutes."""

    counts: Counts
    stages: tuple[StageTimes, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """One look; it was taken so many seconds after the epoch, UTC.

    Attributes:
        minutes: the last hour, the running minute last.
        recent: the last ``RECENT_MINUTES`` minutes.
        open_requests: not answered yet, the one that asks included.
        drift: None while no network is loaded or the log cannot be read.
    """

    at_seconds: float
    minutes: tuple[Minute, ...]
    recent: Stretch
    hour: Stretch
    open_requests: int
    waiting_patients: int
    active_accounts: int
    memo: MemoStatistics
    lines_written: int
    write_failures: int
    model_version: str | None
    drift: DriftReport | None


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
        """Begin to mark the minutes; nothing else runs while nobody looks."""
        self._rolling = asyncio.create_task(self._roll(), name="overview-minutes")

    def close(self) -> None:
        if self._rolling is not None:
            self._rolling.cancel()

    async def look(self) -> Overview:
        sources, drift = self._sources, None
        with suppress(ServiceError):  # the network is not loaded, the log not readable, or busy
            drift = await self._log.drift(sources.predictor.card)
        return Overview(
            at_seconds=self._clock(),
            minutes=self._hour.minutes(),
            recent=self._stretch(RECENT_MINUTES),
            hour=self._stretch(MINUTES),
            open_requests=sources.open_requests(),
            waiting_patients=sources.predictor.waiting,
            active_accounts=sources.limiter.active_accounts(),
            memo=sources.store.memo.statistics(),
            lines_written=sources.bitacora.lines_written,
            write_failures=sources.bitacora.write_failures,
            model_version=sources.predictor.version,
            drift=drift,
        )

    async def _roll(self) -> None:
        while True:
            await asyncio.sleep(self._hour.seconds_to_next_minute())
            self._hour.roll()

    def _stretch(self, minutes: int) -> Stretch:
        counts = self._hour.last(minutes)
        return Stretch(counts, stage_times(counts, STAGE_BOUNDS_MS))
