"""One connection to one SQLite file: how it is opened, and how its transactions begin.

What is particular to SQLite stands here. Every error of SQLAlchemy or SQLite leaves as
``StoreUnavailable``. The driver's own transactions are switched off: they begin late and never
``IMMEDIATE``, so two writers would meet in the middle of their work instead of at its start.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeAlias

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    NullPool,
    create_engine,
    event,
    func,
    make_url,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import InstrumentedAttribute

from cardiorisk.errors import StoreUnavailable
from cardiorisk.identity.forms import folded
from cardiorisk.store.database_file import (
    OpenFile,
    back_up,
    is_copy,
    is_damage,
    is_locked,
    make_private_file,
    part_from_foreign_log,
    translated,
)
from cardiorisk.store.migrations import revisions

Rows: TypeAlias = Connection
"""The tables inside an open transaction, as ``reading`` and ``writing`` give them."""

insert_or_update = sqlite.insert
"""An insert that can say what to do with a row that is there."""

BUSY_SECONDS = 5.0
"""How long a command waits for another process's write to end."""

_SWITCH_AGAIN_SECONDS = 0.01
_PRIMARY_CODE = 0xFF
_BEGIN = "cardiorisk_begin"
_READING = "BEGIN"


class Database:
    """One open connection, closed at the end of a ``with`` block; for one thread at a time.

    Every method raises ``StoreUnavailable`` where the file cannot be used; the message names it.

    Args:
        url: of a file that is there.
        busy_seconds: how long a statement waits for another process's lock.
        reader_of: the files that another connection of this process has open, for a second one
            that only reads.
    """

    def __init__(
        self,
        url: str,
        busy_seconds: float = BUSY_SECONDS,
        reader_of: OpenFile | None = None,
    ) -> None:
        self.path = _path(url)
        self._is_reader = reader_of is not None
        with translated(self.path):
            if not stat.S_ISREG(self.path.stat().st_mode):  # SQLite would wait for a pipe's reader
                raise StoreUnavailable(f"{self.path} is no file")
            if not self._is_reader and is_copy(self.path):
                part_from_foreign_log(self.path)
            self._connection = _engine(self.path, busy_seconds, self._is_reader).connect()
        self._pragma("schema_version")  # the first look at the file opens the log as well
        self.file = reader_of or OpenFile(self.path)

    @classmethod
    def open(cls, url: str) -> Database:
        """Open the file at its newest revision, making or upgrading it where needed."""
        path = _path(url)
        with translated(path), suppress(FileExistsError):
            make_private_file(path)
        with ExitStack() as on_failure:
            database = on_failure.enter_context(cls(url))
            database.upgrade()
            on_failure.pop_all()
        return database

    @classmethod
    def open_existing(cls, url: str) -> Database:
        """Open a file that is there, at whatever revision."""
        path = _path(url)
        if not path.is_file():
            raise StoreUnavailable(
                f"there is no database at {path.absolute()}; where the service's is elsewhere, "
                "go there or give --database-url; "
                "`cardiorisk serve` or `cardiorisk keys create` makes one"
            )
        return cls(url)

    @classmethod
    def open_current(cls, url: str) -> Database:
        """Open a file that is there and at the newest revision."""
        with ExitStack() as on_failure:
            database = on_failure.enter_context(cls.open_existing(url))
            with database.reading() as rows:
                revisions.require_head(rows)
            on_failure.pop_all()
        return database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reading(self) -> AbstractContextManager[Rows]:
        """Begin a transaction that sees one moment and takes no lock."""
        return self._transaction(_READING)

    def writing(self) -> AbstractContextManager[Rows]:
        """Begin a transaction that holds the write lock from its start."""
        return self._transaction("BEGIN IMMEDIATE")

    def writing_by(self, give_up_at: float) -> AbstractContextManager[Rows]:
        """Begin as ``writing`` does, and wait for the lock until then, by the monotonic clock."""
        self.wait_at_most(max(0.0, give_up_at - time.monotonic()))
        return self.writing()

    def upgrade(self) -> None:
        """Apply the revisions that are missing, wholly or not at all, to a file that was copied.

        The copy, ``keys.db.0001.backup`` for one at revision 0001, is made under the write lock:
        another process that upgrades at the same time finds nothing to copy or to do.
        Foreign keys are not enforced meanwhile, as a revision that rebuilds a table drops the
        old one, and that would delete the rows that point at it; they are checked at the end.
        Source: https://www.sqlite.org/lang_altertable.html#otheralter
        """
        with self.reading() as rows:
            if revisions.current(rows) == revisions.head():
                return
        self._pragma("foreign_keys = OFF")
        try:
            with self.writing() as rows:
                found = revisions.current(rows)
                if found in revisions.known()[:-1]:
                    copy = self.path.with_name(f"{self.path.name}.{found}.backup")
                    back_up(self.path, copy, replaces=True)
                revisions.upgrade(rows)
                if rows.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreUnavailable(f"{self.path}: the upgrade would leave loose rows")
        finally:
            self._pragma("foreign_keys = ON")

    def current_revision(self) -> str | None:
        with self.reading() as rows:
            return revisions.current(rows)

    def version(self) -> int:
        """Return a number that changes when, and only when, another connection has written.

        Raises:
            StoreUnavailable: the file is not the one that was opened, or is not whole.

        Source: https://www.sqlite.org/pragma.html#pragma_data_version
        """
        self.file.require_own()
        return int(self._pragma("data_version")[0])

    def probe(self) -> bool:
        """Write a number anew, to the disk; return False where another process has the lock."""
        self.file.require_own()
        try:
            with self.writing_by(0) as rows:
                number = rows.exec_driver_sql("PRAGMA user_version").scalar_one()
                rows.exec_driver_sql(f"PRAGMA user_version = {number}")
        except StoreUnavailable as error:
            if is_locked(error):
                return False
            raise
        return True

    def wait_at_most(self, busy_seconds: float) -> None:
        """Set how long a statement waits for another process's lock before it fails."""
        self._pragma(f"busy_timeout = {round(busy_seconds * 1000)}")

    def close(self) -> None:
        """Close the connection; the last one of all processes tidies the write-ahead log away."""
        with translated(self.path):
            self._connection.close()
            self._connection.engine.dispose()

    def let_go(self) -> None:
        """Close without a word to a file that is not, or no more, the one that was opened.

        The writer goes first; then it is not the last, and a reader writes nothing when it is
        closed. What was opened, where it stands elsewhere now, gets what its log holds for it.
        """
        with suppress(StoreUnavailable):
            if not self._is_reader and not self.file.is_overwritten:
                self.wait_at_most(0)
                self._pragma("wal_checkpoint(TRUNCATE)")
        with suppress(StoreUnavailable):
            self.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Rows]:
        self.file.require_no_fault()
        connection = self._connection.execution_options(**{_BEGIN: begin})
        is_writing = begin != _READING
        try:
            with translated(self.path), connection.begin():
                yield connection
                if is_writing:
                    self.file.require_own()
        except StoreUnavailable as error:
            if is_damage(error):
                self.file.suspect()
            raise
        if is_writing:
            self.file.note_own_write()

    def _pragma(self, statement: str) -> Any:
        """Run a pragma outside of any transaction, where alone most of them work."""
        with translated(self.path):
            driver = self._connection.connection.driver_connection
            assert driver is not None  # noqa: S101 - for mypy; None only after invalidate()
            return driver.execute(f"PRAGMA {statement}").fetchone()


def folded_text(column: InstrumentedAttribute[str | None]) -> ColumnElement[str]:
    """Return a column as ``forms.folded`` folds a text; null stays null."""
    return func.folded(column)


def _path(url: str) -> Path:
    return Path(make_url(url).database or "")


def _engine(path: Path, busy_seconds: float, is_reader: bool) -> Engine:  # noqa: FBT001 - bound by position
    uri = f"{path.absolute().as_uri()}?mode={'ro' if is_reader else 'rw'}"
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: sqlite3.connect(uri, busy_seconds, check_same_thread=False, uri=True),
        poolclass=NullPool,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def set_up(driver: sqlite3.Connection, _record: object) -> None:
        driver.isolation_level = None
        try:
            if not is_reader:
                _switch_to_write_ahead_log(driver, busy_seconds)
            driver.execute("PRAGMA synchronous = FULL")
            driver.execute("PRAGMA foreign_keys = ON")
            # A large change would else need a file elsewhere, which a read-only container has not.
            driver.execute("PRAGMA temp_store = MEMORY")
            driver.create_function("folded", 1, _folded, deterministic=True)
        except BaseException:
            driver.close()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options()[_BEGIN])

    return engine


def _folded(text: str | None) -> str | None:
    return None if text is None else folded(text)


def _switch_to_write_ahead_log(driver: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch, and switch again while another process is at it with the same new file.

    There SQLite says "locked" at once, whatever its busy timeout: one in two hundred openings of
    a fresh file by six at a time. On a file that has been switched before, nothing happens.
    """
    give_up_at = time.monotonic() + busy_seconds
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
