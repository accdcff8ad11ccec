"""Threads that take bounded work from the event loop, and rows of failures told once."""

import asyncio
import logging
from bisect import insort
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from enum import IntEnum
from functools import partial
from itertools import count
from typing import TypeVar

from cardiorisk.errors import NotReady, Overloaded

_Result = TypeVar("_Result")


class Worker:
    """Threads behind a bounded queue; call it on the event loop only.

    A job that was taken is done, even where whoever asked has gone away.
    """

    def __init__(self, name: str, most_jobs: int, overload: str, threads: int = 1) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.most_jobs = most_jobs
        self._overload = overload
        self.jobs = 0  # under way or waiting
        self.is_closed = False

    def submit(
        self, job: Callable[[], _Result], *, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        """Queue a job; one that is not counted is never sent away: the caller bounds it."""
        if self.is_closed:
            raise _stopping()
        if is_counted and self.jobs >= self.most_jobs:
            raise Overloaded(self._overload)
        future = asyncio.get_running_loop().run_in_executor(self._executor, job)
        self.jobs += is_counted
        future.add_done_callback(partial(self._count_out, is_counted))
        return future

    async def run(self, job: Callable[[], _Result], *, is_counted: bool = True) -> _Result:
        future = self.submit(job, is_counted=is_counted)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if future.cancelled():  # by close, and not the caller by itself
                raise _stopping() from None
            raise

    def close(self, *, drops_waiting: bool = False) -> None:
        self.is_closed = True
        self._executor.shutdown(cancel_futures=drops_waiting)

    def _count_out(self, was_counted: bool, done: asyncio.Future[_Result]) -> None:  # noqa: FBT001 - bound by position
        self.jobs -= was_counted
        if not done.cancelled():
            done.exception()  # or asyncio would report one whose caller has gone away


class Rank(IntEnum):
    KNOWN = 0
    NEWCOMER = 1  # who registers, of whom there may be few
    STRANGER = 2


class Turns:
    """Lets a few work at a time, and the others wait in an order that is fair; on the loop only.

    Among equals in rank, everybody's first job goes before anybody's second. Where too many wait,
    the last in that order is sent away.
    """

    def __init__(self, at_once: int, most_waiting: int, overload: str) -> None:
        self._free = at_once
        self._most_waiting = most_waiting
        self._overload = overload
        self._waiting: list[tuple[Rank, int, int, asyncio.Future[None]]] = []
        self._jobs_of: Counter[str] = Counter()
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, who: str, rank: Rank) -> AsyncIterator[None]:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        insort(self._waiting, (rank, self._jobs_of[who], next(self._arrivals), turn))
        self._jobs_of[who] += 1
        try:
            self._begin()
            if len(self._waiting) > self._most_waiting:
                self._waiting.pop()[-1].set_exception(Overloaded(self._overload))
            await turn
            yield
        finally:
            self._jobs_of -= Counter([who])  # which drops who has none left
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free += 1
            self._waiting = [place for place in self._waiting if place[-1] is not turn]
            self._begin()

    def _begin(self) -> None:
        while self._free and self._waiting:
            self._waiting.pop(0)[-1].set_result(None)
            self._free -= 1


class Failures:
    """Logs the first of a row of failures of each kind of work, and the end of the row."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self.failing: set[str] = set()

    def note(self, work: str, error: BaseException | None) -> None:
        if error is not None and work not in self.failing:
            self.failing.add(work)
            self._logger.warning("%s fails: %s", work, error)
        elif error is None and work in self.failing:
            self.failing.remove(work)
            self._logger.warning("%s works again", work)


def _stopping() -> NotReady:
    return NotReady("the service is stopping; try again in a few seconds")
