"""The server's way to the database: asynchronous, remembered, on one thread.

A known key or access token costs the event loop a hash and a dictionary look-up. Everything else
runs on one thread with one connection, so that ``PRAGMA data_version`` tells of other processes'
writes alone; a watcher asks it four times a second and then forgets the whole memo. The surprise:
a call whose caller goes away still runs to its end, and what it makes stale is dropped all the
same. See decision 0007.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Self

from cardiorisk.errors import AccountSuspended, InvalidKey, StoreUnavailable
from cardiorisk.identity.keys import digest, is_well_formed
from cardiorisk.identity.tokens import Tokens, looks_like_token
from cardiorisk.limits.window import Limiter
from cardiorisk.store.account_records import AccountRecords
from cardiorisk.store.account_store import AccountStore
from cardiorisk.store.assessment_records import AssessmentRecords
from cardiorisk.store.assessment_store import AssessmentStore
from cardiorisk.store.lookups import MOST_LOOKUPS, Lookups
from cardiorisk.store.memo import REFUSED, Memo
from cardiorisk.store.operator_records import OperatorRecords
from cardiorisk.store.operator_store import OperatorStore
from cardiorisk.store.records import Records, utc_now
from cardiorisk.store.session_records import SessionRecords
from cardiorisk.store.thread import DatabaseThread
from cardiorisk.store.usage_records import UsageRecords
from cardiorisk.store.usage_store import UsageStore
from cardiorisk.store.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cardiorisk.identity.keys import Principal
    from cardiorisk.store.memo import MemoStatistics
    from cardiorisk.store.values import Credential

WATCH_SECONDS = 0.25
"""Between two looks for another process's writes, so a revocation arrives well within 1 s."""
FLUSH_SECONDS = 60.0
BUSY_SECONDS = 1.0
"""How long the thread waits for another process's write to end; look-ups wait behind it."""
_COOKIE_MARK = "cookie\n"
"""Keeps cookies apart from keys in the memo: no ``Authorization`` header can hold a line end."""
_USES_A_TRANSACTION = 500
"""Keys whose last use one transaction writes, in 30 ms; look-ups get their turn in between."""


class Store:
    """Accounts and keys for the event loop; made by ``open``, ended by ``close``.

    Attributes:
        tokens: makes and reads tokens with this database's secret, or the one that was given.
        accounts: accounts, sessions and keys of one's own.
        assessments: kept assessments.
        usage: calls a day.
        operated: everybody's accounts, for operators.

    Args:
        records: opened on ``thread``, and used there only.
        thread: where the database's work is done.
        tokens: see the attribute.
        clock: seconds from a monotonic clock.
        now: this moment, aware.
        most_lookups: look-ups that may wait before callers are sent away.
        limiter: counts the calls that ``usage`` keeps; none are, without one.
    """

    def __init__(
        self,
        records: Records,
        thread: DatabaseThread,
        tokens: Tokens,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        most_lookups: int = MOST_LOOKUPS,
        limiter: Limiter | None = None,
    ) -> None:
        self._records = records
        self._thread = thread
        self._clock = clock
        self._now = now
        self._memo = Memo(clock)
        self._work = Work(thread, self._memo)
        self._lookups = Lookups(thread, self._memo, self._work, most_lookups)
        database = records.database
        self._sessions = SessionRecords(database, now)
        self.tokens = tokens
        self.accounts = AccountStore(
            AccountRecords(database, now), self._sessions, self._work, self._memo
        )
        self.assessments = AssessmentStore(AssessmentRecords(database), self._work)
        self.usage = UsageStore(UsageRecords(database), self._work, thread, limiter or Limiter())
        self.operated = OperatorStore(OperatorRecords(database, now), self._work, self._memo)
        self._checking: asyncio.Future[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._version: int | None = None
        self._last_used: dict[str, datetime] = {}
        self._flush_at = clock() + FLUSH_SECONDS

    @classmethod
    def open(
        cls,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        most_lookups: int = MOST_LOOKUPS,
        token_secret: bytes | None = None,
        limiter: Limiter | None = None,
    ) -> Self:
        """Open the database at its newest revision, making or upgrading it where needed.

        Without a ``token_secret``, the database's own is used; the first opening makes it.

        Raises:
            StoreUnavailable: the file cannot be used; the message names it and says why.
        """
        thread = DatabaseThread()
        try:
            records, secret = thread.run_now(partial(_open_records, url, now, token_secret))
        except BaseException:
            thread.end()
            raise
        return cls(records, thread, Tokens(secret, now), clock, now, most_lookups, limiter)

    async def start(self) -> None:
        """Begin to watch for other processes' writes and to keep when keys were last used."""
        await self.refresh()
        self._watcher = asyncio.create_task(self._watch(), name="store-watcher")

    async def principal(self, credential: str) -> Principal:
        """Return whom an API key or an access token stands for.

        Raises:
            InvalidKey: it is malformed, unknown, forged, expired, revoked or ended.
            AccountSuspended: it is genuine, and its account is suspended.
            Overloaded: too many look-ups wait.
            StoreUnavailable: the database cannot be read.
        """
        key_digest = digest(credential)
        found = self._memo.find(key_digest)
        if found is None:
            job = self._job_for(key_digest, credential)
            found = REFUSED if job is None else await self._lookups.ask(key_digest, job)
        if found is REFUSED:
            raise InvalidKey(
                "the API key or token is not valid: mistyped, unknown, expired or revoked"
            )
        if found.is_suspended:
            raise AccountSuspended
        if found.session_id is None:
            self._last_used[found.key_id] = self._now()
        return found

    async def session_principal(self, cookie: str) -> Principal:
        """Return whom the session token in a browser's cookie stands for.

        Raises:
            InvalidKey: it is malformed, forged, expired or ended.
            AccountSuspended: it is genuine, and its account is suspended.
            Overloaded: too many look-ups wait.
            StoreUnavailable: the database cannot be read.
        """
        place = digest(_COOKIE_MARK + cookie)
        found = self._memo.find(place)
        if found is None:
            job = self._job_of_session(cookie)
            found = REFUSED if job is None else await self._lookups.ask(place, job)
        if found is REFUSED:
            raise InvalidKey("the session is not valid: expired or ended; log in again")
        if found.is_suspended:
            raise AccountSuspended
        return found

    async def create_first_key(self) -> str | None:
        """Make a demo account where there is no account yet and return its key, else None."""
        minted = await self._thread.run(self._records.create_first_key)
        return None if minted is None else minted.key

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
            self._work.note("check", error)
            raise StoreUnavailable("the database cannot be written right now") from error
        self._work.note("check", None)

    async def refresh(self) -> None:
        """Drop the memo if another process has written since the last call, or might have."""
        try:
            version = await self._thread.run(self._records.database.version)
        except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
            self._work.note("watch", error)
            self._version = None
            self._memo.drop_all()
            return
        self._work.note("watch", None)
        if version != self._version:
            self._version = version
            self._memo.drop_all()

    async def flush(self) -> None:
        """Write when keys were last used, and the calls of each day.

        What cannot be written now is tried again later.
        """
        for _ in range(0, len(self._last_used), _USES_A_TRANSACTION):
            moments = dict(islice(self._last_used.items(), _USES_A_TRANSACTION))
            for key_id in moments:
                del self._last_used[key_id]
            try:
                await self._thread.run(partial(self._records.note_last_used, moments))
            except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
                self._work.note("flush", error)
                self._last_used = moments | self._last_used
                return
        try:
            await self.usage.flush()
        except Exception as error:  # noqa: BLE001 - likewise
            self._work.note("flush", error)
            return
        self._work.note("flush", None)

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

    def _job_for(
        self, key_digest: bytes, credential: str
    ) -> Callable[[], Credential | None] | None:
        """Return what must be asked of the database, None where it need not be."""
        if is_well_formed(credential):
            return partial(self._records.find_credential, key_digest)
        if looks_like_token(credential):
            try:
                claims = self.tokens.read_access(credential)
            except InvalidKey:
                return None
            return partial(self._sessions.find_credential, claims)
        return None

    def _job_of_session(self, cookie: str) -> Callable[[], Credential | None] | None:
        """Return what must be asked about a cookie, None where it is none of ours."""
        try:
            claims = self.tokens.read_session(cookie)
        except InvalidKey:
            return None
        return partial(self._sessions.find_credential, claims)


def _open_records(
    url: str, now: Callable[[], datetime], token_secret: bytes | None
) -> tuple[Records, bytes]:
    records = Records.open(url, now)
    try:
        records.database.wait_at_most(BUSY_SECONDS)
        return records, token_secret or SessionRecords(records.database, now).load_secret()
    except BaseException:
        records.close()
        raise
