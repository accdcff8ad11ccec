"""How the store's work reaches its thread: bounded, run to its end, worded for clients.

A change drops from the memo what it made stale before anybody is told of it, and does so even
when whoever asked for it has gone away. What failed is logged here, once for a row of failures;
a client learns only that the database cannot be used.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from cardiorisk.errors import Overloaded, ServiceError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.store.memo import Memo
    from cardiorisk.store.thread import DatabaseThread

MOST_JOBS = 500
"""Reads and changes that may wait; a change takes one to three milliseconds."""

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Work:
    """Jobs for the database's thread, and what they mean for the memo.

    Args:
        thread: where the jobs are done.
        memo: what the changes make stale.
        most_jobs: jobs that may wait before callers are sent away.
    """

    def __init__(self, thread: DatabaseThread, memo: Memo, most_jobs: int = MOST_JOBS) -> None:
        self._thread = thread
        self._memo = memo
        self._most_jobs = most_jobs
        self._jobs = 0
        self.failing: set[str] = set()

    async def read(self, job: Callable[[], _Result]) -> _Result:
        """Run a job that changes nothing.

        Raises:
            Overloaded: too many jobs wait.
            StoreUnavailable: the database cannot be read.
        """
        return await self._told("read", self._submit(job))

    async def change(
        self, job: Callable[[], _Result], drop: Callable[[_Result], None] | None = None
    ) -> _Result:
        """Run a change to its end and drop what it made stale, before anybody is told.

        After a failure that leaves open whether the change was kept, everything is dropped.

        Raises:
            Overloaded: too many jobs wait.
            StoreUnavailable: the database cannot be written.
        """
        change = self._submit(job)

        def drop_stale(done: asyncio.Future[_Result]) -> None:
            error = done.exception()
            if error is None:
                if drop is not None:
                    drop(done.result())
            elif isinstance(error, StoreUnavailable) or not isinstance(error, ServiceError):
                self._memo.drop_all()

        change.add_done_callback(drop_stale)
        return await self._told("write", change)

    def note(self, work: str, error: Exception | None) -> None:
        """Log the first of a row of failures, and the end of the row."""
        if error is not None and work not in self.failing:
            self.failing.add(work)
            _logger.warning("%s fails: %s", work, error)
        elif error is None and work in self.failing:
            self.failing.remove(work)
            _logger.warning("%s works again", work)

    def _submit(self, job: Callable[[], _Result]) -> asyncio.Future[_Result]:
        if self._jobs >= self._most_jobs:
            raise Overloaded("the database has too much to do; try again in a second")
        future = self._thread.submit(job)
        self._jobs += 1
        future.add_done_callback(self._count_out)
        return future

    def _count_out(self, done: asyncio.Future[_Result]) -> None:
        self._jobs -= 1
        done.exception()  # or asyncio would report one whose caller has gone away

    async def _told(self, work: str, future: asyncio.Future[_Result]) -> _Result:
        try:
            result = await asyncio.shield(future)
        except StoreUnavailable as error:
            self.note(work, error)
            word = "read" if work == "read" else "written"
            raise StoreUnavailable(f"the database cannot be {word} right now") from error
        self.note(work, None)
        return result
