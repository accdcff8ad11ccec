"""The one thread on which all of the server's database work is done, in the order it was asked.

One thread and one connection are what makes ``Database.version`` speak of other processes only.
The surprise: work that was asked for is done, even when whoever asked has gone away.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from cardiorisk.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


class DatabaseThread:
    """A thread that takes jobs from the event loop, first come, first served."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self.is_closed = False

    def run_now(self, job: Callable[[], _Result]) -> _Result:
        """Run a job and block until it is done; for the start, before there is an event loop."""
        return self._executor.submit(job).result()

    def submit(self, job: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """Queue a job; awaiting its future directly would let a cancelled caller withdraw it.

        Raises:
            StoreUnavailable: the thread has ended.
        """
        if self.is_closed:
            raise StoreUnavailable("the store is closed")
        return asyncio.get_running_loop().run_in_executor(self._executor, job)

    async def run(self, job: Callable[[], _Result]) -> _Result:
        """Queue a job and wait for it; cancelled, it is done all the same.

        Raises:
            StoreUnavailable: the thread has ended.
        """
        return await asyncio.shield(self.submit(job))

    def end(self) -> None:
        """Finish what is queued and end the thread."""
        self.is_closed = True
        self._executor.shutdown()
