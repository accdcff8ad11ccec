"""The file: how it is made, what its transactions promise, what its failures are called."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import (
    Database,
    open_current,
    open_database,
    open_existing,
    open_served,
    revision_of,
)
from cardiorisk.store.sqlite import SqliteDatabase


@pytest.fixture
def database(opened_file: SqliteDatabase) -> SqliteDatabase:
    return opened_file


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def other_process(path: Path, database: SqliteDatabase) -> Iterator[sqlite3.Connection]:
    """A connection that stands for another process; the database waits for it briefly only."""
    database.busy_seconds = 0.02
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield connection


def _pragma(database: Database, name: str) -> object:
    with database.reading() as rows:
        return rows.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_the_files_are_their_owners_alone(database: SqliteDatabase) -> None:
    assert database.path.stat().st_mode & 0o777 == 0o600
    with database.writing() as rows:
        rows.exec_driver_sql("CREATE TABLE t (a)")
    modes = {file.name: file.stat().st_mode & 0o777 for file in database.path.parent.iterdir()}
    assert modes == {"keys.db": 0o600, "keys.db-wal": 0o600, "keys.db-shm": 0o600}


def test_a_failure_of_the_libraries_shows_no_value(database: SqliteDatabase) -> None:
    with pytest.raises(StoreUnavailable) as failure, database.writing() as rows:
        rows.execute(text("INSERT INTO nowhere VALUES (:a)"), {"a": "s3cret"})
    assert "s3cret" not in str(failure.value.__cause__)


def test_a_file_that_is_there_keeps_its_mode(url: str, path: Path) -> None:
    path.touch(mode=0o640)
    with open_database(url):
        pass
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("pragma", "setting"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_the_connection_is_set_up(url: str, pragma: str, setting: object) -> None:
    with open_database(url):
        pass
    with open_current(url) as database:
        assert _pragma(database, pragma) == setting


def test_a_new_file_is_not_copied_and_alone_after_its_last_connection(url: str, path: Path) -> None:
    with open_database(url):
        pass
    assert [file.name for file in path.parent.iterdir()] == ["keys.db"]


# Transactions


def test_what_fails_half_way_leaves_nothing(database: SqliteDatabase) -> None:
    def fail_half_way() -> None:
        with database.writing() as rows:
            rows.exec_driver_sql("CREATE TABLE half (a)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.reading() as rows:
        tables = "SELECT count(*) FROM sqlite_master WHERE name = 'half'"
        assert rows.exec_driver_sql(tables).scalar_one() == 0


def test_writing_holds_the_write_lock_from_its_start(
    database: SqliteDatabase, other_process: sqlite3.Connection
) -> None:
    with (
        database.writing(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other_process.execute("BEGIN IMMEDIATE")


def test_reading_and_another_process_s_writing_go_on_at_the_same_time(
    database: SqliteDatabase, other_process: sqlite3.Connection
) -> None:
    with database.reading() as rows:
        rows.exec_driver_sql("SELECT * FROM account").all()
        other_process.execute("CREATE TABLE t (a)")
    other_process.execute("BEGIN IMMEDIATE")
    assert revision_of(database) is not None


def test_a_lock_that_is_not_given_up_is_a_failure_that_names_the_file(
    database: SqliteDatabase, other_process: sqlite3.Connection
) -> None:
    other_process.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(
            StoreUnavailable, match=r"keys\.db cannot be used: database is locked"
        ) as told,
        database.writing(),
    ):
        pass
    assert told.value.__cause__ is not None
    other_process.execute("ROLLBACK")
    with database.writing() as rows:
        rows.exec_driver_sql("CREATE TABLE t (a)")
    assert other_process.execute("SELECT count(*) FROM t").fetchone() == (0,)


# Changes


@pytest.mark.parametrize("statement", ["", "SELECT * FROM account", "DELETE FROM secret"])
def test_another_connection_s_change_is_found_whatever_is_done_here_since(
    database: SqliteDatabase, other_process: sqlite3.Connection, statement: str
) -> None:
    last, _ = database.changes_since(None)
    other_process.execute("INSERT INTO change (account_id) VALUES (7)")
    if statement:
        with database.writing() as rows:
            rows.exec_driver_sql(statement)
    assert database.changes_since(last) == (last + 1, {7})
    assert database.changes_since(last + 1) == (last + 1, set())


# Readiness


def test_the_probe_writes_to_the_disk_and_changes_nothing(database: SqliteDatabase) -> None:
    log = database.path.with_name("keys.db-wal")
    before = log.stat().st_size, _pragma(database, "user_version")
    assert database.probe()
    assert log.stat().st_size > before[0]
    assert _pragma(database, "user_version") == before[1]


def test_a_lock_held_elsewhere_is_no_fault_and_not_waited_for(
    database: SqliteDatabase, other_process: sqlite3.Connection
) -> None:
    database.busy_seconds = 3600
    other_process.execute("BEGIN IMMEDIATE")
    assert not database.probe()


# Files that cannot be used


def test_a_file_that_may_not_be_written_is_told_with_its_likely_cause(
    database: SqliteDatabase,
) -> None:
    with database.writing() as rows:  # what SQLite says of a read-only file, without needing one
        rows.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable) as raised, database.writing() as rows:
        rows.exec_driver_sql("DELETE FROM account")
    assert str(raised.value) == (
        f"{database.path} cannot be used: attempt to write a readonly database; "
        "check that this user may read and write it and its directory"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_with_its_likely_cause(url: str, path: Path) -> None:
    path.touch(0o000)
    with (
        pytest.raises(StoreUnavailable, match="check that this user may read and write it"),
        open_database(url),
    ):
        pass


def test_a_file_where_no_directory_is_cannot_be_made(path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match=r"nowhere/keys\.db cannot be used: No such file"),
        open_database(f"sqlite:///{path.parent}/nowhere/keys.db"),
    ):
        pass


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_without_waiting(
    url: str, path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    with pytest.raises(StoreUnavailable, match=r"keys\.db is no file"):
        open_served(url)


def test_a_file_that_is_no_database_is_refused_and_not_touched(url: str, path: Path) -> None:
    content = b"no database, but long enough to be taken for one" * 100
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="file is not a database"), open_database(url):
        pass
    assert path.read_bytes() == content


def test_a_file_that_was_emptied_is_left_to_who_writes_a_copy_into_it(url: str, path: Path) -> None:
    with open_database(url):
        pass
    with closing(SqliteDatabase(path, 5.0, is_served=True)) as database:
        path.write_bytes(b"")
        with pytest.raises(StoreUnavailable):
            database.probe()
        with pytest.raises(StoreUnavailable, match="is empty"):
            database.mend()
        assert path.stat().st_size == 0


@pytest.mark.parametrize("open_", [open_existing, open_current])
def test_a_file_that_is_to_be_there_is_not_made(
    url: str, path: Path, open_: Callable[[str], AbstractContextManager[Database]]
) -> None:
    with pytest.raises(StoreUnavailable, match=r"there is no database at .*keys\.db"), open_(url):
        pass
    assert not path.exists()


def test_a_file_without_tables_is_not_current(url: str, path: Path) -> None:
    path.touch()
    with (
        pytest.raises(StoreUnavailable, match="has no tables; run `cardiorisk db upgrade`"),
        open_current(url),
    ):
        pass


# Several at once


def test_six_openings_of_a_fresh_file_at_once_agree_on_one_first_key(tmp_path: Path) -> None:
    for attempt in range(10):
        url = f"sqlite:///{tmp_path}/keys{attempt}.db"
        at_once = threading.Barrier(6)

        def opened(url: str = url, at_once: threading.Barrier = at_once) -> bool:
            at_once.wait()
            with open_database(url) as database, database.writing() as rows:
                return rows_accounts.create_demo(rows, datetime.now(UTC)) is not None

        with ThreadPoolExecutor(6) as threads:
            first_keys = [future.result() for future in [threads.submit(opened) for _ in range(6)]]
        assert sorted(first_keys) == [False] * 5 + [True]


def test_the_switch_to_the_write_ahead_log_waits_for_a_lock_and_gives_up_on_a_lasting_one(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            SqliteDatabase(path, 0.05)
        release = threading.Timer(0.1, other.rollback)
        release.start()
        with closing(SqliteDatabase(path, 5.0)) as database:
            assert _pragma(database, "journal_mode") == "wal"
        release.join()
