"""The server's door to the database: asynchronous, remembered, on one thread.

A known key or access token costs the event loop a hash and a dictionary look-up. Everything else
runs on one thread with one connection, so that ``PRAGMA data_version`` tells of other processes'
writes alone; a watcher asks it four times a second and then forgets the whole memo. What was asked
for is done even when whoever asked has gone away, and what it makes stale is dropped all the same.
See decision 0007.
"""

from __future__ import annotations

import asyncio
import logging
import operator
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from typing import TypeAlias, TypeVar

from cardiorisk.errors import AccountSuspended, InvalidKey, ServiceError, StoreUnavailable
from cardiorisk.identity.keys import Principal, may_be_key
from cardiorisk.identity.tokens import Tokens, Use, looks_like_token
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_keys, rows_sessions
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.memo import REFUSED, Lookups, Memo, Refusal, Stale, digest
from cardiorisk.store.values import Credential
from cardiorisk.workers import Failures, Worker

WATCH_SECONDS = 0.25
"""Between two looks for another process's writes, so a revocation arrives well within 1 s."""
FLUSH_SECONDS = 60.0
BUSY_SECONDS = 1.0
"""How long the thread waits for another process's write to end; look-ups wait behind it."""
MOST_LOOKUPS = 1_000
"""Look-ups that may wait; a look-up takes a fifth of a millisecond, so they wait 0.2 s at most."""
MOST_JOBS = 500
"""Reads and changes that may wait; a change takes one to three milliseconds."""
ROWS_A_TRANSACTION = 500
"""Last uses or calls that one transaction writes, in 30 ms; look-ups get their turn in between."""
_COOKIE_MARK = "cookie\n"
"""Keeps cookies apart from keys in the memo: no ``Authorization`` header can hold a line end."""

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Question: TypeAlias = "Callable[[Rows], Credential | None]"
_Drops: TypeAlias = "Stale | Callable[[_Result], Stale | None] | None"
_Place = TypeVar("_Place")
_Value = TypeVar("_Value")


class Store:
    """The database for the event loop, at its newest revision, made or upgraded where needed.

    Without a ``token_secret``, the database's own is used; the first opening makes it. Whatever
    asks the database raises ``Overloaded`` where too much waits for it, and ``StoreUnavailable``
    where it cannot be used.
    """

    def __init__(
        self,
        url: str,
        token_secret: bytes | None = None,
        limiter: Limiter | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        busy_seconds: float = BUSY_SECONDS,
        open_database: Callable[[str], Database] = Database.open,
    ) -> None:
        self._worker = Worker(
            "store", MOST_JOBS, "the database has too much to do; try again in a second"
        )
        try:
            opening = partial(_open, partial(open_database, url), token_secret, busy_seconds)
            self._database, secret = self._worker.run_now(opening)
        except BaseException:
            self._worker.close()
            raise
        self._limiter = limiter or Limiter(clock)
        self._clock = clock
        self._monotonic = monotonic
        self.tokens = Tokens(secret, self.now)
        self._failures = Failures(_logger)
        self.memo = Memo(monotonic)
        self._lookups = Lookups(self.memo, MOST_LOOKUPS)
        self._checking: asyncio.Future[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._version: int | None = None
        self._flush_at = monotonic() + FLUSH_SECONDS
        self._last_used: dict[str, float] = {}
        """By key id, in seconds since the epoch; not written yet."""
        self._calls: dict[tuple[int, date], int] = {}
        """By account and day; taken from the limiter, and not written yet."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def start(self) -> None:
        """Begin to watch for other processes' writes and to flush once a minute."""
        await self.refresh()
        self._watcher = asyncio.create_task(self._watch(), name="store-watcher")

    async def principal(self, credential: str) -> Principal:
        """Return whom an API key or an access token stands for.

        Raises:
            InvalidKey: it is malformed, unknown, forged, expired, revoked or ended.
            AccountSuspended: it is genuine, and its account is suspended.
        """
        place = digest(credential)
        found = self.memo.find(place)
        if found is None:
            found = await self._look_up(place, self._question(place, credential))
        if found is REFUSED or found.is_suspended:
            raise _refusal(found, "API key or token", "mistyped, unknown, expired or revoked")
        if found.session_id is None:
            self._last_used[found.key_id] = self._clock()
        return found

    async def session_principal(self, cookie: str) -> Principal:
        """Return whom the token in a browser's cookie stands for; raises as ``principal`` does."""
        place = digest(_COOKIE_MARK + cookie)
        found = self.memo.find(place)
        if found is None:
            found = await self._look_up(place, self._question_of_token(cookie, "session"))
        if found is REFUSED or found.is_suspended:
            raise _refusal(found, "session", "expired or ended; log in again")
        return found

    async def read(self, fn: Callable[[Rows], _Result]) -> _Result:
        """Run a function in a transaction that changes nothing."""
        job = partial(_in_transaction, self._database.reading, fn)
        return await self._told("read", self._worker.submit(job))

    async def change(self, fn: Callable[[Rows], _Result], drops: _Drops[_Result] = None) -> _Result:
        """Run a function in a transaction, and drop what it makes stale before anybody is told."""
        change = self._worker.submit(partial(_in_transaction, self._database.writing, fn))
        change.add_done_callback(partial(self._drop_stale, drops))
        return await self._told("write", change)

    def unwritten_calls(self, account_id: int) -> dict[date, int]:
        """Return an account's calls by day that a read which is queued now will not find."""
        calls = self._limiter.calls_of(account_id)
        for (account, day), count in self._calls.items():
            if account == account_id:
                calls[day] = calls.get(day, 0) + count
        return calls

    async def check(self) -> None:
        """Check that the database can be written; callers at the same time share one check."""
        if self._checking is None or self._checking.done():
            self._checking = self._worker.submit(self._database.require_writable, is_counted=False)
        await self._told("check", self._checking)

    async def refresh(self) -> None:
        """Drop the memo if another process has written since the last call, or might have."""
        try:
            version = await self._worker.run(self._database.version, is_counted=False)
        except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
            self._failures.note("watch", error)
            self._version = None
            self.memo.drop_all()
            return
        self._failures.note("watch", None)
        if version != self._version:
            self._version = version
            self.memo.drop_all()

    async def flush(self) -> None:
        """Write when keys were last used, and the calls of each day, or keep it for next time."""
        _merge(self._calls, self._limiter.take_calls(), operator.add)
        try:
            await self._write(self._last_used, rows_keys.note_last_used, max)
            await self._write(self._calls, rows_accounts.add_calls, operator.add)
        except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
            self._failures.note("flush", error)
        else:
            self._failures.note("flush", None)

    async def close(self) -> None:
        """Stop watching, write what is left to write, and close; closing twice is harmless."""
        if self._worker.is_closed:
            return
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self.flush()
        try:
            await self._worker.run(self._database.close, is_counted=False)
        finally:
            self._worker.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self.refresh()
            if self._monotonic() >= self._flush_at:
                self._flush_at = self._monotonic() + FLUSH_SECONDS
                await self.flush()

    def _question(self, key_digest: bytes, credential: str) -> _Question | None:
        """Return what must be asked of the database, None where it need not be."""
        if may_be_key(credential):
            return lambda rows: rows_keys.find_credential(rows, key_digest, self.now())
        if looks_like_token(credential):
            return self._question_of_token(credential, "access")
        return None

    def _question_of_token(self, token: str, use: Use) -> _Question | None:
        try:
            claims = self.tokens.read(token, use)
        except InvalidKey:
            return None
        return lambda rows: rows_sessions.find_credential(rows, claims, self.now())

    async def _look_up(self, place: bytes, question: _Question | None) -> Principal | Refusal:
        if question is None:
            return REFUSED
        job = partial(_in_transaction, self._database.reading, question)
        begin = partial(self._worker.submit, job, is_counted=False)
        found = await self._told("look-up", self._lookups.share(place, begin))
        return REFUSED if found is None else found.principal

    def _drop_stale(self, drops: _Drops[_Result], change: asyncio.Future[_Result]) -> None:
        """Drop what a change made stale; everything, where nobody knows whether it was kept."""
        error = change.exception()
        if error is None:
            stale = drops(change.result()) if callable(drops) else drops
            if stale is not None:
                self.memo.drop(stale)
        elif isinstance(error, StoreUnavailable) or not isinstance(error, ServiceError):
            self.memo.drop_all()

    async def _write(
        self,
        unwritten: dict[_Place, _Value],
        write: Callable[[Rows, dict[_Place, _Value]], None],
        merged: Callable[[_Value, _Value], _Value],
    ) -> None:
        """Write in batches, and keep one that fails for the next time."""
        for _ in range(0, len(unwritten), ROWS_A_TRANSACTION):
            batch = dict(islice(unwritten.items(), ROWS_A_TRANSACTION))
            for place in batch:
                del unwritten[place]

            def job(batch: dict[_Place, _Value] = batch) -> None:
                with self._database.writing() as rows:
                    write(rows, batch)

            try:
                await self._worker.run(job, is_counted=False)
            except Exception:
                _merge(unwritten, batch, merged)
                raise

    async def _told(self, work: str, job: asyncio.Future[_Result]) -> _Result:
        """Wait for a job; a client learns of a failure only that the database cannot be used."""
        try:
            result = await asyncio.shield(job)
        except StoreUnavailable as error:
            self._failures.note(work, error)
            verb = "read" if work in {"read", "look-up"} else "written"
            raise StoreUnavailable(f"the database cannot be {verb} right now") from error
        self._failures.note(work, None)
        return result


def _in_transaction(
    begin: Callable[[], AbstractContextManager[Rows]], fn: Callable[[Rows], _Result]
) -> _Result:
    with begin() as rows:
        return fn(rows)


def _refusal(found: Principal | Refusal, what: str, reasons: str) -> ServiceError:
    if found is REFUSED:
        return InvalidKey(f"the {what} is not valid: {reasons}")
    return AccountSuspended()


def _open(
    begin: Callable[[], Database], token_secret: bytes | None, busy_seconds: float
) -> tuple[Database, bytes]:
    database = begin()
    try:
        database.wait_at_most(busy_seconds)
        return database, token_secret or rows_sessions.load_secret(database)
    except BaseException:
        database.close()
        raise


def _merge(
    values: dict[_Place, _Value],
    more: dict[_Place, _Value],
    merged: Callable[[_Value, _Value], _Value],
) -> None:
    for place, value in more.items():
        values[place] = merged(values[place], value) if place in values else value
