"""The file at a database's path, from outside: what keeps it private, and copies of it.

SQLite alone. What goes wrong leaves as ``StoreUnavailable``, with what to do about it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from cardiorisk.errors import InvalidKey, StoreUnavailable

Progress: TypeAlias = "Callable[[int, int], None]"
"""Told how many pages are copied, and of how many."""

COPY_MARK = 0x63726B62
"""The ``application_id`` of a copy until it is opened: a log beside it belongs to another file."""

_PRIVATE = 0o600
_PAGES_A_STEP = 2_500
"""Copied between two tellings of the progress; 10 MB."""
_PRIMARY_CODE = 0xFF
_OWN_ADVICE = "check that this user may read and write it and its directory"
_COPY_ADVICE = {
    errno.EEXIST: "it is there and stays as it is; name another file",
    errno.EISDIR: "it is a directory; name a file",
    errno.ENOENT: "there is no such directory; make it first",
    errno.EACCES: "this user may not write there; name another directory",
    errno.EPERM: "this user may not write there; name another directory",
    errno.EROFS: "nothing can be written there; name another directory",
    errno.ENOSPC: "make room on that disk or name another",
    sqlite3.SQLITE_FULL: "make room on that disk or name another",
    sqlite3.SQLITE_CORRUPT: "the database itself is damaged; keep the copies there are",
    sqlite3.SQLITE_NOTADB: "the database itself is damaged; keep the copies there are",
}
_REFUSALS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the database's libraries raise into this service's own failure."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if isinstance(error, IntegrityError) and "FOREIGN KEY" in str(error.orig):
            raise InvalidKey("the account has been deleted") from error  # what they all refer to
        reason, code = _reason_of(error)
        hint = ""
        if code in _REFUSALS:
            hint = f"; {'it is a directory' if path.is_dir() else _OWN_ADVICE}"
        raise StoreUnavailable(f"{path} cannot be used: {reason}{hint}") from error


def make_private_file(path: Path) -> None:
    """Make an empty file only its owner may read: it will hold the keys' digests.

    SQLite gives the files it puts beside it (``-wal``, ``-shm``) the same mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))


def back_up(path: Path, copy: Path, tell: Progress = lambda _done, _of: None) -> None:
    """Copy a database that is in use as it was at one moment, for its owner's eyes only.

    The copy is whole, checked and on the disk before it has its name; a file of that name stays.
    It is one file, without a write-ahead log.
    """
    with _making(copy) as part:
        if os.path.lexists(copy):  # told before the work is done, not after
            raise OSError(errno.EISDIR if copy.is_dir() else errno.EEXIST, "")
        _copy(path, part, tell, COPY_MARK)
        try:
            os.link(part, copy)
        except FileExistsError:
            raise
        except OSError:  # no links here, as on a stick: hold the name, then fill it
            os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            part.replace(copy)


def back_up_again(path: Path, copy: Path) -> None:
    """Copy as ``back_up`` does; a copy from an earlier try is replaced."""
    with _making(copy) as part:
        _copy(path, part, lambda _done, _of: None)
        part.replace(copy)


@contextmanager
def _making(copy: Path) -> Iterator[Path]:
    """Give a place beside the copy for what is not finished; nothing of it stays."""
    try:
        with TemporaryDirectory(prefix=f".{copy.name}.", dir=copy.parent) as directory:
            yield Path(directory, "copy")
        _sync(copy.parent)
    except (sqlite3.Error, OSError) as error:
        reason, code = _reason_of(error)
        advice = _COPY_ADVICE.get(code, reason)
        raise StoreUnavailable(f"no copy was made at {copy}: {advice}") from error


def _copy(path: Path, part: Path, tell: Progress, mark: int = 0) -> None:
    make_private_file(part)
    with closing(sqlite3.connect(path, isolation_level=None)) as source:
        # One moment of the database: or each write meanwhile would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(part, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")
            source.backup(
                target,
                pages=_PAGES_A_STEP,
                progress=lambda _status, left, of: tell(of - left, of),
            )
            target.execute("PRAGMA journal_mode = DELETE")
            if mark:
                target.execute(f"PRAGMA application_id = {mark}")
            (found,) = target.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"the database itself is damaged: {found}")
    _sync(part)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _reason_of(error: SQLAlchemyError | sqlite3.Error | OSError) -> tuple[str, int]:
    """Return what the system or SQLite says, and its number."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError):
        return cause.strerror or str(cause), cause.errno or 0
    return str(cause), getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE
