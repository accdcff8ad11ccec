"""Calls a day: written in batches, told to the call, lost to nobody but a kill."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from cardiorisk.limits.window import Limiter
from cardiorisk.store.usage_records import UsageRecords

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.store.records import Records
    from cardiorisk.store.store import Store
    from tests.store.conftest import OpenStore

ANA, BRUNO = 1, 2
TODAY = date(2026, 11, 22)
NOON_SECONDS = 1_795_348_800.0
"""Of that day."""


@pytest.fixture
def usage(records: Records) -> UsageRecords:
    records.create_key("ana", None, None)
    records.create_key("bruno", None, None)
    return UsageRecords(records.database)


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(lambda: NOON_SECONDS)


def _call(limiter: Limiter, times: int, account_id: int = ANA) -> None:
    for _ in range(times):
        limiter.hit(account_id, 1000)


async def _today(store: Store, account_id: int = ANA) -> int:
    return (await store.usage.calls_by_day(account_id, TODAY))[TODAY]


def test_calls_of_a_day_add_up(usage: UsageRecords) -> None:
    usage.add_calls({(ANA, TODAY): 3, (BRUNO, TODAY): 1})
    usage.add_calls({(ANA, TODAY): 4, (ANA, TODAY - timedelta(1)): 2})
    assert usage.calls_by_day(ANA, TODAY - timedelta(1)) == {
        TODAY: 7,
        TODAY - timedelta(1): 2,
    }
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 7}


def test_an_account_that_has_gone_takes_nobody_s_calls_along(usage: UsageRecords) -> None:
    usage.add_calls({(77, TODAY): 3, (ANA, TODAY): 1})
    assert usage.calls_by_day(77, TODAY) == {}
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 1}


def test_days_are_dropped_after_three_months(usage: UsageRecords) -> None:
    for back in (90, 91):
        usage.add_calls({(ANA, TODAY - timedelta(back)): 1})
    usage.add_calls({(ANA, TODAY): 1})
    assert list(usage.calls_by_day(ANA, date.min)) == [TODAY - timedelta(90), TODAY]


def test_thirty_days_are_told_the_oldest_first(
    open_store: OpenStore, usage: UsageRecords, limiter: Limiter
) -> None:
    usage.add_calls({(ANA, TODAY - timedelta(29)): 5, (ANA, TODAY - timedelta(30)): 9})

    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            days = await store.usage.calls_by_day(ANA, TODAY)
            assert len(days) == 30
            assert list(days)[::29] == [TODAY - timedelta(29), TODAY]
            assert list(days.values()) == [5] + [0] * 29

    asyncio.run(scenario())


@pytest.mark.usefixtures("usage")
def test_a_call_is_told_before_and_after_it_is_written(
    open_store: OpenStore, limiter: Limiter
) -> None:
    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            _call(limiter, 3)
            assert await _today(store) == 3
            await store.flush()
            _call(limiter, 2)
            assert await _today(store) == 5
            # A reader in the middle of a write is told neither less nor more.
            _, told = await asyncio.gather(store.flush(), _today(store))
            assert told == 5
            assert await _today(store) == 5
            assert await _today(store, BRUNO) == 0

    asyncio.run(scenario())


def test_calls_are_written_at_the_close(
    open_store: OpenStore, usage: UsageRecords, limiter: Limiter
) -> None:
    async def scenario() -> None:
        async with open_store(limiter=limiter):
            _call(limiter, 3)

    asyncio.run(scenario())
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 3}


def test_calls_that_cannot_be_written_are_kept_for_the_next_time(
    open_store: OpenStore, usage: UsageRecords, limiter: Limiter, path: Path
) -> None:
    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            _call(limiter, 3)
            store._thread.run_now(lambda: store._records.database.wait_at_most(0.01))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await store.flush()
                assert await _today(store) == 3
            await store.flush()
            assert await _today(store) == 3

    asyncio.run(scenario())
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 3}


def test_a_flush_that_is_cancelled_counts_nothing_twice(
    open_store: OpenStore, usage: UsageRecords, limiter: Limiter
) -> None:
    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            _call(limiter, 3)
            flush = asyncio.create_task(store.flush())
            await asyncio.sleep(0)
            flush.cancel()
            await asyncio.wait([flush])

    asyncio.run(scenario())
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 3}


def test_more_accounts_than_one_transaction_takes_are_all_written(
    open_store: OpenStore,
    usage: UsageRecords,
    limiter: Limiter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cardiorisk.store.usage_store._ROWS_A_TRANSACTION", 1)

    async def scenario() -> None:
        async with open_store(limiter=limiter) as store:
            _call(limiter, 3, ANA)
            _call(limiter, 2, BRUNO)
            await store.flush()

    asyncio.run(scenario())
    assert usage.calls_by_day(ANA, TODAY) == {TODAY: 3}
    assert usage.calls_by_day(BRUNO, TODAY) == {TODAY: 2}
