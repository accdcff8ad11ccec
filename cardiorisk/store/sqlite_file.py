"""SQLite's file from outside: is it what is open, is it whole; copies of it.

SQLite writes on into a file that was moved or replaced, and plays a log onto whatever file stands
beside it. No file of the database may be opened here but by SQLite: closing it would end its locks.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from cardiorisk.errors import InvalidKey, StoreUnavailable

# The ``application_id`` of a copy until it is opened: a log beside it belongs to another file.
COPY_MARK = 0x63726B62
PRIMARY_CODE = 0xFF
_CHECK_SECONDS = 5.0  # a database that cannot be read through in this time is taken for whole
_GLANCE_SECONDS = 0.1  # the same where another process has written, which waits for us
_EMPTY = "it is empty"
_NO_DATABASE = {_EMPTY, "file is not a database"}  # damages that no log makes good
DAMAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSALS = (
    *(-errno.EACCES, -errno.EPERM, -errno.EROFS),
    *(sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
)
_HINTS = {
    **dict.fromkeys(_REFUSALS, "; check that this user may read and write it and its directory"),
    sqlite3.SQLITE_CORRUPT: "; docs/backup.md tells how to put a copy in its place",
}


@contextmanager
def translated(path: Path, what: str = "{} cannot be used") -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if isinstance(error, IntegrityError) and "FOREIGN KEY" in str(error.orig):
            raise InvalidKey("the account has been deleted") from error  # what they all refer to
        reason, code = _reason_of(error)
        told = f"{what.format(path)}: {reason}{_HINTS.get(code, '')}"
        raise StoreUnavailable(told) from error


class FileFault(StoreUnavailable, code=StoreUnavailable.code):
    """What is open is not what stands at the path, or not whole; the watcher tells of it, once."""


class OpenFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = self._found()
        self._stamp = self._stamped()
        self.fault: str | None = None  # why nothing is read or written any more
        self.is_overwritten = False  # there is something else *in* the file that is open

    def require_own(self) -> None:
        self.fault = self.fault or self._find_fault()
        self.require_no_fault()

    def require_no_fault(self) -> None:
        if self.fault is not None:
            raise FileFault(self.fault)

    def note_own_write(self) -> None:
        self._stamp = self._stamped()

    def suspect(self) -> None:
        """Have the next check read the whole file, as SQLite has found something broken."""
        self._stamp = None

    def set_own_log_aside(self) -> None:
        """Where another file stands in the place of the one that was open, part it from the log."""
        main, log, _ = self._found()
        if main != self._own[0] and log == self._own[1]:
            _set_log_aside(self._path)

    def _find_fault(self) -> str | None:
        main, *beside = self._found()
        if main != self._own[0]:
            return f"{self._path} was moved, deleted, replaced or closed to this user"
        stamp = self._stamped()
        if stamp != self._stamp:
            self.is_overwritten = True
            seconds = _CHECK_SECONDS if self._stamp is None else _GLANCE_SECONDS
            try:
                if has_foreign_log(self._path, seconds):
                    return f"{self._path} was overwritten by another database"
            except StoreUnavailable as damage:
                return str(damage)
            self.is_overwritten = False
            self._stamp = stamp
        if beside != self._own[1:]:
            return f"{self._path}-wal or {self._path.name}-shm was moved, deleted or replaced"
        return None

    def _found(self) -> list[tuple[int, int] | None]:
        files = self._path, *_beside(self._path)
        return [_status(file, lambda found: (found.st_dev, found.st_ino)) for file in files]

    def _stamped(self) -> tuple[int, int] | None:
        return _status(self._path, lambda found: (found.st_size, found.st_mtime_ns))


def has_foreign_log(path: Path, seconds: float = _CHECK_SECONDS) -> bool:
    """Tell whether the write-ahead log beside a database belongs to another one.

    So it is where the file is a copy that was never opened, or is whole without the log alone.
    """
    alone = _damage(path, "immutable=1", seconds)  # SQLite then reads no log
    if alone is None and is_copy(path):
        return True
    damage = _damage(path, "mode=ro", seconds)
    if alone in _NO_DATABASE or (alone and damage):
        raise StoreUnavailable(
            f"{path} is damaged ({alone}); put a copy in its place: docs/backup.md tells how"
        )
    return damage is not None


def part_from_foreign_log(path: Path) -> None:
    """Before a database is opened, read it through and set aside a log that is another's."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    if has_foreign_log(path):
        _set_log_aside(path)
    if is_copy(path):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA application_id = 0")


def is_copy(path: Path) -> bool:
    """Tell whether the file itself, without any log, bears the mark of a copy."""
    with suppress(sqlite3.Error), closing(_connect(path, "immutable=1")) as connection:
        return bool(connection.execute("PRAGMA application_id").fetchone() == (COPY_MARK,))
    return False


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone; SQLite gives those beside it the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def back_up(path: Path, copy: Path, *, replaces: bool = False) -> None:
    """Copy one moment of a database in use; it has its name once it is checked and on the disk."""
    with translated(copy, "no copy was made at {}"):
        if os.path.lexists(copy) and not replaces:  # told before the work is done, not after
            raise FileExistsError(errno.EEXIST, "it is there and stays as it is; name another file")
        with TemporaryDirectory(prefix=f".{copy.name}.", dir=copy.parent) as directory:
            part = Path(directory, "copy")
            _copy(path, part)
            if not replaces:
                make_private(copy)  # the name is ours from here on
            part.replace(copy)
        directory_number = os.open(copy.parent, os.O_RDONLY)
        try:
            os.fsync(directory_number)
        finally:
            os.close(directory_number)


def comes_from(error: StoreUnavailable, *codes: int) -> bool:
    return _reason_of(error.__cause__)[1] in codes


def _damage(path: Path, how: str, seconds: float) -> str | None:
    """Read a database through; return what is wrong, None where nothing is known."""
    try:
        if path.stat().st_size == 0:
            return _EMPTY  # SQLite would take it for new, and its log away
        with closing(_connect(path, how)) as connection:
            # A progress handler is not asked within a table, of which there are few.
            end = Timer(seconds, connection.interrupt)
            end.start()
            try:
                found = _integrity(connection)
            finally:
                end.cancel()
                end.join()
            return None if found == "ok" else found
    except (sqlite3.Error, OSError) as error:
        reason, code = _reason_of(error)
        return reason if code in DAMAGES else None


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def _status(path: Path, of: Callable[[os.stat_result], tuple[int, int]]) -> tuple[int, int] | None:
    with suppress(OSError):
        return of(path.stat())
    return None


def _beside(path: Path) -> tuple[Path, Path]:
    """Return where SQLite puts the log and its index: beside what a link leads to."""
    real = path.resolve()
    return Path(f"{real}-wal"), Path(f"{real}-shm")


def _set_log_aside(path: Path) -> None:
    """Part a write-ahead log from the file; one that holds something is kept as ``-wal.old``."""
    log, index = _beside(path)
    if log.exists() and log.stat().st_size:
        log.replace(f"{log}.old")
    log.unlink(missing_ok=True)
    index.unlink(missing_ok=True)


def _copy(path: Path, part: Path) -> None:
    make_private(part)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        target.isolation_level = None
        source.backup(target)  # in one step, so that it is one moment of the database
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute(f"PRAGMA application_id = {COPY_MARK}")
        found = _integrity(target)
    if found != "ok":
        raise sqlite3.DatabaseError(f"the database itself is damaged: {found}")


def _integrity(connection: sqlite3.Connection) -> str:
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return " ".join(found.split())


def _reason_of(error: BaseException | None) -> tuple[str, int]:
    """Return what is said, and by which number: SQLite's, or the system's below zero."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError):
        return cause.strerror or str(cause), -(cause.errno or 0)
    return str(cause), getattr(cause, "sqlite_errorcode", 0) & PRIMARY_CODE
