"""The engine that is SQLite: one file, with a connection that writes and one that reads.

Reading waits for no lock. The driver's own transactions are off: they begin late and never
``IMMEDIATE``. Nothing is written into a file that is not the one opened (decision 0007).
"""

import sqlite3
import stat
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store import rows_changes, sqlite_file
from cardiorisk.store.migrations import revisions
from cardiorisk.store.sqlite_file import FileFault, OpenFile, translated


class SqliteDatabase:
    """One open file; one thread may write while another reads.

    A change waits ``busy_seconds`` in all, for its turn and for another process's lock. One that is
    served is read through before it is opened and, if need be, opened again.
    """

    is_shared = False
    readers = writers = 1

    def __init__(
        self, path: Path, busy_seconds: float, *, makes: bool = False, is_served: bool = False
    ) -> None:
        self.path = path
        self.name = str(path)
        self.busy_seconds = busy_seconds
        self._is_served = is_served
        self._reads = Lock()
        self._is_open = False
        self._version: int | None = None
        if makes:
            with translated(path), suppress(FileExistsError):
                sqlite_file.make_private(path)
        self._open()

    @property
    def fault(self) -> str | None:
        return self._file.fault

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._reads, self._transaction(self._reader) as rows:
            yield rows

    @contextmanager
    def writing(self, waited_seconds: float = 0.0) -> Iterator[Connection]:
        self._file.require_no_fault()
        busy_seconds = max(0.0, self.busy_seconds - waited_seconds)
        self._pragma(f"busy_timeout = {round(busy_seconds * 1000)}")
        with self._transaction(self._writer) as rows:
            rows_changes.start(rows)
            yield rows
            rows_changes.publish(rows)
            self._file.require_own()
        self._file.note_own_write()

    def upgrade(self) -> None:
        """Copy the file to ``keys.db.0001.backup``, and apply the revisions that it lacks."""
        # Else a revision that rebuilds a table would delete the rows that point at the old one.
        self._pragma("foreign_keys = OFF")
        try:
            with self.writing() as rows:
                found = revisions.current(rows)
                if found in revisions.known()[:-1]:
                    copy = self.path.with_name(f"{self.path.name}.{found}.backup")
                    sqlite_file.back_up(self.path, copy, replaces=True)
                revisions.upgrade(rows)
                if rows.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreUnavailable(f"{self.path}: the upgrade would leave loose rows")
        finally:
            self._pragma("foreign_keys = ON")

    def changes_since(self, last: int | None) -> tuple[int, AbstractSet[int] | None]:
        self._file.require_own()
        version = self._pragma("data_version")[0]
        if last is not None and version == self._version:
            return last, frozenset()
        with self.reading() as rows:
            found = rows_changes.since(rows, last)
        self._version = version
        return found

    def probe(self) -> bool:
        """Write a number anew, to the disk; return False where another process has the lock."""
        self._file.require_own()
        try:
            with self.writing(self.busy_seconds) as rows:
                number = rows.exec_driver_sql("PRAGMA user_version").scalar_one()
                rows.exec_driver_sql(f"PRAGMA user_version = {number}")
        except StoreUnavailable as error:
            if sqlite_file.comes_from(error, sqlite3.SQLITE_BUSY):
                return False
            raise
        return True

    def mend(self) -> None:
        with self._reads:
            self._let_go()
            fault = self.fault
            try:
                self._open(may_be_empty=False)
                with self._transaction(self._reader) as rows:
                    revisions.require_head(rows)
            except BaseException:
                self._let_go()
                self._file.fault = fault
                raise

    def close(self) -> None:
        """Close; the last of all processes to close the file tidies its log away."""
        with self._reads:
            if self._is_served and self.fault is None:
                with suppress(StoreUnavailable):
                    self._file.require_own()
            if self.fault is None:
                self._is_open = False
                with translated(self.path):
                    self._reader.close()
                    self._writer.close()
            else:
                self._let_go()

    def _open(self, *, may_be_empty: bool = True) -> None:
        with translated(self.path), ExitStack() as on_failure:
            found = self.path.stat()
            if not stat.S_ISREG(found.st_mode):  # SQLite would wait for a pipe's reader
                raise StoreUnavailable(f"{self.path} is no file")
            if not found.st_size and not may_be_empty:  # SQLite would write into it, over a copy
                raise StoreUnavailable(f"{self.path} is empty")
            if self._is_served or sqlite_file.is_copy(self.path):
                sqlite_file.part_from_foreign_log(self.path)
            self._writer = _engine(self.path, self.busy_seconds, "rw").connect()
            on_failure.callback(self._writer.close)
            self._pragma("schema_version")  # the first look at the file opens the log as well
            self._reader = _engine(self.path, self.busy_seconds, "ro").connect()
            self._file = OpenFile(self.path)
            self._is_open = True
            on_failure.pop_all()

    def _let_go(self) -> None:
        """Close and leave no trace in what stands at the path; what was opened gets its log.

        The writer goes first: the last to close would write, which a reader does not.
        """
        if self._is_open:
            self._is_open = False
            if not self._file.is_overwritten:
                with suppress(StoreUnavailable):
                    self._pragma("busy_timeout = 0")
                    self._pragma("wal_checkpoint(TRUNCATE)")
            for connection in (self._writer, self._reader):
                with suppress(StoreUnavailable), translated(self.path):
                    connection.close()
        self._file.set_own_log_aside()

    @contextmanager
    def _transaction(self, connection: Connection) -> Iterator[Connection]:
        self._file.require_no_fault()
        try:
            with translated(self.path), connection.begin():
                yield connection
        except StoreUnavailable as error:
            if not sqlite_file.comes_from(error, *sqlite_file.DAMAGES):
                raise
            self._file.suspect()
            raise FileFault(str(error)) from error.__cause__

    def _pragma(self, statement: str) -> Any:
        """Run a pragma outside of any transaction, where alone most of them work."""
        with translated(self.path):
            cursor = self._writer.connection.cursor()
            cursor.execute(f"PRAGMA {statement}")
            return cursor.fetchone()


def _engine(path: Path, busy_seconds: float, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        driver = sqlite3.connect(uri, busy_seconds, check_same_thread=False, uri=True)
        driver.isolation_level = None
        with ExitStack() as on_failure:
            on_failure.callback(driver.close)
            if mode == "rw":
                _switch_to_write_ahead_log(driver, busy_seconds)
            driver.execute("PRAGMA synchronous = FULL")
            driver.execute("PRAGMA foreign_keys = ON")
            # A large change would else need a file elsewhere, which a read-only container has not.
            driver.execute("PRAGMA temp_store = MEMORY")
            on_failure.pop_all()
        return driver

    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "rw" else "BEGIN")

    return engine


def _switch_to_write_ahead_log(driver: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch; with a new file SQLite may say "locked" at once, whatever its busy timeout."""
    give_up_at = time.monotonic() + busy_seconds
    while True:
        try:
            driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & sqlite_file.PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        else:
            return
