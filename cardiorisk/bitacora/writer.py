"""The open bitácora: one ``write`` a line, before its answer is sent.

A file that was renamed is written to for up to a second more; a deleted one never gets another
line. The name may lead to a pipe, a terminal or a socket, whose reader is not waited for.
"""

import errno
import fcntl
import logging
import os
import select
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cardiorisk.bitacora.chain import MOST_LINES, Chain, Why
from cardiorisk.bitacora.files import LOG_FILE, is_compressed, last_checkpoint, list_files
from cardiorisk.bitacora.group_sync import Files, Fsync, GroupSync
from cardiorisk.bitacora.seal import Seal
from cardiorisk.errors import LogUnavailable
from cardiorisk.workers import Failures

ROTATION_CHECK_SECONDS = 1.0  # between two comparisons of the file's name with the open file
_OPENING = os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_NEWLINE = b"\n"
_logger = logging.getLogger(__name__)

Sync = Literal["os", "disk"]


class Bitacora:
    """A log file, made with its directory where needed; it belongs to the event loop.

    ``clock`` is monotonic, ``wall_clock`` gives seconds since the epoch.

    Raises:
        LogUnavailable: it cannot be made, read or written, or another process writes to it.
    """

    def __init__(
        self,
        log_dir: Path,
        *,
        node: str | None = None,
        sync: Sync = "os",
        seal_key_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        fsync: Fsync | None = None,
    ) -> None:
        self.lines_written = 0
        self.write_failures = 0
        self.is_durable = sync == "disk"
        self._failures = Failures(_logger)
        self.path = log_dir / (LOG_FILE if node is None else f"bitacora-{node}.jsonl")
        self._writing = f"writing the bitácora {self.path}"
        self._clock = clock
        self._group_sync = GroupSync(self._begin_sync, self._end_sync, fsync or os.fsync)
        self._rotated_files: list[int] = []
        self._next_check_s = clock() + ROTATION_CHECK_SECONDS
        self._is_closed = False
        self._is_regular = False
        self._is_begun = False  # whether the open file has a checkpoint of this process
        self._ends_torn = False
        self._chain = Chain(sync, wall_clock, Seal(seal_key_file) if seal_key_file else None)
        self._file = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._replace_file(self._open_file())
            self._close_tear()
            self._go_on()
        except OSError as error:
            if error.errno != errno.ENXIO:
                self._chain.close()
                os.close(self._file)
                said = f"cannot open the bitácora {self.path}: {error.strerror}"
                raise LogUnavailable(said) from error
            self._next_check_s = clock()  # a pipe whose reader has yet to come
            self._failures.note(self._writing, error)

    def append(self, line: bytes) -> None:
        """Add one line, newline included; ``LogUnavailable`` where it was not written."""
        self._require_open()
        try:
            self._keep_up()
            self._write(line)
        except OSError as error:
            self.write_failures += 1
            self._failures.note(self._writing, error)
            raise _unwritable(error.strerror) from error
        if self._failures.failing:
            self._failures.note(self._writing, None)
        self.lines_written += 1

    def tick(self) -> None:
        """Write the checkpoint of a second after which no line has come; call it each second."""
        try:
            if not self._is_closed:
                self._chain.keep_up()
                self._keep_up()
        except OSError as error:
            self._failures.note(self._writing, error)

    def require_writable(self) -> None:
        """Check that a line could be written now, as far as that can be known beforehand."""
        self._require_open()
        try:
            self._keep_up()
            if self._failures.failing:
                self._write(_NEWLINE)  # readers pass it over
            if not self._is_regular:
                _require_ready(self._file)
            is_full = self._is_regular and not os.fstatvfs(self._file).f_bavail
        except OSError as error:
            raise _unwritable(error.strerror) from error
        if is_full:
            raise _unwritable("its disk is full")

    async def synced(self) -> None:
        """Wait, in ``disk`` mode, until every line appended before this call is on the disk."""
        if self.is_durable:
            self._require_open()
            await self._group_sync.wait()

    def close(self) -> None:
        """Close the file, in ``disk`` mode after a last sync, whose failure is raised."""
        if self._is_closed:
            return
        self._is_closed = True
        self._end_chain("close")
        self._chain.close()
        try:
            if self.is_durable:
                self._group_sync.close()
        except OSError as error:
            raise LogUnavailable(f"the bitácora cannot be synced: {error.strerror}") from error
        finally:
            os.close(self._file)

    def _require_open(self) -> None:
        if self._is_closed:
            raise LogUnavailable("the bitácora is closed")

    # The chain

    def _go_on(self) -> None:
        """Go on after what an earlier process left: a chain, or a file that was renamed since."""
        try:
            if self._is_regular and not os.fstat(self._file).st_size:
                self._end_predecessor()
            self._begin_chain("open")
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise
            self._failures.note(self._writing, error)

    def _end_predecessor(self) -> None:
        """Go on after the file that had the name before, whose end nobody may have sealed."""
        older = [file.path for file in list_files(self.path) if file.path != self.path]
        if not older:
            return
        if is_compressed(older[-1]):
            self._chain.follow(last_checkpoint(older[-1]))
            return
        new_file = self._file
        self._file = os.open(older[-1], os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            _claim(self._file)  # or its process has yet to find out that it was renamed
            self._begin_chain(None)
            last = self._chain.last
            if last and (last.why not in {"rotate", "close"} or self._chain.lines):
                self._checkpoint("rotate")
        finally:
            os.close(self._file)
            self._file, self._ends_torn = new_file, False

    def _begin_chain(self, why: Why | None) -> None:
        self._is_begun = False
        self._ends_torn = self._ends_torn or _ends_torn(self._file)
        self._close_tear()
        self._chain.begin(self._file if self._is_regular else None)
        if why is not None:
            self._checkpoint(why)

    def _end_chain(self, why: Why) -> None:
        last = self._chain.last
        try:
            if self._is_begun and (last is None or last.why != why or self._chain.lines):
                self._checkpoint(why)
        except OSError as error:
            _logger.warning("ending the bitácora %s fails: %s", self.path, error)

    # Writing

    def _checkpoint(self, why: Why) -> None:
        self._close_tear()
        line = self._chain.next_line(why)
        self._chain.passed(line, self._put(line, len(line) - 1))
        self._is_begun = True

    def _write(self, line: bytes) -> None:
        if self._ends_torn:
            self._close_tear()
        self._put(line, len(line))
        self._chain.add(line)

    def _put(self, line: bytes, least_bytes: int) -> int:
        if not self._is_regular:
            _require_ready(self._file)
        taken_bytes = os.write(self._file, line)
        self._ends_torn = taken_bytes < len(line)
        if taken_bytes < least_bytes:
            self._chain.add(line[:taken_bytes], is_whole=False)
            raise OSError(errno.EIO, f"{taken_bytes} of {len(line)} bytes were taken")
        return taken_bytes

    def _close_tear(self) -> None:
        if self._ends_torn:
            self._put(_NEWLINE, 1)
            self._chain.add(_NEWLINE, is_whole=False)

    # The file

    def _keep_up(self) -> None:
        """Open the file anew where its name was given to another, or to none; see to the chain."""
        now_s = self._clock()
        opened = os.fstat(self._file)
        is_due = self._chain.lines >= MOST_LINES or not self._is_begun
        if now_s < self._next_check_s and opened.st_nlink and not is_due:
            return
        is_named = False
        with suppress(OSError):
            is_named = os.path.samestat(self.path.stat(), opened)
        if not is_named:
            if opened.st_nlink:
                self._end_chain("rotate")
            self._replace_file(self._open_file(), keeps_old=opened.st_nlink > 0 and self.is_durable)
            self._begin_chain("rotated" if self._chain.last is not None else "open")
        elif not self._is_begun:
            self._begin_chain("open")
        elif self._chain.lines:
            self._checkpoint("lines")
        self._next_check_s = now_s + ROTATION_CHECK_SECONDS

    def _replace_file(self, file: int, *, keeps_old: bool = False) -> None:
        if keeps_old:
            self._rotated_files.append(self._file)
            self._file = file
        else:
            # Unlike a close, this is safe while a sync runs, and where the deleted file had filled
            # the disk, it makes the room for the line that comes now.
            os.dup2(file, self._file, inheritable=False)
            os.close(file)
        self._is_regular = stat.S_ISREG(os.fstat(self._file).st_mode)
        self._ends_torn = _ends_torn(self._file)

    def _open_file(self) -> int:
        self.path.parent.mkdir(0o750, parents=True, exist_ok=True)
        named = self.path.stat() if self.path.exists() else None
        if is_regular := (named is None or stat.S_ISREG(named.st_mode)):
            access = os.O_RDWR | os.O_CREAT
        elif os.path.samestat(named, Path(os.devnull).stat()):  # so is a stream that was closed
            raise OSError(errno.ENODEV, f"it is {os.devnull}, which keeps no line")
        elif self.is_durable:
            raise OSError(errno.EINVAL, "CARDIORISK_BITACORA_SYNC=disk needs a file on a disk")
        elif stat.S_ISSOCK(named.st_mode):
            return _share_socket(named)
        else:
            # Were a pipe open for reading too, lines without a reader would be taken, and lost.
            access = os.O_WRONLY
        try:
            file = os.open(self.path, access | _OPENING, 0o640)
        except OSError as error:
            if error.errno == errno.ENXIO:
                error.strerror = "nobody reads it"
            raise
        try:
            if self.is_durable:
                _sync_directory(self.path.parent)
            if is_regular:
                _claim(file)
        except OSError:
            os.close(file)
            raise
        return file

    def _begin_sync(self) -> Files:
        return (*self._rotated_files, self._file)

    def _end_sync(self, files: Files, error: BaseException | None) -> None:
        self.write_failures += error is not None
        self._failures.note(f"syncing the bitácora {self.path}", error)
        for file in files[:-1]:  # the last may hold newer lines: it is for the next sync to close
            if file in self._rotated_files:
                self._rotated_files.remove(file)
                os.close(file)


def _unwritable(reason: str | None) -> LogUnavailable:
    return LogUnavailable(f"the bitácora cannot be written: {reason}")


def _ends_torn(file: int) -> bool:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return False
    return os.pread(file, 1, status.st_size - 1) != _NEWLINE


def _claim(file: int) -> None:
    """Hold a file for this process alone, until it ends: with another's lines no chain verifies."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        reason = "another process writes to it; give each a name of its own by CARDIORISK_NODE"
        raise OSError(errno.EBUSY, reason) from error
    except OSError:
        pass  # a file system without locks
    for number in _printed(os.fstat(file)):  # or it would stand on top of lines
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
        fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_APPEND)


def _require_ready(file: int) -> None:
    """Check that what is no regular file takes a line now, without waiting for its reader."""
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    if not (found := ready.poll(0)):
        raise OSError(errno.EAGAIN, "it is full, as its reader is slower than the service")
    if found[0][1] & ~select.POLLOUT:
        raise OSError(errno.EPIPE, "nobody reads it")


def _printed(named: os.stat_result) -> list[int]:  # which of standard output and error it is
    return [number for number in (1, 2) if os.path.samestat(os.fstat(number), named)]


def _share_socket(named: os.stat_result) -> int:
    if not (printed := _printed(named)):
        raise OSError(errno.EOPNOTSUPP, "it is a socket, and not that of /dev/stdout")
    return os.dup(printed[0])  # it cannot be opened by that name


def _sync_directory(directory: Path) -> None:
    """Put the file's name on the disk, or a synced file may be nowhere after a crash."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
