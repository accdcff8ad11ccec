"""What operators may ask, put together: one long-lived thing that ``app`` builds.

The surprise: its only timer marks the minutes, once in each; nothing else runs while nobody looks.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from cardiorisk.errors import FieldFault, InvalidQuery
from cardiorisk.monitoring.broadcast import Broadcast
from cardiorisk.monitoring.last_hour import LastHour
from cardiorisk.monitoring.log_watch import LogWatch
from cardiorisk.monitoring.overview import Overview, Overviews

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cardiorisk.bitacora.reader import Newest
    from cardiorisk.monitoring.metrics import Metrics, Sources
    from cardiorisk.monitoring.queries import LogQuery
    from cardiorisk.store.operator_store import OperatorStore


class Operators:
    """The operators' use cases.

    Attributes:
        broadcast: who is told how the service is.

    Args:
        store: where an account's keys are looked up.
        metrics: what has been counted.
        sources: the rooms that count for themselves.
        log_path: the bitácora.
        clock: seconds since the epoch, UTC.
    """

    def __init__(
        self,
        store: OperatorStore,
        metrics: Metrics,
        sources: Sources,
        log_path: Path,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._hour = LastHour(metrics.counts, clock)
        self._log = LogWatch(log_path, clock)
        self._overviews = Overviews(self._hour, sources, self._log, clock)
        self.broadcast = Broadcast(self._overviews.look, self._log.skip, self._log.fresh)
        self._rolling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to mark the minutes."""
        self._rolling = asyncio.create_task(self._roll(), name="operators-minutes")

    async def look(self) -> Overview:
        """Return how the service is."""
        return await self._overviews.look()

    async def resolve(self, query: LogQuery) -> LogQuery:
        """Look up the keys of the account that a query names.

        Raises:
            InvalidQuery: nobody has the name.
        """
        if query.account is None:
            return query
        key_ids = await self._store.find_key_ids(query.account)
        if key_ids is None:
            raise InvalidQuery((FieldFault("account", "must be the name of an account"),))
        return replace(query, key_ids=key_ids)

    async def search_log(self, query: LogQuery) -> Newest:
        """Return the newest lines that a resolved query wants.

        Raises:
            LogUnavailable: the log cannot be read.
            Overloaded: too many searches wait.
        """
        return await self._log.search(query.is_wanted, query.limit)

    def end_watching(self) -> None:
        """End everybody who watches, and let nobody in any more."""
        self.broadcast.close()

    def close(self) -> None:
        """Stop marking minutes, end everybody who watches, and leave the log alone."""
        if self._rolling is not None:
            self._rolling.cancel()
        self.end_watching()
        self._log.close()

    async def _roll(self) -> None:
        while True:
            await asyncio.sleep(self._hour.seconds_to_next_minute())
            self._hour.roll()
