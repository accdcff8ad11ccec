"""Copies of a database in use."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from shutil import copy2

import pytest

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.database import Database, open_current, open_database
from cardiorisk.store.sqlite import SqliteDatabase
from cardiorisk.store.sqlite_file import back_up, part_from_foreign_log
from tests.processes import small_disk


@pytest.fixture
def database(opened_file: SqliteDatabase) -> SqliteDatabase:
    return opened_file


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


def rows_of(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM t").fetchone()
        return int(count)


def fill(database: Database, count: int, size: int) -> None:
    with database.writing() as rows:
        rows.exec_driver_sql("CREATE TABLE t (a)")
        rows.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO t SELECT randomblob(?) FROM n",
            (count, size),
        )


@pytest.fixture
def filled(database: SqliteDatabase) -> SqliteDatabase:
    """A database of 20 MB and 20,000 rows."""
    fill(database, 20_000, 1_000)
    return database


def test_a_copy_is_one_moment_of_a_database_that_is_written_meanwhile(
    filled: SqliteDatabase, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    writing, done = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(filled.path, isolation_level=None, timeout=30)) as other:
            while not done.is_set():
                other.execute("INSERT INTO t VALUES (1), (1)")
                writing.set()

    writer = threading.Thread(target=write)
    writer.start()
    writing.wait()
    try:
        back_up(filled.path, copy)
    finally:
        done.set()
        writer.join()
    assert 20_000 < rows_of(copy) <= rows_of(filled.path)
    assert rows_of(copy) % 2 == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {file.name.split("-")[0] for file in tmp_path.iterdir()} == {"keys.db", "copy.db"}


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_a_copy_takes_nothing_s_place(database: SqliteDatabase, tmp_path: Path, kind: str) -> None:
    copy = tmp_path / "copy.db"
    if kind == "file":
        copy.write_text("an older one")
    elif kind == "link":
        copy.symlink_to("nowhere")
    else:
        copy.mkdir()
    with pytest.raises(StoreUnavailable, match=r"no copy was made at .*copy\.db: it is there"):
        back_up(database.path, copy)
    if kind == "file":
        assert copy.read_text() == "an older one"


def test_a_damaged_database_is_not_copied(filled: SqliteDatabase, tmp_path: Path) -> None:
    filled.close()
    with filled.path.open("r+b") as file:
        file.seek(filled.path.stat().st_size // 2)
        file.write(b"broken" * 4096)
    with pytest.raises(StoreUnavailable, match="the database itself is damaged"):
        back_up(filled.path, tmp_path / "copy.db")
    assert [file.name for file in tmp_path.iterdir() if "copy" in file.name] == []


def test_a_copy_that_does_not_fit_leaves_nothing_behind(
    filled: SqliteDatabase, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", "1m") as disk:
        with pytest.raises(StoreUnavailable, match="database or disk is full"):
            back_up(filled.path, disk / "copy.db")
        assert list(disk.iterdir()) == []


def test_a_log_that_would_break_a_whole_file_is_set_aside_when_it_is_opened(
    filled: SqliteDatabase, tmp_path: Path, url: str
) -> None:
    """As after ``kill -9``, and then another database in the place of the one that was killed."""
    log = filled.path.with_name("keys.db-wal")
    with closing(sqlite3.connect(filled.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("DELETE FROM t WHERE rowid % 100 = 1")
        of_another = log.read_bytes()
    filled.close()
    filled.path.unlink()
    with open_database(url) as other:
        fill(other, 2_000, 10_000)
    log.write_bytes(of_another)
    part_from_foreign_log(filled.path)
    with open_database(url) as found, found.reading() as rows:
        assert rows.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
    assert rows_of(tmp_path / "keys.db") == 2_000
    assert log.with_name("keys.db-wal.old").read_bytes() == of_another


def test_a_damaged_file_is_told_where_it_is_read_through(filled: SqliteDatabase) -> None:
    filled.close()
    with filled.path.open("r+b") as file:
        file.truncate(filled.path.stat().st_size // 2)
    with pytest.raises(StoreUnavailable, match=r"is damaged \(.*\); put a copy in its"):
        part_from_foreign_log(filled.path)


def test_a_command_on_a_damaged_file_tells_what_to_do(filled: SqliteDatabase) -> None:
    url = f"sqlite:///{filled.path}"
    filled.close()
    with filled.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"broken" * 4096)
    with (
        pytest.raises(StoreUnavailable, match=r"docs/backup\.md tells how to put a copy"),
        open_current(url),
    ):
        pass


def test_on_a_full_disk_a_log_is_not_taken_for_another_s(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """As after ``kill -9``, where there is no room to open the two together."""
    with small_disk(tmp_path / "small", "1m") as disk:
        for end in ("", "-wal"):
            copy2(f"{database.path}{end}", disk)
        with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(512))
        part_from_foreign_log(disk / "keys.db")
        assert (disk / "keys.db-wal").read_bytes() == Path(f"{database.path}-wal").read_bytes()
