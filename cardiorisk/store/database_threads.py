"""The two connections to a SQLite file, each on its thread, and what becomes of them.

Whoever reads waits neither for changes nor for another process's lock. When the file is not the one
that was opened any more, or is damaged, both are closed without a trace in whatever stands there;
when a whole database stands there they are opened anew. See decision 0007.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TypeVar

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.database_file import is_damage
from cardiorisk.workers import Worker

MOST_JOBS = 500
"""Of reads and of changes, each, that may wait; a change takes one to three milliseconds."""
_REST = 4
"""Between two tries to open the file anew, as many times as long as the first of them took."""

_Result = TypeVar("_Result")


class DatabaseThreads:
    """One connection that writes and one that reads; for the event loop only.

    Args:
        url: of the file.
        busy_seconds: how long a change waits for its turn and for another process's lock, in all.
        open_database: opens the file at the start.
        prepare: done with what was opened, at the start and again later, before anybody uses it.
    """

    def __init__(
        self,
        url: str,
        busy_seconds: float,
        open_database: Callable[[str], Database],
        prepare: Callable[[Database], None],
    ) -> None:
        self._url = url
        self._busy_seconds = busy_seconds
        self._prepare = prepare
        overload = "the database has too much to do; try again in a second"
        self._writes = Worker("store", MOST_JOBS, overload)
        self._reads = Worker("store-reads", MOST_JOBS, overload)
        self._is_open = True
        self._try_at = 0.0
        try:
            self._writer = self._writes.run_now(partial(self._opened, open_database))
            self._reader = self._reads.run_now(partial(self._opened_reader, self._writer))
        except BaseException:
            self._end()
            raise

    @property
    def fault(self) -> str | None:
        """What is wrong with the file, while nothing is read or written."""
        return self._writer.file.fault

    @property
    def is_closed(self) -> bool:
        return self._writes.is_closed

    def explains(self, error: StoreUnavailable) -> bool:
        """Tell whether a failure comes of a fault of the file, which the next look will tell."""
        return self.fault is not None or is_damage(error)

    def read(
        self, fn: Callable[[Rows], _Result], *, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        """Run a function in a transaction that changes nothing."""
        return self._reads.submit(
            lambda: self._run(self._reader, self._reader.reading, fn), is_counted=is_counted
        )

    def read_in_turn(self, fn: Callable[[Rows], _Result]) -> asyncio.Future[_Result]:
        """Read behind the changes that were asked for before, and so wait as they do."""
        return self._writes.submit(lambda: self._run(self._writer, self._writer.reading, fn))

    def change(
        self, fn: Callable[[Rows], _Result], *, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        """Run a function in a transaction that holds the write lock from its start."""
        give_up_at = time.monotonic() + self._busy_seconds

        def change() -> _Result:
            return self._run(self._writer, lambda: self._writer.writing_by(give_up_at), fn)

        return self._writes.submit(change, is_counted=is_counted)

    def probe(self) -> asyncio.Future[bool]:
        """Try a write, as ``Database.probe`` does."""
        return self._writes.submit(self._writer.probe, is_counted=False)

    async def version(self) -> int:
        """Return the writer's ``version``, if the file is the one that was opened, and whole."""

        def look() -> int:
            self._writer.file.require_own()
            return self._writer.version()

        return await self._writes.run(look, is_counted=False)

    async def mend(self) -> None:
        """Let go of a file that has a fault, and open what stands at the path.

        Raises:
            StoreUnavailable: that is no whole database of this version's revision.
        """
        if self._is_open:
            await self._let_go()
        if time.monotonic() < self._try_at:
            raise StoreUnavailable(self.fault or "")
        began = time.monotonic()
        writer = None
        try:
            writer = await self._writes.run(self._opened_again, is_counted=False)
            reader = await self._reads.run(partial(self._opened_reader, writer), is_counted=False)
        except StoreUnavailable:
            self._try_at = began + (1 + _REST) * (time.monotonic() - began)
            if writer is not None:
                await self._writes.run(writer.let_go, is_counted=False)
            raise
        self._writer, self._reader, self._is_open = writer, reader, True

    async def close(self) -> None:
        """Close both; the last to close tidies the log away, where the file is still its own."""
        try:
            with suppress(StoreUnavailable):
                await self._writes.run(self._writer.file.require_own, is_counted=False)
            if self.fault is None:
                await self._reads.run(self._reader.close, is_counted=False)
                await self._writes.run(self._writer.close, is_counted=False)
            elif self._is_open:
                await self._let_go()
        finally:
            self._end()

    async def _let_go(self) -> None:
        self._is_open = False
        await self._writes.run(self._writer.let_go, is_counted=False)
        await self._reads.run(self._reader.let_go, is_counted=False)
        await self._writes.run(self._writer.file.set_own_log_aside, is_counted=False)

    def _opened(self, open_database: Callable[[str], Database]) -> Database:
        database = open_database(self._url)
        try:
            database.wait_at_most(self._busy_seconds)
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _opened_again(self) -> Database:
        self._writer.file.set_own_log_aside()
        return self._opened(partial(Database.open_current, reads_all=True))

    def _opened_reader(self, writer: Database) -> Database:
        return Database(self._url, self._busy_seconds, reader_of=writer.file)

    def _run(
        self,
        database: Database,
        begin: Callable[[], AbstractContextManager[Rows]],
        fn: Callable[[Rows], _Result],
    ) -> _Result:
        """Run a function in a transaction, unless the file has a fault; for the threads."""
        if database.file.fault is not None:
            raise StoreUnavailable(database.file.fault)
        with begin() as rows:
            return fn(rows)

    def _end(self) -> None:
        self._reads.close()
        self._writes.close()
