"""The server's door to the database: asynchronous, remembered; see decision 0007.

What was asked for is done even when whoever asked has gone away, and what it makes stale is dropped
all the same.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from typing import TypeAlias, TypeVar

from cardiorisk.errors import AccountSuspended, InvalidKey, ServiceError, StoreUnavailable
from cardiorisk.identity.keys import Principal, may_be_key
from cardiorisk.identity.tokens import Tokens, Use, looks_like_token
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_changes, rows_keys, rows_sessions
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.memo import REFUSED, Memo, Refusal, digest
from cardiorisk.store.sqlite_file import FileFault
from cardiorisk.store.values import Credential
from cardiorisk.workers import Failures, Worker

WATCH_SECONDS = 0.25  # between two looks for others' writes: a revocation arrives well within 1 s
FLUSH_SECONDS = 60.0
MOST_JOBS = 500  # of reads and of changes, each, that may wait; a change takes 1 to 3 ms
PROBE_SECONDS = 0.5  # for which a tried write holds, and for which a caller waits for it
STUCK_SECONDS = 5.0  # a tried write that lasts longer is a fault; a lock is given up sooner
ROWS_A_TRANSACTION = 500  # last uses or calls, in 30 ms; look-ups get their turn in between
_COOKIE_MARK = "cookie\n"  # apart from keys in the memo: no header can hold a line end

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Question: TypeAlias = Callable[[Rows], Credential | None]
_DONE = {"read": "read", "write": "written"}
_Place = TypeVar("_Place")
_Value = TypeVar("_Value")


class Store:
    """The database for the event loop, closed with the store.

    Without a ``token_secret``, the database's own is used. Whatever asks the database raises
    ``Overloaded`` where too much waits for it, and ``StoreUnavailable`` where it cannot be used.
    """

    def __init__(
        self,
        database: Database,
        token_secret: bytes | None = None,
        limiter: Limiter | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self._limiter = limiter or Limiter(clock)
        self._clock = clock
        self._monotonic = monotonic
        self._token_secret = token_secret
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            self._take_secret()
            on_failure.pop_all()
        overload = "the database has too much to do; try again in a second"
        self._writes = Worker("store", MOST_JOBS, overload, database.writers)
        self._reads = Worker("store-reads", MOST_JOBS, overload, database.readers)
        self._failures = Failures(_logger)
        self.memo = Memo(monotonic)
        self._probe: asyncio.Future[bool] | None = None
        self._probed_at = -math.inf
        self._is_mending = False  # until it is known and told that the file works again
        self._watcher: asyncio.Task[None] | None = None
        self._last_change: int | None = None
        self.network_wanted = asyncio.Event()  # another process wants another network, or might
        self._flush_at = monotonic() + FLUSH_SECONDS
        self._flushing = asyncio.Lock()
        # Not written yet: by key id, in seconds since the epoch; by account and day.
        self._last_used: dict[str, float] = {}
        self._calls = Counter[tuple[int, date]]()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def start(self) -> None:
        await self.refresh()
        self._watcher = asyncio.create_task(self._watch(), name="store-watcher")

    async def principal(self, credential: str) -> Principal:
        """Return whom an API key or an access token stands for, or raise ``InvalidKey``."""
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
        place = digest(_COOKIE_MARK + cookie)
        found = self.memo.find(place)
        if found is None:
            found = await self._look_up(place, self._question_of_token(cookie, "session"))
        if found is REFUSED or found.is_suspended:
            raise _refusal(found, "session", "expired or ended; log in again")
        return found

    def is_used(self, key_id: str) -> bool:
        return key_id in self._last_used

    async def read(self, fn: Callable[[Rows], _Result]) -> _Result:
        return await self._told("read", self._begin_read(fn))

    async def change(self, fn: Callable[[Rows], _Result], *, is_counted: bool = True) -> _Result:
        """Run a function in a transaction, and drop what it makes stale before anybody is told."""
        begun, stale = time.monotonic(), set[int]()

        def change() -> _Result:
            with self.database.writing(time.monotonic() - begun) as rows:
                result = fn(rows)
                stale.update(rows_changes.noted(rows))  # whether or not it is known to be kept
                return result

        job = self._writes.submit(change, is_counted=is_counted)
        job.add_done_callback(lambda _: self.memo.drop(stale))
        return await self._told("write", job)

    async def read_with_calls(
        self, fn: Callable[[Rows], _Result], account_id: int
    ) -> tuple[_Result, Counter[date]]:
        """Read, and return beside it an account's calls by day that are not written yet."""
        async with self._flushing:  # in the middle of it, nobody knows where a call is counted
            result = await self.read(fn)
            calls = self._limiter.calls_of(account_id)
            for (account, day), count in self._calls.items():
                if account == account_id:
                    calls[day] += count
            return result, calls

    async def check(self) -> None:
        """Check that a write would reach the disk; callers within half a second share one try.

        Another process's lock is no fault, nor are changes that wait for its end.
        """
        probe, is_old = self._probe, self._monotonic() >= self._probed_at + PROBE_SECONDS
        if probe is None or (probe.done() and is_old):
            probe = self._probe = self._writes.submit(self.database.probe, is_counted=False)
            self._probed_at = self._monotonic()
        await asyncio.wait({probe}, timeout=PROBE_SECONDS)
        if self.database.fault is not None or self._is_mending:
            raise StoreUnavailable("the database cannot be used right now")
        if not probe.done():
            if self._monotonic() > self._probed_at + STUCK_SECONDS:
                raise StoreUnavailable("the database does not answer")
            return
        try:
            if probe.result():
                self._failures.note("write", None)
        except StoreUnavailable as error:
            raise self._unavailable("write", error) from error

    async def refresh(self) -> None:
        """Drop what other processes have changed since the last call, or might have.

        A file that has a fault is let go of at the next call, and what is whole then is opened.
        While a server is away the memo goes on: what it holds ends by itself.
        """
        try:
            if self.database.fault is not None:
                self._is_mending = True
                self._failures.note("the database", StoreUnavailable(self.database.fault))
                await self._writes.run(self.database.mend, is_counted=False)
                self._probe = self._last_change = None
            await self._catch_up()
            self._failures.note("the database", None)
            self._is_mending = False
        except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
            self._failures.note("the database", error)
            if not self.database.is_shared:
                self._last_change = None
                self.memo.drop_all()

    async def _catch_up(self) -> None:
        worker = self._reads if self.database.is_shared else self._writes
        look = partial(self.database.changes_since, self._last_change)
        newest, changed = await worker.run(look, is_counted=False)
        if changed is None:
            await self._writes.run(self._take_secret, is_counted=False)
            self.memo.drop_all()
        else:
            self.memo.drop(changed)
        if changed is None or rows_changes.NETWORK in changed:
            self.network_wanted.set()
        self._last_change = newest

    async def flush(self) -> None:
        async with self._flushing:
            self._calls.update(self._limiter.take_calls())
            try:
                for _ in range(0, len(self._last_used), ROWS_A_TRANSACTION):
                    await self._write(self._last_used, rows_keys.note_last_used)
                for _ in range(0, len(self._calls), ROWS_A_TRANSACTION):
                    await self._write(self._calls, rows_accounts.add_calls)
            except StoreUnavailable:
                pass  # it was told
            except Exception as error:  # noqa: BLE001 - the watcher must outlive every failure
                self._failures.note("flush", error)

    async def close(self) -> None:
        if self._writes.is_closed:
            return
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self.flush()
        self._reads.close()
        self._writes.close()
        self.database.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            await self.refresh()
            if self._monotonic() >= self._flush_at:
                self._flush_at = self._monotonic() + FLUSH_SECONDS
                await self.flush()

    def _question(self, key_digest: bytes, credential: str) -> _Question | None:
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
        begin = partial(self._begin_read, question, is_counted=False)
        found = await self._told("read", self.memo.share(place, begin))
        return REFUSED if found is None else found.principal

    def _begin_read(
        self, fn: Callable[[Rows], _Result], *, is_counted: bool = True
    ) -> asyncio.Future[_Result]:
        def read() -> _Result:
            with self.database.reading() as rows:
                return fn(rows)

        return self._reads.submit(read, is_counted=is_counted)

    async def _write(
        self, unwritten: dict[_Place, _Value], write: Callable[[Rows, dict[_Place, _Value]], None]
    ) -> None:
        batch = dict(islice(unwritten.items(), ROWS_A_TRANSACTION))
        for place in batch:
            del unwritten[place]
        try:
            await self.change(lambda rows: write(rows, batch), is_counted=False)
        except Exception:
            for place in batch.keys() - unwritten.keys():  # a later use is kept
                unwritten[place] = batch[place]
            raise

    async def _told(self, work: str, job: asyncio.Future[_Result]) -> _Result:
        """Wait for a job; a client learns of a failure only that the database cannot be used."""
        try:
            result = await asyncio.shield(job)
        except StoreUnavailable as error:
            raise self._unavailable(work, error) from error
        self._failures.note(work, None)
        return result

    def _unavailable(self, work: str, error: StoreUnavailable) -> StoreUnavailable:
        if not isinstance(error, FileFault):
            self._failures.note(work, error)
        return StoreUnavailable(f"the database cannot be {_DONE[work]} right now")

    def _take_secret(self) -> None:
        secret = self._token_secret or rows_sessions.load_secret(self.database)
        self.tokens = Tokens(secret, self.now)


def _refusal(found: Principal | Refusal, what: str, reasons: str) -> ServiceError:
    if found is REFUSED:
        return InvalidKey(f"the {what} is not valid: {reasons}")
    return AccountSuspended()
