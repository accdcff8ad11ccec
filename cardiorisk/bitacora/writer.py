"""The open bitácora: lines go to the end of the file before their answers are sent.

One ``write`` a line, so that a killed process tears at most the line it was writing. What cannot be
written raises ``LogUnavailable``, and its answer is not given. A file that was renamed is written
to for up to a second more; a deleted one never gets another line, and gives its space back.

The name may lead to a pipe, a terminal or a socket, ``/dev/stdout`` say: no reader is waited for,
and a line that is not taken at once is refused. It all belongs to the event loop but for ``fsync``.
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

ROTATION_CHECK_SECONDS = 1.0
"""How often the file's name is compared with the open file, at most."""

_FILE_MODE = 0o640
_DIRECTORY_MODE = 0o750
_OPENING = os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_NEWLINE = b"\n"
_logger = logging.getLogger(__name__)

Sync = Literal["os", "disk"]


class Bitacora:
    """The log file in a directory, open for appending; both are made where needed.

    A process that is a ``node`` has a file of its own. ``clock`` is monotonic, ``wall_clock`` gives
    seconds since the epoch; ``fsync`` puts an open file's content on the disk.

    Raises:
        LogUnavailable: the directory or the file cannot be made, read or written, or another
            process writes to it.
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
        self._is_begun = False
        """Whether the chain has a checkpoint of this process in the open file."""
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
                raise LogUnavailable(
                    f"cannot open the bitácora {self.path}: {error.strerror}"
                ) from error
            # A pipe whose reader has yet to come.
            self._next_check_s = clock()
            self._failures.note(self._writing, error)

    def append(self, line: bytes) -> None:
        """Add one line, newline included, to the end of the file."""
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
        if self._is_closed:
            return
        try:
            self._chain.keep_up()
            self._keep_up()
        except OSError as error:
            self._failures.note(self._writing, error)

    def require_writable(self) -> None:
        """Check that a line could be written now, as far as that can be known beforehand.

        After a failure an empty line is tried, which readers pass over.
        """
        self._require_open()
        try:
            self._keep_up()
            if self._failures.failing:
                self._write(_NEWLINE)
            if not self._is_regular:
                _require_ready(self._file)
            has_room = not self._is_regular or os.fstatvfs(self._file).f_bavail > 0
        except OSError as error:
            raise _unwritable(error.strerror) from error
        if not has_room:
            raise _unwritable("its disk is full")

    async def synced(self) -> None:
        """Wait until every line appended before this call is on the disk; ``os`` mode: at once."""
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
        new_file = self._file
        try:
            older = [file.path for file in list_files(self.path) if file.path != self.path]
            if not older:
                return
            path = older[-1]
            if not is_compressed(path):
                self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                _claim(self._file)  # or its process has yet to find out that it was renamed
            last = last_checkpoint(path)
            if last is None:
                return
            self._chain.follow(last)
            if self._file == new_file:
                return
            self._begin_chain(None)
            if last.why not in {"rotate", "close"} or self._chain.lines:
                self._checkpoint("rotate")
        finally:
            if self._file != new_file:
                os.close(self._file)
            self._file, self._ends_torn = new_file, False

    def _begin_chain(self, why: Why | None) -> None:
        self._is_begun = False
        self._ends_torn = self._ends_torn or _ends_torn(self._file)
        self._close_tear()
        if self._is_regular:
            with open(self._file, "rb", closefd=False) as file:
                self._chain.begin(file)
        else:
            self._chain.begin(None)
        if why is not None:
            self._checkpoint(why)

    def _end_chain(self, why: Why) -> None:
        last = self._chain.last
        if not self._is_begun or (last is not None and last.why == why and not self._chain.lines):
            return
        try:
            self._checkpoint(why)
        except OSError as error:
            _logger.warning("ending the bitácora %s fails: %s", self.path, error)

    # Writing

    def _checkpoint(self, why: Why) -> None:
        self._close_tear()
        line = self._chain.next_line(why)
        taken_bytes = self._put(line)
        self._ends_torn = taken_bytes < len(line)
        if taken_bytes < len(line) - 1:
            self._chain.add(line[:taken_bytes], is_whole=False)
            raise _taken_in_part(taken_bytes, line)
        self._chain.passed(line, taken_bytes)
        self._is_begun = True

    def _write(self, line: bytes) -> None:
        if self._ends_torn:
            self._close_tear()
        taken_bytes = self._put(line)
        if taken_bytes < len(line):
            self._chain.add(line[:taken_bytes], is_whole=False)
            self._ends_torn = True
            raise _taken_in_part(taken_bytes, line)
        self._chain.add(line)

    def _close_tear(self) -> None:
        """Have the next line stand on a line of its own."""
        if self._ends_torn:
            self._put(_NEWLINE)
            self._chain.add(_NEWLINE, is_whole=False)
            self._ends_torn = False

    def _put(self, text: bytes) -> int:
        if not self._is_regular:
            _require_ready(self._file)
        return os.write(self._file, text)

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
        self.path.parent.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
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
            file = os.open(self.path, access | _OPENING, _FILE_MODE)
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
        # The last file was the current one when the sync began: if it has been rotated away
        # since, it may hold newer lines, and it is for the next sync to close.
        for file in files[:-1]:
            if file in self._rotated_files:
                self._rotated_files.remove(file)
                os.close(file)


def _unwritable(reason: str | None) -> LogUnavailable:
    return LogUnavailable(f"the bitácora cannot be written: {reason}")


def _taken_in_part(taken_bytes: int, text: bytes) -> OSError:
    return OSError(errno.EIO, f"{taken_bytes} of {len(text)} bytes were taken")


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
    found = ready.poll(0)
    if not found:
        raise OSError(errno.EAGAIN, "it is full, as its reader is slower than the service")
    if found[0][1] & ~select.POLLOUT:
        raise OSError(errno.EPIPE, "nobody reads it")


def _printed(named: os.stat_result) -> list[int]:
    """Return which of standard output and error are this file."""
    return [number for number in (1, 2) if os.path.samestat(os.fstat(number), named)]


def _share_socket(named: os.stat_result) -> int:
    if not (printed := _printed(named)):
        raise OSError(errno.EOPNOTSUPP, "it is a socket, and not that of /dev/stdout")
    return os.dup(printed[0])  # it cannot be opened by that name


def _sync_directory(directory: Path) -> None:
    """Put the file's name on the disk; without it a synced file may be nowhere after a crash."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
