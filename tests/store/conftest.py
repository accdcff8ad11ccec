"""What the store's tests share: a file of their own, and the moment they start at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cardiorisk.store.database import Database, Rows, open_database
from cardiorisk.store.sqlite import SqliteDatabase
from tests.postgres import PostgresServer
from tests.support import SettableClock

NOW = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


@pytest.fixture
def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, sqlite_url: str) -> str:
    """Where the database is: each test that asks for it runs on both engines."""
    if request.param == "sqlite":
        return sqlite_url
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.emptied("store")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW.timestamp())


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as opened:
        yield opened


@pytest.fixture
def opened_file(sqlite_url: str, path: Path) -> Iterator[SqliteDatabase]:
    """SQLite's alone, of which a test asks what no other engine has."""
    with open_database(sqlite_url):
        pass
    with closing(SqliteDatabase(path, 5.0)) as opened:
        yield opened


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    """One transaction for the whole test."""
    with database.writing() as opened:
        yield opened
