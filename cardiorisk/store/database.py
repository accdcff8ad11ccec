"""What the store wants of a database, and how one is opened."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.migrations import revisions
from cardiorisk.store.postgres import PostgresDatabase
from cardiorisk.store.sqlite import SqliteDatabase

Rows: TypeAlias = Connection  # inside an open transaction, as ``reading`` and ``writing`` give it
BUSY_SECONDS = 5.0  # for which a command waits for another process's write to end
SERVED_BUSY_SECONDS = 1.0  # the same of a change of the server; in SQLite, for those before it too


class Database(Protocol):
    """An open database of either engine; ``StoreUnavailable`` is raised where it cannot be used."""

    name: str
    is_shared: bool  # a server's, which may be away, and not a file, which may be damaged
    readers: int  # threads at the same time, as writers
    writers: int

    @property
    def fault(self) -> str | None: ...  # of a file, while it is neither read nor written
    def reading(self) -> AbstractContextManager[Rows]: ...
    def writing(self, waited_seconds: float = 0.0) -> AbstractContextManager[Rows]: ...
    def upgrade(self) -> None: ...
    def changes_since(self, last: int | None) -> tuple[int, AbstractSet[int] | None]: ...
    def probe(self) -> bool: ...
    def mend(self) -> None: ...
    def close(self) -> None: ...


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """Open a database at its newest revision, making or upgrading it where needed."""
    with closing(_open(_parsed(url), makes=True)) as database:
        yield database


def open_served(url: str, busy_seconds: float = SERVED_BUSY_SECONDS) -> Database:
    """Open a database as ``open_database`` does, for as long as the process lives."""
    place = _parsed(url)
    if _is_postgres(place):
        with open_database(url):
            pass  # as long as it takes
    return _open(place, busy_seconds, makes=True, is_served=True)


@contextmanager
def open_existing(url: str) -> Iterator[Database]:
    place = _parsed(url)
    path = Path(place.database or "")
    if not _is_postgres(place) and not path.is_file():
        raise StoreUnavailable(
            f"there is no database at {path.absolute()}; where the service's is elsewhere, go there"
            " or give --database-url; `cardiorisk serve` or `cardiorisk keys create` makes one"
        )
    with closing(_open(place)) as database:
        yield database


@contextmanager
def open_current(url: str) -> Iterator[Database]:
    with open_existing(url) as database:
        with database.reading() as rows:
            revisions.require_head(rows)
        yield database


def revision_of(database: Database) -> str | None:
    with database.reading() as rows:
        return revisions.current(rows)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnavailable("the database's URL cannot be read; docs/settings.md") from None


def _open(
    url: URL, busy_seconds: float = BUSY_SECONDS, *, makes: bool = False, is_served: bool = False
) -> Database:
    database: Database
    if _is_postgres(url):
        database = PostgresDatabase(url, busy_seconds, is_served=is_served)
    else:
        path = Path(url.database or "")
        database = SqliteDatabase(path, busy_seconds, makes=makes, is_served=is_served)
    with ExitStack() as on_failure:
        on_failure.callback(database.close)
        if makes and revision_of(database) != revisions.head():
            database.upgrade()
        on_failure.pop_all()
    return database


def _is_postgres(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"
