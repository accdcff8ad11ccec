"""What is PostgreSQL's own: several writers, a server that goes away, longer numbers."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from cardiorisk.errors import Conflict, ServiceError, StoreUnavailable, Taken
from cardiorisk.identity.tokens import Claims
from cardiorisk.store import rows_accounts, rows_keys, rows_sessions
from cardiorisk.store.database import Database, Rows, open_database, open_served
from cardiorisk.store.store import Store
from tests.postgres import PASSWORD, PostgresServer
from tests.processes import until

NOW = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.emptied("store")


def at_once(database: Database, change: Callable[[Rows], object], times: int = 8) -> list[object]:
    """Make one change in as many transactions that begin together; return what came of each."""
    together = threading.Barrier(times)

    def run(_: int) -> object:
        together.wait()
        try:
            with database.writing() as rows:
                return change(rows)
        except ServiceError as error:
            return type(error)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as opened:
        yield opened


def test_of_two_operators_who_suspend_each_other_one_is_left(database: Database) -> None:
    for _ in range(5):
        with database.writing() as rows:
            pair = [rows_accounts.find_or_create(rows, name, None, NOW) for name in ("a", "b")]
            for number in pair:
                rows_accounts.resume(rows, number, NOW)
                rows_accounts.set_operator(rows, number, NOW, is_operator=True)
        turns = iter(pair)
        turn = threading.Lock()

        def suspend(
            rows: Rows, turns: Iterator[int] = turns, turn: threading.Lock = turn
        ) -> object:
            with turn:
                number = next(turns)
            return rows_accounts.suspend(rows, number, NOW).name

        assert at_once(database, suspend, 2).count(Conflict) == 1


def test_a_name_and_the_first_key_are_given_once(database: Database) -> None:
    demo = at_once(database, lambda rows: rows_accounts.create_demo(rows, NOW))
    assert demo.count(None) == 7
    register = partial(
        rows_accounts.register, name="ana", email="ana@example.org", password_hash="x", now=NOW
    )
    assert at_once(database, register).count(Taken) == 7
    found = at_once(database, lambda rows: rows_accounts.find_or_create(rows, "bea", None, NOW))
    assert len(set(found)) == 1


def test_the_secret_is_made_once(url: str) -> None:
    def load(_: int) -> bytes:
        with open_database(url) as database:
            return rows_sessions.load_secret(database)

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(load, range(6)))) == 1


def test_keys_and_sessions_are_counted_one_by_one(database: Database) -> None:
    with database.writing() as rows:
        ana = rows_accounts.find_or_create(rows, "ana", None, NOW)
        keys = [rows_keys.create(rows, ana, NOW) for _ in range(rows_keys.MOST_ACTIVE_KEYS - 1)]
        rows_sessions.begin(rows, ana, "s", "r", NOW)

    def create(rows: Rows) -> object:
        rows_keys.make_room(rows, ana, NOW)
        return rows_keys.create(rows, ana, NOW)

    assert at_once(database, create).count(Conflict) == 7
    rotate = partial(rows_keys.rotate, key_id=keys[0].record.key_id, grace=NOW - NOW, now=NOW)
    assert at_once(database, rotate).count(Conflict) == 7
    claims = Claims(ana, "s", 0, "r", NOW)
    renew = partial(rows_sessions.renew, claims=claims, refresh_id="r2", now=NOW)
    assert sorted(map(str, at_once(database, renew, 3))) == ["ended", "refused", "renewed"]


def test_processes_that_start_together_on_an_empty_database_make_it_once(
    postgres: PostgresServer,
) -> None:
    url = postgres.make("fresh")
    together = threading.Barrier(4)

    def start(_: int) -> bool:
        together.wait()
        with open_database(url) as database, database.writing() as rows:
            return rows_accounts.create_demo(rows, NOW) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(start, range(4))) == [False, False, False, True]


def test_numbers_may_be_long(database: Database) -> None:
    with database.writing() as rows:
        rows.exec_driver_sql("ALTER SEQUENCE account_id_seq RESTART 999999999999999999")
        number = rows_accounts.find_or_create(rows, "ana", None, NOW)
        key = rows_keys.create(rows, number, NOW)
        rows_accounts.add_calls(rows, {(number, NOW.date()): 3_000_000_000})
    with database.reading() as rows:
        assert rows_keys.list_keys(rows, number) == (key.record,)
        assert rows_accounts.calls_by_day(rows, number, NOW.date()) == {NOW.date(): 3_000_000_000}


# A server that cannot be used


def test_no_message_holds_the_password(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (
        postgres.url(password="another-s3cret"),
        postgres.url("nowhere"),
        postgres.url().replace(":", ":a:b:", 2),
    ):
        with pytest.raises(StoreUnavailable) as told:
            open_served(wrong)
        words = str(told.value) + repr(told.value.__cause__)
        assert PASSWORD not in words
        assert "another-s3cret" not in words
        assert "\n" not in str(told.value)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUnavailable, match=r"pip install 'cardiorisk\[cluster\]'"):
        open_served(postgres.url())


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    server = PostgresServer()
    yield server
    server.clean_up()


def kill(server: PostgresServer) -> None:
    server.stop(signal.SIGQUIT)


def freeze(server: PostgresServer) -> None:
    server.freeze()


async def is_answered(ask: Callable[[], Awaitable[None]], *, is_well: bool) -> bool:
    """Ask until the answer is a failure, or none."""
    async with asyncio.timeout(20):
        while True:
            try:
                await ask()
            except StoreUnavailable:
                if not is_well:
                    return True
            else:
                if is_well:
                    return True
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [kill, freeze])
def test_while_the_server_is_away_known_keys_go_on_and_all_else_is_refused_at_once(
    own_server: PostgresServer, end: Callable[[PostgresServer], None], io_loop: IOLoop
) -> None:
    store = Store(open_served(own_server.emptied("store")))

    async def run() -> None:
        await store.start()
        minted = await store.change(lambda rows: rows_accounts.create_demo(rows, NOW))
        assert minted is not None
        known = await store.principal(minted.key)
        end(own_server)
        began = time.monotonic()
        asked: list[Any] = [
            *(store.read(lambda rows: rows_accounts.load(rows, 1, NOW)) for _ in range(50)),
            *(store.change(lambda rows: rows_accounts.resume(rows, 1, NOW)) for _ in range(50)),
        ]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(one) for one in found} == {StoreUnavailable}
        assert time.monotonic() - began < 15  # one by one, they would wait 2 s each
        assert await is_answered(store.check, is_well=False)
        assert await store.principal(minted.key) is known
        own_server.go_on()
        assert await is_answered(store.check, is_well=True)
        await store.change(lambda rows: rows_accounts.set_plan(rows, 1, "new", NOW))
        assert (await store.principal(minted.key)).plan == "new"

    try:
        io_loop.run_sync(run)
    finally:
        own_server.go_on()
        io_loop.run_sync(store.close)


def test_a_server_that_is_back_is_not_taken_for_away_by_an_older_connection(
    own_server: PostgresServer,
) -> None:
    with closing(open_served(own_server.emptied("store"))) as database:
        assert database.probe()
        database.changes_since(None)
        kill(own_server)
        with pytest.raises(StoreUnavailable):
            database.changes_since(None)
        own_server.go_on()
        until(lambda: may_look(database))
        assert database.probe()


def may_look(database: Database) -> bool:
    with suppress(StoreUnavailable):
        database.changes_since(None)
        return True
    return False
