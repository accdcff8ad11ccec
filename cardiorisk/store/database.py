"""One connection to one SQLite file: how it is opened, and how its transactions begin.

Every SQLAlchemy or SQLite error leaves here as ``StoreUnavailable``, and nowhere else. The
surprise: the driver's own idea of transactions is switched off. It begins late and never
``IMMEDIATE``, so two writers would meet in the middle of their work instead of at its start.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cardiorisk.errors import StoreUnavailable
from cardiorisk.identity.forms import folded
from cardiorisk.store.migrations import revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 5.0
"""How long a command waits for another process's write to end."""

FOLDED = "folded"
"""The SQL function that folds a text as ``registration.folded`` does, and leaves null as it is."""
_PRIVATE = 0o600
_SWITCH_AGAIN_SECONDS = 0.01
_PRIMARY_CODE = 0xFF
_REFUSALS_OF_SQLITE = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
_REFUSALS_OF_THE_SYSTEM = {errno.EACCES, errno.EPERM, errno.EROFS}
_BEGIN = "cardiorisk_begin"


class Database:
    """One open connection; to be used on the thread that opened it only.

    Raises:
        StoreUnavailable: by every method, where the file cannot be used; the message names it.
    """

    def __init__(self, url: str) -> None:
        self.path = Path(make_url(url).database or "")
        with translated(self.path):
            status = self.path.stat()
            self._connection = _engine(url).connect()
        self._file_identity = (status.st_dev, status.st_ino)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the file at its newest revision, making or upgrading it where needed."""
        path = Path(make_url(url).database or "")
        with translated(path):
            _make_private_file(path)
        database = cls(url)
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def open_existing(cls, url: str) -> Self:
        """Open a file that is there, at whatever revision."""
        path = Path(make_url(url).database or "")
        if not path.is_file():
            raise StoreUnavailable(
                f"there is no database at {path}; "
                "`cardiorisk serve` or `cardiorisk keys create` makes one"
            )
        return cls(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give the connection inside a transaction that sees one moment and takes no lock."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the connection inside a transaction that holds the write lock from its start."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def upgrade(self) -> None:
        """Apply the revisions that are missing, wholly or not at all, to a file that was copied.

        The copy, ``keys.db.0001.backup`` for one at revision 0001, is made under the write lock:
        another process that upgrades at the same time finds nothing to copy or to do.
        Foreign keys are not enforced meanwhile, as a revision that rebuilds a table drops the
        old one, and that would delete the rows that point at it; they are checked at the end.
        Source: https://www.sqlite.org/lang_altertable.html#otheralter
        """
        with self.reading() as connection:
            if revisions.current(connection) == revisions.head():
                return
        self._pragma("foreign_keys = OFF")
        try:
            with self.writing() as connection:
                found = revisions.current(connection)
                if found in revisions.known()[:-1]:
                    back_up(self.path, self.path.with_name(f"{self.path.name}.{found}.backup"))
                revisions.upgrade(connection)
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreUnavailable(f"{self.path}: the upgrade would leave loose rows")
        finally:
            self._pragma("foreign_keys = ON")

    def current_revision(self) -> str | None:
        """Return the revision the file is at, None for an empty one."""
        with self.reading() as connection:
            return revisions.current(connection)

    def require_head(self) -> None:
        """Check that the file is at the revision this version of the service works with."""
        with self.reading() as connection:
            revisions.require_head(connection)

    def version(self) -> int:
        """Return a number that changes when, and only when, another connection has written.

        Source: https://www.sqlite.org/pragma.html#pragma_data_version
        """
        return int(self._pragma("data_version")[0])

    def require_writable(self) -> None:
        """Take the write lock and give it back; check that the path still names this file."""
        with self.writing() as connection:
            connection.rollback()
        with translated(self.path):
            status = self.path.stat()
        if (status.st_dev, status.st_ino) != self._file_identity:
            raise StoreUnavailable(f"{self.path} was replaced by another file; restart the service")

    def wait_at_most(self, busy_seconds: float) -> None:
        """Set how long a statement waits for another process's lock before it fails."""
        self._pragma(f"busy_timeout = {round(busy_seconds * 1000)}")

    def close(self) -> None:
        """Close the connection; the last one of all processes tidies the write-ahead log away."""
        with translated(self.path):
            self._connection.close()
            self._connection.engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        connection = self._connection.execution_options(**{_BEGIN: begin})
        with translated(self.path), connection.begin():
            yield connection

    def _pragma(self, statement: str) -> Any:
        """Run a pragma outside of any transaction, where alone most of them work."""
        with translated(self.path):
            driver = self._connection.connection.driver_connection
            assert driver is not None  # noqa: S101 - for mypy; None only after invalidate()
            return driver.execute(f"PRAGMA {statement}").fetchone()


def back_up(path: Path, copy: Path) -> None:
    """Copy a database that is in use, as it was last committed, for its owner's eyes only.

    A copy from an earlier try is replaced when the new one is whole.
    """
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    _make_private_file(part)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the database's libraries raise into this service's own failure."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = cause.strerror if isinstance(cause, OSError) else str(cause)
        hint = _hint(path) if _is_refusal(cause) else ""
        raise StoreUnavailable(f"{path} cannot be used: {reason}{hint}") from error


def _is_refusal(cause: BaseException | None) -> bool:
    """Tell whether the system would not let this user have the file."""
    if isinstance(cause, OSError):
        return cause.errno in _REFUSALS_OF_THE_SYSTEM
    return getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE in _REFUSALS_OF_SQLITE


def _hint(path: Path) -> str:
    if path.is_dir():
        return "; it is a directory"
    return "; check that this user may read and write it and its directory"


def _make_private_file(path: Path) -> None:
    """Make an empty file only its owner may read: it will hold the keys' digests.

    SQLite gives the files it puts beside it (``-wal``, ``-shm``) the same mode.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    except FileExistsError:
        return


def _engine(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": True},
    )

    @event.listens_for(engine, "connect")
    def set_up(driver: sqlite3.Connection, _record: object) -> None:
        driver.isolation_level = None
        try:
            _switch_to_write_ahead_log(driver)
            driver.execute("PRAGMA synchronous = FULL")
            driver.execute("PRAGMA foreign_keys = ON")
            driver.create_function(FOLDED, 1, _folded, deterministic=True)
        except BaseException:
            driver.close()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options()[_BEGIN])

    return engine


def _folded(text: str | None) -> str | None:
    return None if text is None else folded(text)


def _switch_to_write_ahead_log(driver: sqlite3.Connection) -> None:
    """Switch, and switch again while another process is at it with the same new file.

    There SQLite says "locked" at once, whatever its busy timeout: one in two hundred openings of
    a fresh file by six at a time. On a file that has been switched before, nothing happens.
    """
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= give_up_at:
                raise
            time.sleep(_SWITCH_AGAIN_SECONDS)
        else:
            return
