"""Access tokens at the store's door: remembered like keys, and ended at once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import InvalidKey, Overloaded, StoreUnavailable
from cardiorisk.identity.tokens import SESSION_LIFETIME, TokenPair, Tokens, new_token_id
from cardiorisk.store.account_records import AccountRecords
from cardiorisk.store.records import Records

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cardiorisk.store.store import Store
    from tests.store.conftest import OpenStore, SettableMoment, SettableSeconds

ANA = 1


@asynccontextmanager
async def _with_session(
    open_store: OpenStore, **options: object
) -> AsyncIterator[tuple[Store, TokenPair]]:
    """Open a store with one account, ana, that has logged in."""
    async with open_store(**options) as store:
        await store.accounts.register("ana", "ana@example.org", "hash", "freemium")
        yield store, await _log_in(store)


async def _log_in(store: Store) -> TokenPair:
    session_id, refresh_id = new_token_id(), new_token_id()
    await store.accounts.open_session(ANA, session_id, refresh_id)
    return store.tokens.issue(ANA, session_id, 0, refresh_id)


async def _is_refused(store: Store, credential: str) -> bool:
    try:
        await store.principal(credential)
    except InvalidKey:
        return True
    return False


def test_an_access_token_stands_for_its_account(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            principal = await store.principal(pair.access_token)
            assert (principal.account_id, principal.plan) == (ANA, "freemium")
            assert principal.key_id.startswith("jwt_")

    asyncio.run(scenario())


def test_a_token_is_read_and_looked_up_once(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            for _ in range(5):
                await store.principal(pair.access_token)
            assert (store.memo_statistics.hits, store.memo_statistics.misses) == (4, 1)

    asyncio.run(scenario())


def test_a_refresh_token_opens_nothing(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            assert await _is_refused(store, pair.refresh_token)

    asyncio.run(scenario())


def test_a_forged_token_is_refused_without_the_database(
    open_store: OpenStore, now: SettableMoment
) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now) as (store, _):
            store._lookups.most = 0
            forged = Tokens(b"x" * 32, now).issue(ANA, "s", 0, "r").access_token
            assert await _is_refused(store, forged)
            assert store.memo_statistics.refused_entries == 0

    asyncio.run(scenario())


def test_every_refusal_reads_the_same(open_store: OpenStore, now: SettableMoment) -> None:
    async def scenario() -> None:
        messages = set()
        async with _with_session(open_store, now=now) as (store, pair):
            unknown_session = store.tokens.issue(ANA, "none", 0, "r").access_token
            for credential in ("crk_x", "a.b.c", pair.refresh_token, unknown_session):
                with pytest.raises(InvalidKey) as refusal:
                    await store.principal(credential)
                messages.add(str(refusal.value))
        assert len(messages) == 1

    asyncio.run(scenario())


def test_a_remembered_token_ends_with_its_expiry(
    open_store: OpenStore, now: SettableMoment, seconds: SettableSeconds
) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now, clock=seconds) as (store, pair):
            now.advance(minutes=14, seconds=55)
            await store.principal(pair.access_token)
            now.advance(seconds=10)
            seconds.seconds += 10
            assert await _is_refused(store, pair.access_token)

    asyncio.run(scenario())


def test_a_plan_change_holds_for_a_remembered_token(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            await store.principal(pair.access_token)
            await store.accounts.set_plan(ANA, "premium")
            assert (await store.principal(pair.access_token)).plan == "premium"

    asyncio.run(scenario())


def test_a_new_password_ends_a_remembered_token(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            await store.principal(pair.access_token)
            await store.accounts.set_password(ANA, 0, "hash-2")
            assert await _is_refused(store, pair.access_token)

    asyncio.run(scenario())


def test_the_end_of_a_session_ends_its_remembered_token_only(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            other = await _log_in(store)
            principal = await store.principal(pair.access_token)
            await store.principal(other.access_token)
            assert principal.session_id is not None
            await store.accounts.end_session(ANA, principal.session_id)
            assert await _is_refused(store, pair.access_token)
            assert not await _is_refused(store, other.access_token)

    asyncio.run(scenario())


def test_a_reused_refresh_token_ends_a_remembered_access_token(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            await store.principal(pair.access_token)
            claims = store.tokens.read_refresh(pair.refresh_token)
            assert await store.accounts.renew_session(claims, "next")
            assert not await _is_refused(store, pair.access_token)
            assert not await store.accounts.renew_session(claims, "stolen")
            assert await _is_refused(store, pair.access_token)

    asyncio.run(scenario())


def test_a_refresh_token_that_ends_nothing_drops_nothing(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            claims = store.tokens.read_refresh(pair.refresh_token)
            await store.accounts.renew_session(claims, "next")
            await store.accounts.renew_session(claims, "stolen")
            generation = store._memo.generation
            assert not await store.accounts.renew_session(claims, "stolen")
            assert store._memo.generation == generation

    asyncio.run(scenario())


def test_a_password_changed_by_another_process_is_noticed_at_the_next_look(
    open_store: OpenStore, url: str, now: SettableMoment
) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now) as (store, pair):
            await store.refresh()
            await store.principal(pair.access_token)
            with Records.open(url, now) as records:
                AccountRecords(records.database, now).set_password(ANA, 0, "hash-2")
            await store.refresh()
            assert await _is_refused(store, pair.access_token)

    asyncio.run(scenario())


def test_a_tokens_last_use_is_not_kept(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, pair):
            await store.principal(pair.access_token)
            assert store._last_used == {}

    asyncio.run(scenario())


# The secret


def test_tokens_outlive_a_restart(open_store: OpenStore, now: SettableMoment) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now) as (_, pair):
            pass
        async with open_store(now=now) as store:
            assert (await store.principal(pair.access_token)).account_id == ANA

    asyncio.run(scenario())


def test_a_secret_that_is_given_is_the_one_that_signs(
    open_store: OpenStore, now: SettableMoment
) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now, token_secret=b"g" * 32) as (_, pair):
            assert Tokens(b"g" * 32, now).read_access(pair.access_token).account_id == ANA

    asyncio.run(scenario())


def test_a_secret_that_is_given_is_not_stored(open_store: OpenStore, path: Path) -> None:
    async def scenario() -> None:
        async with open_store(token_secret=b"g" * 32):
            pass

    asyncio.run(scenario())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM secret").fetchone() == (0,)


def test_another_secret_ends_every_token(open_store: OpenStore, now: SettableMoment) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, now=now) as (_, pair):
            pass
        async with open_store(now=now, token_secret=b"g" * 32) as store:
            assert await _is_refused(store, pair.access_token)

    asyncio.run(scenario())


# Work that cannot be done


def test_a_read_that_fails_tells_nothing_of_the_inside(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, _):
            store._thread.run_now(store._records.database._connection.close)
            with pytest.raises(StoreUnavailable) as failure:
                await store.accounts.find_login("ana")
            assert str(failure.value) == "the database cannot be read right now"

    asyncio.run(scenario())


def test_a_change_that_fails_tells_nothing_of_the_inside(open_store: OpenStore, path: Path) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, _):
            store._thread.run_now(lambda: store._records.database.wait_at_most(0.01))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable) as failure:
                    await store.accounts.set_plan(ANA, "premium")
            assert str(failure.value) == "the database cannot be written right now"

    asyncio.run(scenario())


def test_more_work_than_may_wait_is_sent_away(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, _):
            store._work._most_jobs = 2
            calls = (store.accounts.find_login("ana") for _ in range(3))
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert [isinstance(one, Overloaded) for one in found] == [False, False, True]
            assert await store.accounts.find_login("ana") is not None

    asyncio.run(scenario())


def test_a_cookie_is_looked_up_once_and_opens_no_other_door(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, _):
            cookie = await _open_browser(store)
            for _ in range(3):
                principal = await store.session_principal(cookie)
                assert (principal.account_id, principal.plan) == (ANA, "freemium")
            assert (store.memo_statistics.hits, store.memo_statistics.misses) == (2, 1)
            assert await _is_refused(store, cookie)

    asyncio.run(scenario())


def test_an_ended_cookie_is_refused_at_once(open_store: OpenStore) -> None:
    async def scenario() -> None:
        async with _with_session(open_store) as (store, _):
            cookie = await _open_browser(store)
            principal = await store.session_principal(cookie)
            assert principal.session_id is not None
            await store.accounts.end_session(ANA, principal.session_id)
            with pytest.raises(InvalidKey):
                await store.session_principal(cookie)

    asyncio.run(scenario())


def test_a_browser_s_session_ends_after_twelve_hours(
    open_store: OpenStore, now: SettableMoment, seconds: SettableSeconds
) -> None:
    async def scenario() -> None:
        async with _with_session(open_store, clock=seconds, now=now) as (store, _):
            cookie = await _open_browser(store)
            now.advance(hours=12, seconds=-1)
            await store.session_principal(cookie)
            now.advance(seconds=7)
            seconds.seconds += 7
            with pytest.raises(InvalidKey):
                await store.session_principal(cookie)

    asyncio.run(scenario())


async def _open_browser(store: Store) -> str:
    session_id = new_token_id()
    await store.accounts.open_session(ANA, session_id, new_token_id(), SESSION_LIFETIME)
    return store.tokens.issue_session(ANA, session_id, 0)
