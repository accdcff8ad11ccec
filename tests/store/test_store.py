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
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import InvalidKey, Overloaded, StoreUnavailable, UnknownAccount, UnknownKey
from cardiorisk.identity.keys import Principal, new_key
from cardiorisk.store.database import Database
from cardiorisk.store.records import Records
from cardiorisk.store.store import FLUSH_SECONDS, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cardiorisk.store.values import MintedKey
    from tests.store.conftest import OpenStore, SettableMoment, SettableSeconds


@pytest.fixture
def minted(url: str) -> MintedKey:
    """A key of an account ana on freemium, made before the store opens."""
    with Records.open(url) as records:
        return records.create_key("ana", None, None)


@contextmanager
def _busy(store: Store) -> Iterator[None]:
    """Keep the store's thread from its work for the length of the block."""
    started, release = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        release.wait()

    store._thread._executor.submit(wait)
    started.wait()
    try:
        yield
    finally:
        release.set()


async def _is_refused(store: Store, key: str) -> bool:
    try:
        await store.principal(key)
    except InvalidKey:
        return True
    return False


async def _turn_of_the_loop() -> None:
    await asyncio.sleep(0)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - what is awaited has no event to give
            await asyncio.sleep(0.001)


# Whom a key stands for


def test_a_known_key_stands_for_its_principal(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            principal = await store.principal(minted.key)
            assert principal == Principal(1, minted.record.key_id, "freemium")

    asyncio.run(scenario())


def test_a_key_is_asked_of_the_database_once(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            for _ in range(5):
                await store.principal(minted.key)
            statistics = store.memo_statistics
            assert (statistics.hits, statistics.misses, statistics.entries) == (4, 1, 1)

    asyncio.run(scenario())


def test_a_remembered_key_needs_no_database(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            with _busy(store):
                assert (await store.principal(minted.key)).account_id == 1

    asyncio.run(scenario())


def test_an_unknown_key_is_refused(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with pytest.raises(InvalidKey):
                await store.principal(new_key())

    asyncio.run(scenario())


def test_a_refusal_is_remembered(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            key = new_key()
            assert [await _is_refused(store, key) for _ in range(3)] == [True, True, True]
            assert (store.memo_statistics.refusals, store.memo_statistics.misses) == (2, 1)

    asyncio.run(scenario())


def test_a_malformed_key_is_refused_without_the_database(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                assert await _is_refused(store, "crk_mistyped")

    asyncio.run(scenario())


def test_a_malformed_key_takes_no_room_in_the_memo(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await _is_refused(store, "crk_mistyped")
            assert store.memo_statistics.refused_entries == 0

    asyncio.run(scenario())


def test_every_refusal_reads_the_same(open_store: OpenStore, url: str, minted: MintedKey) -> None:
    with Records.open(url) as records:
        records.revoke_key(minted.record.key_id)

    async def scenario() -> None:
        messages = set()
        async with open_store() as store:
            for key in ("crk_mistyped", new_key(), minted.key):
                with pytest.raises(InvalidKey) as refusal:
                    await store.principal(key)
                messages.add(str(refusal.value))
        assert len(messages) == 1

    asyncio.run(scenario())


def test_a_remembered_key_ends_with_its_expiry(
    open_store: OpenStore, url: str, now: SettableMoment, seconds: SettableSeconds
) -> None:
    with Records.open(url, now) as records:
        key = records.create_key("ana", None, timedelta(seconds=10)).key

    async def scenario() -> None:
        async with open_store(clock=seconds, now=now) as store:
            await store.principal(key)
            seconds.seconds += 10
            now.advance(seconds=10)
            assert await _is_refused(store, key)

    asyncio.run(scenario())


# Many at once


def test_callers_with_the_same_key_share_one_look_up(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store(most_lookups=1) as store:
            with _busy(store):
                callers = [asyncio.create_task(store.principal(minted.key)) for _ in range(50)]
                await _turn_of_the_loop()
            assert len({id(principal) for principal in await asyncio.gather(*callers)}) == 1

    asyncio.run(scenario())


def test_more_look_ups_than_may_wait_are_sent_away(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store(most_lookups=2) as store:
            with _busy(store):
                waiting = [asyncio.create_task(_is_refused(store, new_key())) for _ in range(2)]
                await _turn_of_the_loop()
                with pytest.raises(Overloaded):
                    await store.principal(new_key())
            assert await asyncio.gather(*waiting) == [True, True]

    asyncio.run(scenario())


def test_once_the_look_ups_are_done_others_may_wait(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store(most_lookups=1) as store:
            assert [await _is_refused(store, new_key()) for _ in range(3)] == [True, True, True]

    asyncio.run(scenario())


def test_a_remembered_key_is_served_while_look_ups_overflow(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store(most_lookups=0) as store:
            store._lookups.most = 1
            await store.principal(minted.key)
            store._lookups.most = 0
            assert (await store.principal(minted.key)).account_id == 1

    asyncio.run(scenario())


def test_a_caller_that_goes_away_does_not_take_the_look_up_along(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                leaving = asyncio.create_task(store.principal(minted.key))
                staying = asyncio.create_task(store.principal(minted.key))
                await _turn_of_the_loop()
                leaving.cancel()
            assert (await staying).account_id == 1

    asyncio.run(scenario())


# Changes made here


def test_a_revoked_key_is_refused_from_the_return_on(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            await store.accounts.revoke_key(1, minted.record.key_id)
            assert await _is_refused(store, minted.key)

    asyncio.run(scenario())


def test_a_revocation_whose_caller_goes_away_holds_all_the_same(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            with _busy(store):
                leaving = asyncio.create_task(store.accounts.revoke_key(1, minted.record.key_id))
                await _turn_of_the_loop()
                leaving.cancel()
            await store.check()
            assert await _is_refused(store, minted.key)

    asyncio.run(scenario())


def test_a_look_up_that_read_before_a_revocation_leaves_nothing_behind(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                early = asyncio.create_task(store.principal(minted.key))
                await _turn_of_the_loop()
                revocation = asyncio.create_task(store.accounts.revoke_key(1, minted.record.key_id))
                await _turn_of_the_loop()
            await early
            await revocation
            assert await _is_refused(store, minted.key)

    asyncio.run(scenario())


def test_a_look_up_is_not_shared_with_callers_from_after_a_drop(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                early = asyncio.create_task(store.principal(minted.key))
                await _turn_of_the_loop()
                store._memo.drop_all()
                late = asyncio.create_task(store.principal(minted.key))
                await _turn_of_the_loop()
                assert len(store._lookups) == 2
            assert await early is not await late

    asyncio.run(scenario())


def test_a_look_up_from_before_a_drop_is_not_remembered(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                early = asyncio.create_task(store.principal(minted.key))
                await _turn_of_the_loop()
                store._memo.drop_all()
            await early
            assert store.memo_statistics.entries == 0

    asyncio.run(scenario())


def test_a_plan_change_holds_from_the_return_on(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            await store.accounts.set_plan(1, "premium")
            assert (await store.principal(minted.key)).plan == "premium"

    asyncio.run(scenario())


def test_a_change_of_nothing_drops_nothing(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            with pytest.raises(UnknownAccount):
                await store.accounts.set_plan(99, "premium")
            assert store.memo_statistics.entries == 1

    asyncio.run(scenario())


def test_revoking_an_unknown_key_says_so(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with pytest.raises(UnknownKey):
                await store.accounts.revoke_key(1, "key_none")

    asyncio.run(scenario())


def test_a_change_of_which_nobody_knows_whether_it_was_kept_drops_everything(
    open_store: OpenStore, minted: MintedKey, path: Path
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                store._thread.run_now(lambda: store._records.database.wait_at_most(0.01))
                with pytest.raises(StoreUnavailable):
                    await store.accounts.set_plan(1, "premium")
            assert store.memo_statistics.entries == 0

    asyncio.run(scenario())


def test_an_empty_database_gets_a_demo_key_once(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            key = await store.create_first_key()
            assert key is not None
            assert (await store.principal(key)).plan == "freemium"
            assert await store.create_first_key() is None

    asyncio.run(scenario())


# Changes made by other processes


def test_a_foreign_write_drops_the_memo_at_the_next_look(
    open_store: OpenStore, url: str, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.refresh()
            await store.principal(minted.key)
            with Records.open(url) as records:
                records.revoke_key(minted.record.key_id)
            await store.refresh()
            assert await _is_refused(store, minted.key)

    asyncio.run(scenario())


def test_own_writes_drop_nothing_at_the_next_look(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.refresh()
            await store.principal(minted.key)
            await store.flush()
            await store.refresh()
            assert store.memo_statistics.entries == 1

    asyncio.run(scenario())


def _run_command(url: str, *arguments: str) -> None:
    environment = os.environ | {"CARDIORISK_DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "cardiorisk", *arguments], check=True, env=environment)


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

    async def plan_of_key(store: Store) -> str | None:
        try:
            return (await store.principal(minted.key)).plan
        except InvalidKey:
            return None

    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            assert await plan_of_key(store) == "freemium"
            await asyncio.to_thread(_run_command, url, *named)
            ended = time.monotonic()
            while await plan_of_key(store) != outcome:
                assert time.monotonic() - ended < 1.0
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_the_watcher_outlives_a_broken_database(
    open_store: OpenStore, minted: MintedKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardiorisk.store.store.WATCH_SECONDS", 0.001)

    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            await store.principal(minted.key)
            whole = store._records
            store._records = Records(_closed_database(store))
            await _until(lambda: store.memo_statistics.entries == 0)
            store._records = whole
            await _until(lambda: not store._work.failing)
            await store.principal(minted.key)
            with Records.open(f"sqlite:///{whole.database.path}") as records:
                records.set_plan("ana", "premium")
            await _until(lambda: store.memo_statistics.entries == 0)
            assert (await store.principal(minted.key)).plan == "premium"

    asyncio.run(scenario())


def _closed_database(store: Store) -> Database:
    def opened_and_closed() -> Database:
        database = Database.open_existing(f"sqlite:///{store._records.database.path}")
        database.close()
        return database

    return store._thread.run_now(opened_and_closed)


def test_a_look_that_fails_drops_the_memo(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.refresh()
            await store.principal(minted.key)
            whole = store._records
            store._records = Records(_closed_database(store))
            await store.refresh()
            store._records = whole
            assert store.memo_statistics.entries == 0

    asyncio.run(scenario())


def test_a_row_of_failures_is_logged_once_and_so_is_its_end(
    open_store: OpenStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            whole = store._records
            store._records = Records(_closed_database(store))
            for _ in range(3):
                await store.refresh()
            store._records = whole
            for _ in range(3):
                await store.refresh()

    with caplog.at_level(logging.WARNING, "cardiorisk"):
        asyncio.run(scenario())
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "watch fails",
        "watch works again",
    ]


# A database that cannot be used


def test_a_look_up_that_fails_tells_the_caller_nothing_of_the_inside(
    open_store: OpenStore, minted: MintedKey
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            whole = store._records
            store._records = Records(_closed_database(store))
            with pytest.raises(StoreUnavailable) as failure:
                await store.principal(minted.key)
            store._records = whole
            assert str(failure.value) == "the database cannot be read right now"

    asyncio.run(scenario())


def test_a_look_up_that_failed_is_not_remembered(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            whole = store._records
            store._records = Records(_closed_database(store))
            with pytest.raises(StoreUnavailable):
                await store.principal(minted.key)
            store._records = whole
            assert (await store.principal(minted.key)).account_id == 1

    asyncio.run(scenario())


def test_a_locked_database_is_not_ready(open_store: OpenStore, path: Path) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            store._thread.run_now(lambda: store._records.database.wait_at_most(0.01))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable, match="cannot be written right now"):
                    await store.check()
            await store.check()

    asyncio.run(scenario())


def test_checks_at_the_same_time_are_one(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            with _busy(store):
                checks = [asyncio.create_task(store.check()) for _ in range(50)]
                await _turn_of_the_loop()
                assert store._thread._executor._work_queue.qsize() == 1
            await asyncio.gather(*checks)

    asyncio.run(scenario())


def test_an_unusable_file_stops_the_opening_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"nowhere/keys\.db"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/keys.db")


# Last use


def test_last_uses_are_written_at_the_close(
    open_store: OpenStore, url: str, minted: MintedKey, now: SettableMoment
) -> None:
    async def scenario() -> None:
        async with open_store(now=now) as store:
            await store.principal(minted.key)

    asyncio.run(scenario())
    with Records.open_existing(url) as records:
        assert records.list_keys()[0].last_used_at == now()


def test_the_last_of_many_uses_is_the_one_kept(
    open_store: OpenStore, url: str, minted: MintedKey, now: SettableMoment
) -> None:
    async def scenario() -> None:
        async with open_store(now=now) as store:
            for _ in range(3):
                now.advance(seconds=1)
                await store.principal(minted.key)

    asyncio.run(scenario())
    with Records.open_existing(url) as records:
        assert records.list_keys()[0].last_used_at == now()


def test_a_refused_key_leaves_no_last_use(
    open_store: OpenStore, url: str, minted: MintedKey
) -> None:
    with Records.open(url) as records:
        records.revoke_key(minted.record.key_id)

    async def scenario() -> None:
        async with open_store() as store:
            await _is_refused(store, minted.key)

    asyncio.run(scenario())
    with Records.open_existing(url) as records:
        assert records.list_keys()[0].last_used_at is None


def test_the_watcher_writes_last_uses_once_a_minute(
    open_store: OpenStore,
    url: str,
    minted: MintedKey,
    seconds: SettableSeconds,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cardiorisk.store.store.WATCH_SECONDS", 0.001)

    async def scenario() -> None:
        async with open_store(clock=seconds) as store:
            await store.start()
            await store.principal(minted.key)
            seconds.seconds += FLUSH_SECONDS
            with Records.open_existing(url) as records:
                await _until(lambda: records.list_keys()[0].last_used_at is not None)
                assert store._last_used == {}

    asyncio.run(scenario())


def test_more_last_uses_than_one_transaction_takes_are_all_written(
    open_store: OpenStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardiorisk.store.store._USES_A_TRANSACTION", 2)
    with Records.open(url) as records:
        keys = [records.create_key("ana", None, None).key for _ in range(5)]

    async def scenario() -> None:
        async with open_store() as store:
            for key in keys:
                await store.principal(key)
            await store.flush()

    asyncio.run(scenario())
    with Records.open_existing(url) as records:
        assert all(key.last_used_at is not None for key in records.list_keys())


def test_last_uses_that_cannot_be_written_are_kept_for_the_next_time(
    open_store: OpenStore, url: str, minted: MintedKey, path: Path
) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.principal(minted.key)
            store._thread.run_now(lambda: store._records.database.wait_at_most(0.01))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await store.flush()
            await store.flush()

    asyncio.run(scenario())
    with Records.open_existing(url) as records:
        assert records.list_keys()[0].last_used_at is not None


# The end


def test_closing_twice_is_harmless(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            await store.close()
            await store.close()
            assert store._thread.is_closed

    asyncio.run(scenario())


def test_a_closed_store_is_unavailable(open_store: OpenStore, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.close()
            with pytest.raises(StoreUnavailable):
                await store.principal(minted.key)
            with pytest.raises(StoreUnavailable):
                await store.check()

    asyncio.run(scenario())


def test_closing_leaves_one_file(open_store: OpenStore, path: Path, minted: MintedKey) -> None:
    async def scenario() -> None:
        async with open_store() as store:
            await store.start()
            await store.principal(minted.key)

    asyncio.run(scenario())
    assert [file.name for file in path.parent.iterdir()] == ["keys.db"]
