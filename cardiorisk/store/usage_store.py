"""Calls a day for the event loop: taken from the limiter, written in batches.

A call costs a request nothing: what the limiter has counted anyway is taken once a minute. The
surprise: what is not written yet is added when a reader asks, so the figures are of this moment;
after a ``kill -9`` they lack the last minute or so.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from cardiorisk.store.values import SHOWN_DAYS

if TYPE_CHECKING:
    from cardiorisk.limits.window import Limiter
    from cardiorisk.store.thread import DatabaseThread
    from cardiorisk.store.usage_records import UsageRecords
    from cardiorisk.store.work import Work

_ROWS_A_TRANSACTION = 500

Calls = dict[tuple[int, date], int]


class UsageStore:
    """Calls by account and day.

    Args:
        records: used on the database's thread only.
        work: the way to that thread for readers.
        thread: that thread, for the batches.
        limiter: what counts the calls.
    """

    def __init__(
        self, records: UsageRecords, work: Work, thread: DatabaseThread, limiter: Limiter
    ) -> None:
        self._records = records
        self._work = work
        self._thread = thread
        self._limiter = limiter
        self._waiting: Calls = {}
        self._under_way: Calls = {}

    async def calls_by_day(self, account_id: int, today: date) -> dict[date, int]:
        """Return an account's calls on each of the last 30 days, the oldest first.

        Raises:
            Overloaded: too many jobs wait.
            StoreUnavailable: the database cannot be read.
        """
        days = [today - timedelta(back) for back in reversed(range(SHOWN_DAYS))]
        stored = await self._work.read(partial(self._records.calls_by_day, account_id, days[0]))
        counted = self._limiter.calls_of(account_id)
        return {
            day: stored.get(day, 0)
            + counted.get(day, 0)
            + self._waiting.get((account_id, day), 0)
            + self._under_way.get((account_id, day), 0)
            for day in days
        }

    async def flush(self) -> None:
        """Write what was counted since the last time; what fails to be written is tried again."""
        _add(self._waiting, self._limiter.take_calls())
        for _ in range(0, len(self._waiting), _ROWS_A_TRANSACTION):
            batch = dict(islice(self._waiting.items(), _ROWS_A_TRANSACTION))
            for place in batch:
                del self._waiting[place]
            # A batch under way is counted until it is known to be written, and only then not:
            # whoever waits for it may be cancelled, the batch is not.
            _add(self._under_way, batch)
            writing = self._thread.submit(partial(self._records.add_calls, batch))
            writing.add_done_callback(partial(self._settle, batch))
            await asyncio.shield(writing)

    def _settle(self, batch: Calls, writing: asyncio.Future[None]) -> None:
        for place, calls in batch.items():
            self._under_way[place] -= calls
            if not self._under_way[place]:
                del self._under_way[place]
        if writing.exception() is not None:
            _add(self._waiting, batch)


def _add(calls: Calls, more: Calls) -> None:
    for place, count in more.items():
        calls[place] = calls.get(place, 0) + count
