"""The server's way to the database: asynchronous, remembered, on one thread.

A known key costs the event loop a hash and a dictionary look-up. Everything else runs on one
thread with one connection, so that ``PRAGMA data_version`` tells of other processes' writes
alone; a watcher asks it four times a second and then forgets the whole memo. The surprise: a
call whose caller goes away still runs to its end, and what it makes stale is dropped all the
same. A failure's cause is logged here and never told to a client. See decision 0010.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Self, TypeVar

from cardiorisk.errors import InvalidKey, Overloaded, ServiceError, StoreUnavailable
from cardiorisk.keys import digest, is_well_formed
from cardiorisk.store.memo import REFUSED, Memo
from cardiorisk.store.records import Records, utc_now
from cardiorisk.store.thread import DatabaseThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cardiorisk.keys import Principal
    from cardiorisk.store.memo import MemoStatistics, Refusal
    from cardiorisk.store.words import AccountRecord, Credential, KeyRecord

WATCH_SECONDS = 0.25
"""Between two looks for another process's writes, so a revocation arrives well within 1 s."""
FLUSH_SECONDS = 60.0
BUSY_SECONDS = 1.0
"""How long the thread waits for another process's write to end; look-ups wait behind it."""
MOST_LOOKUPS = 1_000
"""Look-ups that may wait; a look-up takes a fifth of a millisecond, so they wait 0.2 s at most."""
_USES_A_TRANSACTION = 500
"""Keys whose last use one transaction writes, in 30 ms; look-ups get their turn in between."""

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Store:
    """Accounts and keys for the event loop; made by ``open``, ended by ``close``.

    Args:
        records: opened on ``thread``, and used there only.
        thread: where the database's work is done.
        clock: seconds from a monotonic clock.
        now: this moment, aware.
        most_lookups: look-ups that may wait before callers are sent away.
    """

    def __init__(
        self,
        records: Records,
        thread: DatabaseThread,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        most_lookups: int = MOST_LOOKUPS,
    ) -> None:
        self._records = records
        self._thread = thread
        self._clock = clock
        self._now = now
        self._most_lookups = most_lookups
        self._memo = Memo(clock)
        self._lookups: dict[tuple[int, bytes], asyncio.Future[Credential | None]] = {}
        self._checking: asyncio.Future[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._version: int | None = None
        self._last_used: dict[str, datetime] = {}
        self._flush_at = clock() + FLUSH_SECONDS
        self._failing: set[str] = set()

    @classmethod
    def open(
        cls,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        most_lookups: int = MOST_LOOKUPS,
    ) -> Self:
        """Open the database at its newest revision, making or upgrading it where needed.

        Raises:
            StoreUnavailable: the file cannot be used; the message names it and says why.
        """
        thread = DatabaseThread()
        try:
            records = thread.run_now(partial(_open_records, url, now))
        except BaseException:
            thread.end()
            raise
        return cls(records, thread, clock, now, most_lookups)

    async def start(self) -> None:
        """Begin to watch for other processes' writes and to keep when keys were last used."""
        await self.refresh()
        self._watcher = asyncio.create_task(self._watch(), name="store-watcher")

    async def principal(self, key: str) -> Principal:
        """Return whom a key stands for.

        Raises:
            InvalidKey: it is malformed, unknown, expired or revoked.
            Overloaded: too many look-ups wait.
            StoreUnavailable: the database cannot be read.
        """
        key_digest = digest(key)
        found = self._memo.find(key_digest)
        if found is None:
            found = await self._look_up(key_digest) if is_well_formed(key) else REFUSED
        if found is REFUSED:
            raise InvalidKey("the API key is not valid: mistyped, unknown, expired or revoked")
        self._last_used[found.key_id] = self._now()
        return found

    async def create_first_key(self) -> str | None:
        """Make a demo account where there is no account yet and return its key, else None."""
        minted = await self._thread.run(self._records.create_first_key)
        return None if minted is None else minted.key

    async def revoke_key(self, key_id: str) -> KeyRecord:
        """End a key; from the return on, it opens nothing.

        Raises:
            UnknownKey: no key has this id.
        """
        return await self._change(
            partial(self._records.revoke_key, key_id), lambda _: self._memo.drop_key(key_id)
        )

    async def set_plan(self, account: str, plan: str) -> AccountRecord:
        """Put an account on a plan; from the return on, its keys carry it.

        Raises:
            UnknownAccount: no account has this name.
        """
        return await self._change(
            partial(self._records.set_plan, account, plan),
            lambda record: self._memo.drop_account(record.account_id),
        )

    async def check(self) -> None:
        """Check that the database can be written; callers at the same time share one check.

        Raises:
            StoreUnavailable: it cannot.
        """
        if self._checking is None or self._checking.done():
            self._checking = self._thread.submit(self._records.database.require_writable)
        try:
            await asyncio.shield(self._checking)
        except StoreUnavailable as error:
            self._note("check", error)
            raise StoreUnavailable("the database cannot be written right now") from error
        self._note("check", None)

    async def refresh(self) -> None:
        """Drop the memo if another process has written since the last call, or might have."""
        try:
            version = await self._thread.run(self._records.database.version)
        except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
            self._note("watch", error)
            self._version = None
            self._memo.drop_all()
            return
        self._note("watch", None)
        if version != self._version:
            self._version = version
            self._memo.drop_all()

    async def flush(self) -> None:
        """Write when keys were last used; what cannot be written now is tried again later."""
        for _ in range(0, len(self._last_used), _USES_A_TRANSACTION):
            moments = dict(islice(self._last_used.items(), _USES_A_TRANSACTION))
            for key_id in moments:
                del self._last_used[key_id]
            try:
                await self._thread.run(partial(self._records.note_last_used, moments))
            except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
                self._note("flush", error)
                self._last_used = moments | self._last_used
                return
        self._note("flush", None)

    async def close(self) -> None:
        """Stop watching, write what is left to write, and close; closing twice is harmless."""
        if self._thread.is_closed:
            return
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self.flush()
        try:
            await self._thread.run(self._records.close)
        finally:
            self._thread.end()

    @property
    def memo_statistics(self) -> MemoStatistics:
        """What the memo has spared, and what it holds."""
        return self._memo.statistics()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self.refresh()
            if self._clock() >= self._flush_at:
                self._flush_at = self._clock() + FLUSH_SECONDS
                await self.flush()

    async def _look_up(self, key_digest: bytes) -> Principal | Refusal:
        """Ask the database for a key, together with whoever asks for the same one meanwhile.

        A look-up is shared within a generation of the memo only: one that began before a drop
        may have read what was dropped, and a caller that came after it must not be told.
        """
        place = (self._memo.generation, key_digest)
        lookup = self._lookups.get(place)
        if lookup is None:
            if len(self._lookups) >= self._most_lookups:
                raise Overloaded("too many keys are being looked up; try again in a second")
            lookup = self._thread.submit(partial(self._records.find_credential, key_digest))
            self._lookups[place] = lookup
            lookup.add_done_callback(partial(self._remember, *place))
        try:
            credential = await asyncio.shield(lookup)
        except StoreUnavailable as error:
            self._note("look-up", error)
            raise StoreUnavailable("the database cannot be read right now") from error
        self._note("look-up", None)
        return REFUSED if credential is None else credential.principal

    def _remember(
        self, generation: int, key_digest: bytes, lookup: asyncio.Future[Credential | None]
    ) -> None:
        del self._lookups[generation, key_digest]
        if lookup.exception() is not None:
            return
        credential = lookup.result()
        if credential is None:
            self._memo.refuse(key_digest, generation)
        else:
            self._memo.keep(
                key_digest, credential.principal, credential.lifetime_seconds, generation
            )

    async def _change(self, job: Callable[[], _Result], drop: Callable[[_Result], None]) -> _Result:
        """Run a change to its end and drop what it made stale, before anybody is told.

        After a failure that leaves open whether the change was kept, everything is dropped.
        """
        change = self._thread.submit(job)

        def drop_stale(done: asyncio.Future[_Result]) -> None:
            error = done.exception()
            if error is None:
                drop(done.result())
            elif isinstance(error, StoreUnavailable) or not isinstance(error, ServiceError):
                self._memo.drop_all()

        change.add_done_callback(drop_stale)
        return await asyncio.shield(change)

    def _note(self, work: str, error: Exception | None) -> None:
        """Log the first of a row of failures, and the end of the row."""
        if error is not None and work not in self._failing:
            self._failing.add(work)
            _logger.warning("%s fails: %s", work, error)
        elif error is None and work in self._failing:
            self._failing.remove(work)
            _logger.warning("%s works again", work)


def _open_records(url: str, now: Callable[[], datetime]) -> Records:
    records = Records.open(url, now)
    records.database.wait_at_most(BUSY_SECONDS)
    return records
