"""How a database is opened, and what its rows are read and written through."""

from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, make_url

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.migrations import revisions
from cardiorisk.store.sqlite import SqliteDatabase

Rows: TypeAlias = Connection
"""The tables inside an open transaction, as ``reading`` and ``writing`` give them."""

BUSY_SECONDS = 5.0
"""How long a command waits for another process's write to end."""
SERVED_BUSY_SECONDS = 1.0
"""How long a change of the server waits, in all, for those before it and for others' writes."""


def open_database(url: str, busy_seconds: float = BUSY_SECONDS) -> SqliteDatabase:
    """Open a database at its newest revision, making or upgrading it where needed."""
    return _upgraded(SqliteDatabase(_path(url), busy_seconds, makes=True))


def open_served(url: str, busy_seconds: float = SERVED_BUSY_SECONDS) -> SqliteDatabase:
    """Open a database as ``open_database`` does, for as long as the process lives."""
    return _upgraded(SqliteDatabase(_path(url), busy_seconds, makes=True, is_served=True))


def open_existing(url: str) -> SqliteDatabase:
    """Open a database that is there, at whatever revision."""
    path = _path(url)
    if not path.is_file():
        raise StoreUnavailable(
            f"there is no database at {path.absolute()}; where the service's is elsewhere, "
            "go there or give --database-url; "
            "`cardiorisk serve` or `cardiorisk keys create` makes one"
        )
    return SqliteDatabase(path, BUSY_SECONDS)


def open_current(url: str) -> SqliteDatabase:
    """Open a database that is there and at the newest revision."""
    with ExitStack() as on_failure:
        database = on_failure.enter_context(open_existing(url))
        with database.reading() as rows:
            revisions.require_head(rows)
        on_failure.pop_all()
    return database


def revision_of(database: SqliteDatabase) -> str | None:
    """Return the revision that a database is at, None where it has no tables."""
    with database.reading() as rows:
        return revisions.current(rows)


def _upgraded(database: SqliteDatabase) -> SqliteDatabase:
    with ExitStack() as on_failure:
        on_failure.enter_context(database)
        database.upgrade()
        on_failure.pop_all()
    return database


def _path(url: str) -> Path:
    return Path(make_url(url).database or "")
