"""The store as the server uses it: remembered, shared, honest when something moves under it."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, closing
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import InvalidKey, NotReady, Overloaded, StoreUnavailable, UnknownKey
from cardiorisk.identity.keys import Principal, new_key
from cardiorisk.identity.tokens import SESSION_LIFETIME, TokenPair, Tokens
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_keys, rows_sessions, rows_usage
from cardiorisk.store.database import Database
from cardiorisk.store.memo import Stale
from cardiorisk.store.store import FLUSH_SECONDS, MOST_JOBS, MOST_LOOKUPS, ROWS_A_TRANSACTION, Store
from cardiorisk.workers import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
    from datetime import datetime
    from pathlib import Path

    from cardiorisk.store.database import Rows
    from cardiorisk.store.values import KeyRecord, MintedKey
    from tests.store.conftest import OpenStore, SettableClock

ANA = 1
TODAY = date(2026, 11, 22)


@pytest.fixture
def minted(url: str, clock: SettableClock) -> MintedKey:
    """A key of an account ana on freemium, made before the store opens."""
    with Database.open(url) as database, database.writing() as rows:
        account_id = rows_accounts.find_or_create(rows, "ana", None, clock.now())
        return rows_keys.create(rows, account_id, clock.now())


@pytest.fixture
def locked(path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Another process's way to hold the write lock; closing what is returned lets go."""
    others = []

    def lock() -> sqlite3.Connection:
        others.append(sqlite3.connect(path, isolation_level=None))
        others[-1].execute("BEGIN IMMEDIATE")
        return others[-1]

    yield lock
    for other in others:
        other.close()


def key_record(url: str) -> KeyRecord:
    """Return the only key there is, as another process sees it."""
    with Database.open(url) as database, database.reading() as rows:
        (record,) = rows_keys.list_keys(rows)
    return record


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep the store's thread from its work for the length of the block."""
    started, release = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        started.set()
        release.wait()

    waiting = asyncio.create_task(store.read(wait))
    await asyncio.to_thread(started.wait)
    try:
        yield
    finally:
        release.set()
        await waiting


async def is_refused(asked: Awaitable[Principal]) -> bool:
    try:
        await asked
    except InvalidKey:
        return True
    return False


async def under_way(call: Coroutine[None, None, Principal]) -> asyncio.Task[Principal]:
    """Begin a call and return when it waits for the database."""
    task = asyncio.create_task(call)
    await asyncio.sleep(0)
    return task


async def revoke(store: Store, key_id: str) -> None:
    await store.change(
        lambda rows: rows_keys.revoke(rows, key_id, store.now()), drops=Stale(key_id=key_id)
    )


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - what is awaited has no event to give
            await asyncio.sleep(0.001)


# Whom a key stands for


def test_a_key_is_asked_of_the_database_once(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            first = await store.principal(minted.key)
            assert first == Principal(ANA, minted.record.key_id, "freemium")
            async with busy(store):
                assert await store.principal(minted.key) is first
            statistics = store.memo.statistics()
            assert (statistics.hits, statistics.misses, statistics.entries) == (1, 1, 1)

    asyncio.run(scenario())


def test_a_refusal_is_remembered(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            key = new_key()
            assert await is_refused(store.principal(key))
            async with busy(store):
                assert await is_refused(store.principal(key))

    asyncio.run(scenario())


def test_what_is_no_key_or_token_of_ours_takes_no_time_and_no_room(
    open_store: OpenStore, clock: SettableClock
) -> None:
    forged = Tokens(b"x" * 32, clock.now).issue(ANA, "s", 0, "r").access_token

    async def scenario() -> None:
        async with open_store() as store, busy(store):
            for credential in ("crk_mistyped", "a.b.c", forged):
                assert await is_refused(store.principal(credential))
            assert await is_refused(store.session_principal(forged))
            assert store.memo.statistics().refused_entries == 0

    asyncio.run(scenario())


def test_every_refusal_reads_the_same(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        messages = set()
        async with open_store() as store:
            await revoke(store, minted.record.key_id)
            tokens = store.tokens.issue(ANA, "none", 0, "r")
            unknown = (new_key(), tokens.access_token, tokens.refresh_token)
            for credential in ("crk_mistyped", minted.key, *unknown):
                with pytest.raises(InvalidKey) as refusal:
                    await store.principal(credential)
                messages.add(str(refusal.value))
        assert len(messages) == 1

    asyncio.run(scenario())


def test_a_remembered_key_ends_with_its_expiry(
    open_store: OpenStore, url: str, clock: SettableClock, minted: MintedKey
) -> None:
    with Database.open(url) as database, database.writing() as rows:
        key = rows_keys.create(rows, ANA, clock.now(), timedelta(seconds=10)).key

    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(key)
            clock.advance(seconds=10)
            assert await is_refused(store.principal(key))
            assert not await is_refused(store.principal(minted.key))

    asyncio.run(scenario())


# Many at once


def test_callers_with_the_same_key_share_one_look_up(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            async with busy(store):
                callers = [
                    asyncio.create_task(store.principal(minted.key))
                    for _ in range(MOST_LOOKUPS + 1)
                ]
                await asyncio.sleep(0)
            assert len({id(principal) for principal in await asyncio.gather(*callers)}) == 1

    asyncio.run(scenario())


def test_more_look_ups_than_may_wait_are_sent_away_and_known_keys_are_not(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            async with busy(store):
                callers = [store.principal(new_key()) for _ in range(MOST_LOOKUPS + 1)]
                asked = asyncio.gather(*callers, return_exceptions=True)
                await asyncio.sleep(0)
                assert (await store.principal(minted.key)).account_id == ANA
            kinds = [type(found) for found in await asked]
            assert kinds == [InvalidKey] * MOST_LOOKUPS + [Overloaded]
            assert await is_refused(store.principal(new_key()))

    asyncio.run(scenario())


def test_more_jobs_than_may_wait_are_sent_away_and_look_ups_are_not(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            jobs = [store.read(lambda _: None) for _ in range(MOST_JOBS + 1)]
            asked = asyncio.gather(*jobs, return_exceptions=True)
            await asyncio.sleep(0)
            assert (await store.principal(minted.key)).account_id == ANA
            kinds = [type(found) for found in await asked]
            assert kinds == [type(None)] * MOST_JOBS + [Overloaded]

    asyncio.run(scenario())


def test_a_caller_that_goes_away_does_not_take_the_look_up_along(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            async with busy(store):
                leaving = await under_way(store.principal(minted.key))
                staying = await under_way(store.principal(minted.key))
                leaving.cancel()
            assert (await staying).account_id == ANA

    asyncio.run(scenario())


# Changes made here


def test_what_a_change_makes_stale_is_dropped_before_anybody_is_told(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            await store.change(
                lambda rows: rows_accounts.set_plan(rows, ANA, "premium", store.now()),
                drops=Stale(ANA),
            )
            assert (await store.principal(minted.key)).plan == "premium"
            await revoke(store, minted.record.key_id)
            assert await is_refused(store.principal(minted.key))

    asyncio.run(scenario())


def test_a_change_drops_what_its_result_says(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            assert await store.change(lambda _: 2, drops=Stale) == 2
            assert store.memo.statistics().entries == 1
            assert await store.change(lambda _: ANA, drops=Stale) == ANA
            assert store.memo.statistics().entries == 0

    asyncio.run(scenario())


def test_a_change_that_is_refused_or_makes_nothing_stale_drops_nothing(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            generation = store.memo.generation
            with pytest.raises(UnknownKey):
                await revoke(store, "key_none")
            await store.change(lambda _: None)
            await store.change(lambda _: None, drops=lambda _: None)
            assert (store.memo.generation, store.memo.statistics().entries) == (generation, 1)

    asyncio.run(scenario())


def test_a_change_of_which_nobody_knows_whether_it_was_kept_drops_everything(
    open_store: OpenStore, minted: MintedKey, locked: Callable[[], sqlite3.Connection]
) -> None:
    async def scenario() -> None:
        async with open_store(busy_seconds=0.01) as store:
            await store.principal(minted.key)
            with closing(locked()), pytest.raises(StoreUnavailable):
                await revoke(store, minted.record.key_id)
            assert store.memo.statistics().entries == 0
            await store.principal(minted.key)
            with pytest.raises(ZeroDivisionError):
                await store.change(lambda _: 1 / 0)
            assert store.memo.statistics().entries == 0

    asyncio.run(scenario())


def test_a_change_whose_caller_goes_away_holds_all_the_same(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            async with busy(store):
                leaving = asyncio.create_task(revoke(store, minted.record.key_id))
                await asyncio.sleep(0)
                leaving.cancel()
            await store.check()
            assert await is_refused(store.principal(minted.key))

    asyncio.run(scenario())


def test_a_look_up_that_read_before_a_change_leaves_nothing_behind(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            async with busy(store):
                early = await under_way(store.principal(minted.key))
                revocation = asyncio.create_task(revoke(store, minted.record.key_id))
                await asyncio.sleep(0)
            await early
            await revocation
            assert await is_refused(store.principal(minted.key))

    asyncio.run(scenario())


def test_a_look_up_is_not_shared_with_callers_from_after_a_drop(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            async with busy(store):
                early = await under_way(store.principal(minted.key))
                store.memo.drop_all()
                late = await under_way(store.principal(minted.key))
            assert await early is not await late
            assert await store.principal(minted.key) is await late

    asyncio.run(scenario())


# Changes made by other processes


def test_a_foreign_write_drops_the_memo_at_the_next_look_and_an_own_one_does_not(
    open_store: OpenStore, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.refresh()
            await store.principal(minted.key)
            await store.flush()
            await store.refresh()
            assert store.memo.statistics().entries == 1
            with Database.open(url) as database, database.writing() as rows:
                rows_keys.revoke(rows, minted.record.key_id, clock.now())
            await store.refresh()
            assert await is_refused(store.principal(minted.key))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [(("keys", "revoke", "KEY_ID"), None), (("accounts", "plan", "ana", "premium"), "premium")],
)
def test_a_command_in_another_process_is_noticed_within_a_second(
    open_store: OpenStore,
    url: str,
    minted: MintedKey,
    arguments: tuple[str, ...],
    outcome: str | None,
) -> None:
    named = [minted.record.key_id if word == "KEY_ID" else word for word in arguments]
    command = partial(
        subprocess.run,
        [sys.executable, "-m", "cardiorisk", *named],
        check=True,
        env=os.environ | {"CARDIORISK_DATABASE_URL": url},
    )

    async def plan_of_key(store: Store) -> str | None:
        try:
            return (await store.principal(minted.key)).plan
        except InvalidKey:
            return None

    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            assert await plan_of_key(store) == "freemium"
            await asyncio.to_thread(command)
            ended = time.monotonic()
            while await plan_of_key(store) != outcome:
                assert time.monotonic() - ended < 1.0
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


class FailingDatabase(Database):
    """A database that cannot be looked at while it is told to fail."""

    fails = False

    def version(self) -> int:
        if self.fails:
            raise StoreUnavailable("told to fail")
        return super().version()


def test_the_watcher_drops_the_memo_when_it_cannot_look_and_goes_on(
    url: str, clock: SettableClock, minted: MintedKey, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        worker = Worker("store", 10, "")
        database = worker.run_now(partial(FailingDatabase, url))
        store = Store(database, worker, b"s" * 32, Limiter(clock), clock, clock)
        await store.start()
        await store.principal(minted.key)
        database.fails = True
        await until(lambda: store.memo.statistics().entries == 0)
        await store.refresh()
        database.fails = False
        await until(lambda: "watch works again" in caplog.messages)
        await store.principal(minted.key)
        with Database.open(url) as other, other.writing() as rows:
            rows_accounts.set_plan(rows, ANA, "premium", clock.now())
        await until(lambda: store.memo.statistics().entries == 0)
        await store.close()

    with caplog.at_level(logging.WARNING, "cardiorisk"):
        asyncio.run(scenario())
    assert caplog.messages == ["watch fails: told to fail", "watch works again"]


# A database that cannot be used


async def told(asked: Awaitable[object]) -> str:
    with pytest.raises(StoreUnavailable) as failure:
        await asked
    return str(failure.value)


def test_a_failure_is_logged_and_tells_the_caller_nothing_of_the_inside(
    open_store: OpenStore,
    minted: MintedKey,
    path: Path,
    locked: Callable[[], sqlite3.Connection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with open_store(busy_seconds=0.01) as store:
            with closing(sqlite3.connect(path)) as other:
                other.execute("ALTER TABLE api_key RENAME TO gone")
                read = {await told(store.principal(minted.key))}
                read.add(await told(store.read(rows_keys.list_keys)))
                other.execute("ALTER TABLE gone RENAME TO api_key")
            with closing(locked()):
                written = {await told(store.check()), await told(store.change(lambda _: None))}
            assert read == {"the database cannot be read right now"}
            assert written == {"the database cannot be written right now"}
            assert (await store.principal(minted.key)).account_id == ANA
            await store.check()

    with caplog.at_level(logging.WARNING, "cardiorisk"):
        asyncio.run(scenario())
    assert [message.split(":")[0] for message in caplog.messages] == [
        "look-up fails",
        "read fails",
        "check fails",
        "write fails",
        "look-up works again",
        "check works again",
    ]


def test_checks_at_the_same_time_are_one(url: str, clock: SettableClock) -> None:
    class CountedDatabase(Database):
        checks = 0

        def require_writable(self) -> None:
            self.checks += 1
            super().require_writable()

    async def scenario() -> None:
        Database.open(url).close()
        worker = Worker("store", 1, "")
        database = worker.run_now(partial(CountedDatabase, url))
        store = Store(database, worker, b"s" * 32, Limiter(clock), clock, clock)
        async with busy(store):
            checks = [asyncio.create_task(store.check()) for _ in range(50)]
            await asyncio.sleep(0)
        await asyncio.gather(*checks)
        assert database.checks == 1
        await store.check()
        assert database.checks == 2
        await store.close()

    asyncio.run(scenario())


def test_an_unusable_file_stops_the_opening_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"nowhere/keys\.db"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/keys.db")
    assert "store_0" not in {thread.name for thread in threading.enumerate()}


# Last use and calls a day


def test_the_latest_use_of_a_key_is_written_at_the_close(
    open_store: OpenStore, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    async def scenario() -> datetime:
        async with open_store() as store:
            for _ in range(3):
                clock.advance(seconds=1)
                await store.principal(minted.key)
            used_at = clock.now()
            clock.advance(seconds=1)
            await revoke(store, minted.record.key_id)
            await is_refused(store.principal(minted.key))
            return used_at

    assert asyncio.run(scenario()) == key_record(url).last_used_at


def test_the_watcher_writes_once_a_minute(
    open_store: OpenStore, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    async def two_looks(store: Store) -> None:
        for plan in ("premium", "freemium"):
            await store.principal(minted.key)
            with Database.open(url) as database, database.writing() as rows:
                rows_accounts.set_plan(rows, ANA, plan, clock.now())
            await until(lambda: store.memo.statistics().entries == 0)

    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            await store.principal(minted.key)
            clock.advance(seconds=FLUSH_SECONDS - 0.5)
            await two_looks(store)
            assert key_record(url).last_used_at is None
            clock.advance(seconds=0.5)
            await until(lambda: key_record(url).last_used_at is not None)

    asyncio.run(scenario())


def test_more_than_one_transaction_takes_is_all_written(
    open_store: OpenStore, url: str, minted: MintedKey, clock: SettableClock
) -> None:
    accounts = 2 * ROWS_A_TRANSACTION + 1
    with Database.open(url) as database, database.writing() as rows:
        made = [rows_keys.create(rows, ANA, clock.now()).key for _ in range(accounts)]
        for number in range(accounts - 1):
            rows_accounts.find_or_create(rows, f"n{number}", None, clock.now())
    limiter = Limiter(clock)

    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            for number, key in enumerate([minted.key, *made]):
                await store.principal(key)
                limiter.hit(number, 1)
            await store.flush()

    asyncio.run(scenario())
    with Database.open(url) as database, database.reading() as rows:
        assert all(key.last_used_at is not None for key in rows_keys.list_keys(rows))
        for account_id in range(1, accounts + 1):
            assert rows_usage.calls_by_day(rows, account_id, TODAY) == {TODAY: 1}


def test_what_cannot_be_written_is_told_and_kept_for_the_next_time(
    open_store: OpenStore,
    url: str,
    minted: MintedKey,
    clock: SettableClock,
    locked: Callable[[], sqlite3.Connection],
) -> None:
    limiter = Limiter(clock)

    async def scenario() -> None:
        async with open_store(limiter=limiter, busy_seconds=0.01) as store:
            await store.principal(minted.key)
            limiter.hit(ANA, 9)
            with closing(locked()):
                await store.flush()
                await store.flush()
                limiter.hit(ANA, 9)
                assert store.unwritten_calls(ANA) == {TODAY: 2}
                assert store.unwritten_calls(2) == {}
            await store.flush()
            assert store.unwritten_calls(ANA) == {}

    asyncio.run(scenario())
    assert key_record(url).last_used_at == clock.now()
    with Database.open(url) as database, database.reading() as rows:
        assert rows_usage.calls_by_day(rows, ANA, TODAY) == {TODAY: 2}


@pytest.mark.usefixtures("minted")
def test_a_flush_that_is_cancelled_counts_nothing_twice(
    open_store: OpenStore, url: str, clock: SettableClock
) -> None:
    limiter = Limiter(clock)

    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            limiter.hit(ANA, 9)
            flush = asyncio.create_task(store.flush())
            await asyncio.sleep(0)
            flush.cancel()
            await asyncio.wait([flush])

    asyncio.run(scenario())
    with Database.open(url) as database, database.reading() as rows:
        assert rows_usage.calls_by_day(rows, ANA, TODAY) == {TODAY: 1}


# Tokens and cookies


@asynccontextmanager
async def with_session(
    open_store: OpenStore, **options: object
) -> AsyncIterator[tuple[Store, TokenPair]]:
    """Open a store with one account, ana, that has logged in."""
    async with open_store(**options) as store:

        def log_in(rows: Rows) -> None:
            rows_accounts.find_or_create(rows, "ana", None, store.now())
            rows_sessions.begin(rows, ANA, "s", "r", store.now(), SESSION_LIFETIME)

        await store.change(log_in)
        yield store, store.tokens.issue(ANA, "s", 0, "r")


def test_a_token_is_looked_up_once_and_leaves_no_last_use(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with with_session(open_store) as (store, pair):
            first = await store.principal(pair.access_token)
            assert (first.account_id, first.session_id, first.key_id[:4]) == (ANA, "s", "jwt_")
            async with busy(store):
                assert await store.principal(pair.access_token) is first

    asyncio.run(scenario())


def test_a_remembered_token_ends_with_its_expiry(
    open_store: OpenStore, clock: SettableClock
) -> None:
    async def scenario() -> None:
        async with with_session(open_store) as (store, pair):
            clock.advance(minutes=14, seconds=55)
            await store.principal(pair.access_token)
            clock.advance(seconds=9)
            assert not await is_refused(store.principal(pair.access_token))
            clock.advance(seconds=1)
            assert await is_refused(store.principal(pair.access_token))

    asyncio.run(scenario())


def test_a_cookie_is_looked_up_once_opens_no_other_door_and_ends(
    open_store: OpenStore, clock: SettableClock
) -> None:
    async def scenario() -> None:
        async with with_session(open_store) as (store, pair):
            cookie = store.tokens.issue_session(ANA, "s", 0)
            first = await store.session_principal(cookie)
            async with busy(store):
                assert await store.session_principal(cookie) is first
                assert await is_refused(store.principal(cookie))
                assert await is_refused(store.session_principal(pair.access_token))
            clock.advance(hours=12)
            with pytest.raises(InvalidKey, match="log in again"):
                await store.session_principal(cookie)

    asyncio.run(scenario())


def test_tokens_outlive_a_restart_and_end_with_another_secret(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with with_session(open_store) as (_, pair):
            pass
        async with open_store() as store:
            assert not await is_refused(store.principal(pair.access_token))
        async with open_store(token_secret=b"g" * 32) as store:
            assert await is_refused(store.principal(pair.access_token))

    asyncio.run(scenario())


def test_a_secret_that_is_given_signs_and_is_not_stored(
    open_store: OpenStore, path: Path, clock: SettableClock
) -> None:
    async def scenario() -> str:
        async with with_session(open_store, token_secret=b"g" * 32) as (_, pair):
            return pair.access_token

    token = asyncio.run(scenario())
    assert Tokens(b"g" * 32, clock.now).read(token, "access").account_id == ANA
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM secret").fetchone() == (0,)


# The end


def test_closing_leaves_one_file_and_a_store_that_answers_nothing(
    open_store: OpenStore, path: Path, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            await store.principal(minted.key)
            await store.close()
            await store.close()
            for asked in (store.principal(new_key()), store.check(), store.change(lambda _: None)):
                with pytest.raises(NotReady):
                    await asked

    asyncio.run(scenario())
    assert [file.name for file in path.parent.iterdir()] == ["keys.db"]
