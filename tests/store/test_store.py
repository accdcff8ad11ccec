"""The store as the server uses it: remembered, shared, honest when something moves under it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from cardiorisk.errors import (
    AccountSuspended,
    InvalidKey,
    NotReady,
    Overloaded,
    StoreUnavailable,
    UnknownKey,
)
from cardiorisk.identity.keys import Principal, new_key
from cardiorisk.identity.tokens import SESSION_LIFETIME, TokenPair, Tokens
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_changes, rows_keys, rows_sessions
from cardiorisk.store.database import Database, open_database, open_existing, open_served
from cardiorisk.store.memo import MOST_LOOKUPS
from cardiorisk.store.sqlite_file import back_up
from cardiorisk.store.store import FLUSH_SECONDS, MOST_JOBS, PROBE_SECONDS, Store
from cardiorisk.store.tables import Base

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from tornado.ioloop import IOLoop

    from cardiorisk.store.database import Rows
    from cardiorisk.store.values import MintedKey
    from tests.support import SettableClock

    Watched = tuple[Store, "Watcher"]

T = TypeVar("T")
ANA = 1
TODAY = date(2026, 11, 22)


@pytest.fixture
def limiter(clock: SettableClock) -> Limiter:
    return Limiter(clock)


@pytest.fixture
def store(url: str, clock: SettableClock, limiter: Limiter, io_loop: IOLoop) -> Iterator[Store]:
    """A store by the test's clock that hardly waits for other processes."""
    opened = Store(open_served(url, 0.01), None, limiter, clock, clock)
    yield opened
    io_loop.run_sync(opened.close)


@pytest.fixture
def minted(url: str, clock: SettableClock) -> MintedKey:
    """A key of an account ana on freemium."""
    with writing(url) as rows:
        account_id = rows_accounts.find_or_create(rows, "ana", None, clock.now())
        return rows_keys.create(rows, account_id, clock.now())


@contextmanager
def writing(url: str) -> Iterator[Rows]:
    """Change the database as another process would."""
    with open_database(url) as database, database.writing() as rows:
        yield rows


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the write lock as another process would."""
    with open_existing(url) as database, database.writing() as rows:
        if database.is_shared:
            tables = ", ".join(["alembic_version", *Base.metadata.tables])
            rows.exec_driver_sql(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
        yield


def last_use(url: str) -> datetime | None:
    """Return when the only key there is was last used, as another process sees it."""
    with open_existing(url) as database, database.reading() as rows:
        (record,) = rows_keys.list_keys(rows)
    return record.last_used_at


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep the store's readers from their work for the length of the block."""
    readers = store.database.readers
    started, release = threading.Barrier(readers + 1), threading.Event()

    def wait(_: object) -> None:
        started.wait()
        release.wait()

    waiting = [asyncio.create_task(store.read(wait)) for _ in range(readers)]
    await asyncio.to_thread(started.wait)
    try:
        yield
    finally:
        release.set()
        await asyncio.gather(*waiting)


async def is_refused(asked: Awaitable[Principal]) -> bool:
    try:
        await asked
    except InvalidKey:
        return True
    return False


async def under_way(call: Coroutine[None, None, T]) -> asyncio.Task[T]:
    """Begin a call and return when it waits for the database."""
    task = asyncio.create_task(call)
    await asyncio.sleep(0)
    return task


async def revoke(store: Store, key_id: str) -> None:
    await store.change(lambda rows: rows_keys.revoke(rows, key_id, store.now()))


async def unwritten_calls(store: Store, account_id: int) -> dict[date, int]:
    return (await store.read_with_calls(lambda _: None, account_id))[1]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - what is awaited has no event to give
            await asyncio.sleep(0.001)


# Whom a key stands for


async def test_a_key_is_asked_of_the_database_once(store: Store, minted: MintedKey) -> None:
    first = await store.principal(minted.key)
    assert first == Principal(ANA, minted.record.key_id, "freemium")
    async with busy(store):
        assert await store.principal(minted.key) is first
    statistics = store.memo.statistics()
    assert (statistics.hits, statistics.misses, statistics.known) == (1, 1, 1)


async def test_a_refusal_is_remembered_and_what_is_none_of_ours_takes_no_room(
    store: Store, clock: SettableClock
) -> None:
    unknown = new_key()
    assert await is_refused(store.principal(unknown))
    forged = Tokens(b"x" * 32, clock.now).issue(ANA, "s", 0, "r").access_token
    async with busy(store):
        for credential in (unknown, "crk_mistyped", "a.b.c", forged):
            assert await is_refused(store.principal(credential))
        assert await is_refused(store.session_principal(forged))
    assert store.memo.statistics().refused == 1


async def test_every_refusal_reads_the_same(store: Store, minted: MintedKey) -> None:
    await revoke(store, minted.record.key_id)
    tokens = store.tokens.issue(ANA, "none", 0, "r")
    unknown = (new_key(), tokens.access_token, tokens.refresh_token)
    messages = set()
    for credential in ("crk_mistyped", minted.key, *unknown):
        with pytest.raises(InvalidKey) as refusal:
            await store.principal(credential)
        messages.add(str(refusal.value))
    assert len(messages) == 1


async def test_a_remembered_key_ends_with_its_expiry(
    store: Store, url: str, clock: SettableClock, minted: MintedKey
) -> None:
    with writing(url) as rows:
        key = rows_keys.create(rows, ANA, clock.now(), timedelta(seconds=10)).key
    await store.principal(key)
    clock.advance(seconds=10)
    assert await is_refused(store.principal(key))
    assert not await is_refused(store.principal(minted.key))


async def test_what_is_a_suspended_account_s_is_genuine_and_refused(
    store: Store, url: str, minted: MintedKey
) -> None:
    pair = await log_in(store)
    cookie = store.tokens.issue_session(ANA, "s", 0)
    await store.change(lambda rows: rows_accounts.suspend(rows, ANA, store.now()))
    for _ in range(2):
        for asked in (
            store.principal(minted.key),
            store.principal(pair.access_token),
            store.session_principal(cookie),
        ):
            with pytest.raises(AccountSuspended):
                await asked
    await store.close()
    assert last_use(url) is None


# Many at once


async def test_callers_with_the_same_key_share_one_look_up(store: Store, minted: MintedKey) -> None:
    async with busy(store):
        callers = [
            asyncio.create_task(store.principal(minted.key)) for _ in range(MOST_LOOKUPS + 1)
        ]
        await asyncio.sleep(0)
    assert len({id(principal) for principal in await asyncio.gather(*callers)}) == 1


async def test_more_look_ups_than_may_wait_are_sent_away_and_known_keys_are_not(
    store: Store, minted: MintedKey
) -> None:
    await store.principal(minted.key)
    async with busy(store):
        callers = [store.principal(new_key()) for _ in range(MOST_LOOKUPS + 1)]
        asked = asyncio.gather(*callers, return_exceptions=True)
        await asyncio.sleep(0)
        assert (await store.principal(minted.key)).account_id == ANA
    kinds = [type(found) for found in await asked]
    assert kinds == [InvalidKey] * MOST_LOOKUPS + [Overloaded]
    assert await is_refused(store.principal(new_key()))


async def test_more_jobs_than_may_wait_are_sent_away_and_look_ups_are_not(
    store: Store, minted: MintedKey
) -> None:
    jobs = [store.read(lambda _: None) for _ in range(MOST_JOBS + 1)]
    asked = asyncio.gather(*jobs, return_exceptions=True)
    await asyncio.sleep(0)
    assert (await store.principal(minted.key)).account_id == ANA
    kinds = [type(found) for found in await asked]
    assert kinds == [type(None)] * MOST_JOBS + [Overloaded]


async def test_a_caller_that_goes_away_does_not_take_the_look_up_along(
    store: Store, minted: MintedKey
) -> None:
    async with busy(store):
        leaving = await under_way(store.principal(minted.key))
        staying = await under_way(store.principal(minted.key))
        leaving.cancel()
    assert (await staying).account_id == ANA


# Changes made here


async def test_what_a_change_makes_stale_is_dropped_before_anybody_is_told(
    store: Store, minted: MintedKey
) -> None:
    await store.principal(minted.key)
    await store.change(lambda rows: rows_accounts.set_plan(rows, ANA, "premium", store.now()))
    assert (await store.principal(minted.key)).plan == "premium"
    await revoke(store, minted.record.key_id)
    assert await is_refused(store.principal(minted.key))


async def test_a_change_that_is_refused_or_nobody_s_drops_nothing(
    store: Store, minted: MintedKey
) -> None:
    await store.principal(minted.key)
    generation = store.memo.generation
    with pytest.raises(UnknownKey):
        await revoke(store, "key_none")
    await store.change(lambda _: None)
    assert (store.memo.generation, store.memo.statistics().known) == (generation, 1)


async def test_a_change_that_fails_drops_nothing_and_one_that_may_be_kept_its_account(
    store: Store, minted: MintedKey, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.principal(minted.key)
    with locked(url), pytest.raises(StoreUnavailable):
        await revoke(store, minted.record.key_id)
    with pytest.raises(ZeroDivisionError):
        await store.change(lambda _: 1 / 0)
    assert store.memo.statistics().known == 1

    def fail(_: Rows) -> None:
        raise StoreUnavailable("at the last moment")

    monkeypatch.setattr(rows_changes, "publish", fail)
    with pytest.raises(StoreUnavailable):
        await revoke(store, minted.record.key_id)
    assert store.memo.statistics().known == 0


async def test_a_change_whose_caller_goes_away_holds_all_the_same(
    store: Store, minted: MintedKey
) -> None:
    await store.principal(minted.key)
    async with busy(store):
        leaving = await under_way(revoke(store, minted.record.key_id))
        leaving.cancel()
    await until(lambda: store.memo.statistics().known == 0)
    assert await is_refused(store.principal(minted.key))


async def test_a_look_up_begun_before_a_change_leaves_nothing_behind(
    store: Store, minted: MintedKey
) -> None:
    async with busy(store):
        early = await under_way(store.principal(minted.key))
        await revoke(store, minted.record.key_id)
    assert await is_refused(early)
    assert store.memo.statistics().refused == 0


async def test_a_look_up_is_not_shared_with_callers_from_after_a_drop(
    store: Store, minted: MintedKey
) -> None:
    async with busy(store):
        early = await under_way(store.principal(minted.key))
        store.memo.drop_all()
        late = await under_way(store.principal(minted.key))
    assert await early is not await late
    assert await store.principal(minted.key) is await late


# Changes made by other processes


async def test_another_process_s_look_at_readiness_drops_nothing(
    store: Store, url: str, minted: MintedKey
) -> None:
    await store.refresh()
    await store.principal(minted.key)
    other = Store(open_served(url))
    await other.check()
    await other.close()
    await store.refresh()
    assert store.memo.statistics().known == 1


async def test_a_foreign_write_drops_the_memo_at_the_next_look_and_an_own_one_does_not(
    store: Store, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    await store.refresh()
    await store.principal(minted.key)
    await store.flush()
    await store.refresh()
    assert store.memo.statistics().known == 1
    with writing(url) as rows:
        rows_keys.revoke(rows, minted.record.key_id, clock.now())
    await store.refresh()
    assert await is_refused(store.principal(minted.key))


class Watcher:
    """What is put in the way of a store's database: it counts checks, and fails when told to."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails = False
        self.checks = 0
        self._probe, self._changes_since = database.probe, database.changes_since
        monkeypatch.setattr(database, "probe", self.probe)
        monkeypatch.setattr(database, "changes_since", self.changes_since)

    def changes_since(self, last: int | None) -> tuple[int, AbstractSet[int] | None]:
        if self.fails:
            raise StoreUnavailable("told to fail")
        return self._changes_since(last)

    def probe(self) -> bool:
        self.checks += 1
        return self._probe()


@pytest.fixture
def watched(
    url: str, clock: SettableClock, io_loop: IOLoop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    database = open_served(url)
    watcher = Watcher(database, monkeypatch)
    store = Store(database, clock=clock, monotonic=clock)
    yield store, watcher
    io_loop.run_sync(store.close)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_watcher_drops_the_memo_when_it_cannot_look_and_goes_on(
    watched: Watched,
    url: str,
    minted: MintedKey,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, database = watched
    await store.start()
    await store.principal(minted.key)
    database.fails = True
    await until(lambda: store.memo.statistics().known == 0)
    await store.refresh()
    database.fails = False
    await until(lambda: "the database works again" in caplog.messages)
    await store.principal(minted.key)
    with writing(url) as rows:
        rows_accounts.set_plan(rows, ANA, "premium", store.now())
    await until(lambda: store.memo.statistics().known == 0)
    assert caplog.messages == [
        "the database fails: told to fail",
        "the database works again",
    ]


# A database that cannot be used


async def told(asked: Awaitable[object]) -> str:
    with pytest.raises(StoreUnavailable) as failure:
        await asked
    return str(failure.value)


async def test_a_failure_is_logged_and_tells_the_caller_nothing_of_the_inside(
    store: Store, minted: MintedKey, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with writing(url) as rows:
        rows.exec_driver_sql("ALTER TABLE api_key RENAME TO gone")
    read = {await told(store.principal(minted.key))}
    read.add(await told(store.read(rows_keys.list_keys)))
    with writing(url) as rows:
        rows.exec_driver_sql("ALTER TABLE gone RENAME TO api_key")
    with locked(url):
        written = await told(revoke(store, minted.record.key_id))
        await store.check()  # a lock ends by itself
    assert read == {"the database cannot be read right now"}
    assert written == "the database cannot be written right now"
    assert (await store.principal(minted.key)).account_id == ANA
    await store.change(lambda _: None)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "read fails",
        "write fails",
        "read works again",
        "write works again",
    ]


async def test_checks_within_half_a_second_are_one_and_another_s_lock_fails_none(
    watched: Watched, clock: SettableClock, url: str
) -> None:
    store, database = watched
    await asyncio.gather(*[store.check() for _ in range(50)])
    await store.check()
    assert database.checks == 1
    clock.advance(seconds=PROBE_SECONDS)
    with locked(url):
        await store.check()  # which does not wait for it longer than half a second
        await until(lambda: database.checks == 2)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_file_that_is_mended_is_in_order_once_that_is_told(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await store.check()  # which those of the next half second share
    back_up(path, path.with_name("copy.db"))
    path.with_name("copy.db").rename(path)
    await told(store.change(lambda _: None))
    release, changes_since = threading.Event(), store.database.changes_since

    def changes_since_later(last: int | None) -> tuple[int, AbstractSet[int] | None]:
        release.wait()
        return changes_since(last)

    monkeypatch.setattr(store.database, "changes_since", changes_since_later)
    refreshing = asyncio.create_task(store.refresh())
    await until(lambda: store.database.fault is None)
    try:
        assert await told(store.check()) == "the database cannot be used right now"
    finally:
        release.set()
    await refreshing
    await store.check()
    assert caplog.messages[-1] == "the database works again"


async def test_a_lock_stops_the_opening_that_makes_the_secret_and_no_other(
    url: str,
) -> None:
    with open_database(url):
        pass
    with locked(url), pytest.raises(StoreUnavailable, match="lock"):
        Store(open_served(url, 0.01))
    await Store(open_served(url)).close()
    with locked(url):
        await Store(open_served(url, 0.01)).close()


# Last use and calls a day


async def test_the_latest_use_of_a_key_is_written_at_the_close(
    store: Store, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    for _ in range(3):
        clock.advance(seconds=1)
        await store.principal(minted.key)
    used_at = clock.now()
    clock.advance(seconds=1)
    await revoke(store, minted.record.key_id)
    await is_refused(store.principal(minted.key))
    assert last_use(url) is None
    await store.close()
    assert last_use(url) == used_at


async def test_the_watcher_writes_once_a_minute(
    store: Store, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    await store.start()
    await store.principal(minted.key)
    clock.advance(seconds=FLUSH_SECONDS - 0.5)
    for plan in ("premium", "freemium"):  # until the watcher has looked twice
        await store.principal(minted.key)
        with writing(url) as rows:
            rows_accounts.set_plan(rows, ANA, plan, clock.now())
        await until(lambda: store.memo.statistics().known == 0)
    assert last_use(url) is None
    clock.advance(seconds=0.5)
    await until(lambda: last_use(url) is not None)


async def test_more_than_one_transaction_takes_is_all_written(
    store: Store,
    url: str,
    limiter: Limiter,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cardiorisk.store.store.ROWS_A_TRANSACTION", 20)
    accounts = range(1, 42)
    with writing(url) as rows:
        for number in accounts:
            rows_accounts.find_or_create(rows, f"n{number}", None, clock.now())
        keys = [rows_keys.create(rows, ANA, clock.now()).key for _ in accounts]
    for number, key in zip(accounts, keys, strict=True):
        await store.principal(key)
        limiter.hit(number, 1)
    await store.flush()
    with writing(url) as rows:
        assert all(key.last_used_at is not None for key in rows_keys.list_keys(rows))
        for number in accounts:
            assert rows_accounts.calls_by_day(rows, number, TODAY) == {TODAY: 1}


async def test_what_cannot_be_written_is_told_and_kept_for_the_next_time(
    store: Store, url: str, limiter: Limiter, minted: MintedKey
) -> None:
    await store.principal(minted.key)
    limiter.hit(ANA, 9)
    with locked(url):
        await store.flush()
        await store.flush()
        limiter.hit(ANA, 9)
        assert await unwritten_calls(store, ANA) == {TODAY: 2}
        assert await unwritten_calls(store, 2) == {}
    await store.flush()
    assert await unwritten_calls(store, ANA) == {}
    assert last_use(url) == store.now()
    with writing(url) as rows:
        assert rows_accounts.calls_by_day(rows, ANA, TODAY) == {TODAY: 2}


@pytest.mark.usefixtures("minted")
async def test_a_flush_that_is_cancelled_counts_nothing_twice(
    store: Store, url: str, limiter: Limiter
) -> None:
    limiter.hit(ANA, 9)
    flush = await under_way(store.flush())
    flush.cancel()
    await asyncio.wait([flush])
    await store.close()
    with writing(url) as rows:
        assert rows_accounts.calls_by_day(rows, ANA, TODAY) == {TODAY: 1}


# Tokens and cookies


async def log_in(store: Store) -> TokenPair:
    """Begin a session s of an account ana."""

    def begin(rows: Rows) -> None:
        rows_accounts.find_or_create(rows, "ana", None, store.now())
        rows_sessions.begin(rows, ANA, "s", "r", store.now(), SESSION_LIFETIME)

    await store.change(begin)
    return store.tokens.issue(ANA, "s", 0, "r")


async def test_a_token_is_looked_up_once_and_ends_with_its_expiry(
    store: Store, clock: SettableClock
) -> None:
    token = (await log_in(store)).access_token
    clock.advance(minutes=14, seconds=55)
    first = await store.principal(token)
    assert (first.account_id, first.session_id, first.key_id[:4]) == (ANA, "s", "jwt_")
    async with busy(store):
        assert await store.principal(token) is first
        clock.advance(seconds=9)
        assert not await is_refused(store.principal(token))
        clock.advance(seconds=1)
        assert await is_refused(store.principal(token))


async def test_a_cookie_is_looked_up_once_opens_no_other_door_and_ends(
    store: Store, clock: SettableClock
) -> None:
    pair = await log_in(store)
    cookie = store.tokens.issue_session(ANA, "s", 0)
    first = await store.session_principal(cookie)
    async with busy(store):
        assert await store.session_principal(cookie) is first
        assert await is_refused(store.principal(cookie))
        assert await is_refused(store.session_principal(pair.access_token))
    clock.advance(hours=12)
    with pytest.raises(InvalidKey, match="log in again"):
        await store.session_principal(cookie)


async def test_tokens_outlive_a_restart_and_end_with_another_secret(
    store: Store, url: str, clock: SettableClock
) -> None:
    token = (await log_in(store)).access_token
    await store.close()
    for secret, is_ended in ((None, False), (b"g" * 32, True)):
        again = Store(open_served(url), secret, clock=clock)
        assert await is_refused(again.principal(token)) is is_ended
        await again.close()


async def test_a_secret_that_is_given_signs_and_is_not_stored(
    url: str, clock: SettableClock
) -> None:
    store = Store(open_served(url), b"g" * 32, clock=clock)
    token = (await log_in(store)).access_token
    await store.close()
    assert Tokens(b"g" * 32, clock.now).read(token, "access").account_id == ANA
    with writing(url) as rows:
        assert rows.exec_driver_sql("SELECT count(*) FROM secret").scalar_one() == 0


# The end


async def test_closing_leaves_one_file_and_a_store_that_answers_nothing(
    store: Store, path: Path, minted: MintedKey
) -> None:
    await store.start()
    await store.principal(minted.key)
    await store.close()
    await store.close()
    for asked in (store.principal(new_key()), store.check(), store.change(lambda _: None)):
        with pytest.raises(NotReady):
            await asked
    if not store.database.is_shared:
        assert [file.name for file in path.parent.iterdir()] == ["keys.db"]
