"""The two connections to a SQLite file, each on its thread, and what becomes of them.

Whoever reads waits neither for changes nor for another process's lock. When the file is not the one
that was opened any more, or is damaged, both are closed without a trace in whatever stands there;
when a whole database stands there they are opened anew. See decision 0007.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import make_url

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.database_file import part_from_foreign_log, translated
from cardiorisk.workers import Worker

MOST_JOBS = 500
"""Of reads and of changes, each, that may wait; a change takes one to three milliseconds."""

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
        try:
            self._writer, self._reader = self._writes.run_now(partial(self._open, open_database))
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

    def read(
        self, fn: Callable[[Rows], _Result], *, in_turn: bool = False, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        """Run a function in a transaction that changes nothing.

        Args:
            fn: what is run.
            in_turn: behind the changes that were asked for before, and so waiting as they do.
            is_counted: as a ``Worker`` has it.
        """

        def read() -> _Result:
            with (self._writer if in_turn else self._reader).reading() as rows:
                return fn(rows)

        return (self._writes if in_turn else self._reads).submit(read, is_counted=is_counted)

    def change(
        self, fn: Callable[[Rows], _Result], *, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        """Run a function in a transaction that holds the write lock from its start."""
        give_up_at = time.monotonic() + self._busy_seconds

        def change() -> _Result:
            with self._writer.writing_by(give_up_at) as rows:
                return fn(rows)

        return self._writes.submit(change, is_counted=is_counted)

    def probe(self) -> asyncio.Future[bool]:
        """Try a write, as ``Database.probe`` does."""
        return self._writes.submit(self._writer.probe, is_counted=False)

    async def version(self) -> int:
        return await self._writes.run(self._writer.version, is_counted=False)

    async def mend(self) -> None:
        """Let go of a file that has a fault, and open what stands at the path.

        Raises:
            StoreUnavailable: that is no whole database of this version's revision.
        """
        await self._let_go()
        self._writer, self._reader = await self._writes.run(self._open_again, is_counted=False)
        self._is_open = True

    async def close(self) -> None:
        """Close both; the last to close tidies the log away, where the file is still its own."""
        try:
            with suppress(StoreUnavailable):
                await self._writes.run(self._writer.file.require_own, is_counted=False)
            if self.fault is None:
                await self._reads.run(self._reader.close, is_counted=False)
                await self._writes.run(self._writer.close, is_counted=False)
            else:
                await self._let_go()
        finally:
            self._end()

    async def _let_go(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._writes.run(self._writer.let_go, is_counted=False)
            await self._reads.run(self._reader.let_go, is_counted=False)
            await self._writes.run(self._writer.file.set_own_log_aside, is_counted=False)

    def _open(self, open_database: Callable[[str], Database]) -> tuple[Database, Database]:
        """Open the file twice, to write and to read, once it is known to be whole."""
        path = Path(make_url(self._url).database or "")
        with translated(path):
            part_from_foreign_log(path)
        with ExitStack() as on_failure:
            writer = open_database(self._url)
            on_failure.callback(writer.let_go)
            writer.wait_at_most(self._busy_seconds)
            self._prepare(writer)
            reader = Database(self._url, self._busy_seconds, reader_of=writer.file)
            on_failure.pop_all()
        return writer, reader

    def _open_again(self) -> tuple[Database, Database]:
        self._writer.file.set_own_log_aside()
        return self._open(Database.open_current)

    def _end(self) -> None:
        self._reads.close()
        self._writes.close()
