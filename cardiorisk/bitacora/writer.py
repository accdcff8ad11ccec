"""The open bitácora: lines go to the end of the file before their answers are sent.

One ``write`` a line, so that a killed process tears at most the line it was writing. No line is
dropped in silence: what cannot be written raises ``LogUnavailable``, and its answer is not given.
A file that was renamed is written to for up to a second more; a deleted one never gets another
line, and gives its space back. It belongs to the event loop; only ``fsync`` has a thread.

The name may lead to a pipe, a terminal or a socket instead, ``/dev/stdout`` say. A line that is not
taken there at once is refused, and so is every line while nobody reads: no reader is waited for.

A checkpoint (``bitacora.chain``) follows each 1,000 lines and each second's; ``tick`` is for the
second after which no line comes.
"""

import errno
import fcntl
import logging
import os
import select
import stat
import sys
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
_PIPE_BYTES = 1 << 20
"""As much as anybody may ask for: some 3,000 lines."""
_PRINTED = (1, 2)
"""Standard output and error."""
_logger = logging.getLogger(__name__)

Sync = Literal["os", "disk"]


class Bitacora:
    """The log file in a directory, open for appending; both are made where needed.

    Args:
        log_dir: the directory of the file.
        name: of the file.
        seal_key_file: the key that seals checkpoints; without one they are chained only.
        sync: ``os`` hands lines to the system; in ``disk`` mode ``synced`` awaits the disk.
        clock: monotonic, in seconds.
        wall_clock: seconds since the epoch.
        fsync: puts an open file's content on the disk; ``os.fsync`` where none is given.

    Raises:
        LogUnavailable: the directory or the file cannot be made, read or written.
    """

    def __init__(
        self,
        log_dir: Path,
        *,
        name: str = LOG_FILE,
        sync: Sync = "os",
        seal_key_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        fsync: Fsync | None = None,
    ) -> None:
        self.lines_written = 0
        self.write_failures = 0
        self._failures = Failures(_logger)
        self._path = log_dir / name
        self._writing = f"writing the bitácora {self._path}"
        self._clock = clock
        self.is_durable = sync == "disk"
        self._group_sync = GroupSync(self._begin_sync, self._end_sync, fsync or os.fsync)
        self._rotated_files: list[int] = []
        self._next_check_s = clock() + ROTATION_CHECK_SECONDS
        self._is_closed = False
        self._is_regular = True
        self._is_begun = False
        seal = Seal(seal_key_file) if seal_key_file is not None else None
        self._chain = Chain(sync, wall_clock, seal)
        try:
            self._file, self._ends_torn = self._open_file()
            self._go_on()
        except OSError as error:
            if error.errno != errno.ENXIO:
                self._chain.close()
                raise LogUnavailable(
                    f"cannot open the bitácora {self._path}: {error.strerror}"
                ) from error
            # A pipe whose reader has yet to come: until then there is no file of this name.
            self._file, self._ends_torn = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), False
            self._next_check_s = clock()
            self._failures.note(self._writing, error)

    def append(self, line: bytes) -> None:
        """Add one line, newline included, to the end of the file."""
        self._require_open()
        try:
            self._follow_rotation()
            self._write(line)
        except OSError as error:
            self.write_failures += 1
            self._failures.note(self._writing, error)
            raise LogUnavailable(f"the bitácora cannot be written: {error.strerror}") from error
        if self._failures.failing:
            self._failures.note(self._writing, None)
        self.lines_written += 1

    def tick(self) -> None:
        """Write the checkpoint of a second after which no line has come; call it each second."""
        if self._is_closed:
            return
        try:
            self._chain.keep_up()
            self._follow_rotation()
        except OSError as error:
            self._failures.note(self._writing, error)

    def require_writable(self) -> None:
        """Check that a line could be written now, as far as that can be known beforehand.

        After a failure an empty line is tried, which readers pass over.
        """
        self._require_open()
        try:
            self._follow_rotation()
            if self._failures.failing:
                self._write(_NEWLINE)
            if not self._is_regular:
                _require_ready(self._file)
            has_room = not self._is_regular or os.fstatvfs(self._file).f_bavail > 0
        except OSError as error:
            raise LogUnavailable(f"the bitácora cannot be written: {error.strerror}") from error
        if not has_room:
            raise LogUnavailable("the bitácora cannot be written: its disk is full")

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

    def _go_on(self) -> None:
        """Go on after what an earlier process left: a torn line, a chain, a file renamed since."""
        try:
            if self._ends_torn:
                self._write(b"")
        except OSError:
            os.close(self._file)
            raise
        try:
            if self._is_regular and not os.fstat(self._file).st_size:
                self._end_predecessor()
            self._begin_chain("open")
        except OSError as error:
            self._failures.note(self._writing, error)

    def _end_predecessor(self) -> None:
        """Go on after the file that had the name before, whose end nobody may have sealed."""
        new_file = self._file
        try:
            older = [file.path for file in list_files(self._path) if file.path != self._path]
            last = last_checkpoint(older[-1]) if older else None
            if last is None:
                return
            self._chain.follow(last)
            if is_compressed(older[-1]):
                return
            self._file = os.open(older[-1], os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            self._ends_torn = _ends_torn(self._file)
            self._begin_chain(None)
            if last.why not in {"rotate", "close"} or self._chain.lines:
                self._checkpoint("rotate")
        except OSError as error:
            _logger.warning("going on from the bitácora's older files fails: %s", error)
        finally:
            if self._file != new_file:
                os.close(self._file)
            self._file, self._ends_torn = new_file, False

    def _begin_chain(self, why: Why | None) -> None:
        """Go on with the chain in the file that is open, and say why."""
        self._is_begun = False
        if self._ends_torn:
            self._write(b"")
        if self._is_regular:
            with open(self._file, "rb", closefd=False) as file:
                self._chain.begin(file)
        else:
            self._chain.begin(None)
        if why is not None:
            self._checkpoint(why)

    def _end_chain(self, why: Why) -> None:
        """Write a file's last checkpoint; no line is refused where that fails."""
        last = self._chain.last
        if not self._is_begun or (last is not None and last.why == why and not self._chain.lines):
            return
        try:
            self._checkpoint(why)
        except OSError as error:
            _logger.warning("ending the bitácora %s fails: %s", self._path, error)

    def _checkpoint(self, why: Why) -> None:
        if self._ends_torn:
            self._write(b"")
        line = self._chain.next_line(why)
        written_bytes = self._put(line)
        self._ends_torn = not line[:written_bytes].endswith(_NEWLINE)
        if written_bytes < len(line) - 1:
            self._chain.add_odd(line[:written_bytes])
            raise _taken_in_part(written_bytes, line)
        self._chain.passed(line, written_bytes)
        self._is_begun = True

    def _write(self, line: bytes) -> None:
        """Write the line, on a line of its own, with one call of the system."""
        text = _NEWLINE + line if self._ends_torn else line
        written_bytes = self._put(text)
        if text is line and written_bytes == len(line):
            self._chain.add(line)
        else:
            self._chain.add_odd(text[:written_bytes])
        if written_bytes < len(text):
            if written_bytes:
                self._ends_torn = not text[:written_bytes].endswith(_NEWLINE)
            raise _taken_in_part(written_bytes, text)
        self._ends_torn = False

    def _put(self, text: bytes) -> int:
        if not self._is_regular:
            _require_ready(self._file)
        return os.write(self._file, text)

    def _follow_rotation(self) -> None:
        """Open the file anew where its name was given to another, or to none; see to the chain."""
        now_s = self._clock()
        opened = os.fstat(self._file)
        is_due = len(self._chain.marks) >= MOST_LINES or not self._is_begun
        if now_s < self._next_check_s and opened.st_nlink and not is_due:
            return
        if self._is_still_named(opened):
            if not self._is_begun:
                self._begin_chain("open")
            elif self._chain.lines:
                self._checkpoint("lines")
        else:
            if opened.st_nlink:
                self._end_chain("rotate")
            file, self._ends_torn = self._open_file()
            if opened.st_nlink and self.is_durable:
                self._rotated_files.append(self._file)
                self._file = file
            else:
                # Unlike a close, this is safe while a sync runs, and where the deleted file had
                # filled the disk, it makes the room for the line that comes now.
                os.dup2(file, self._file, inheritable=False)
                os.close(file)
            self._begin_chain("rotated" if self._chain.last is not None else "open")
        self._next_check_s = now_s + ROTATION_CHECK_SECONDS

    def _is_still_named(self, opened: os.stat_result) -> bool:
        try:
            return os.path.samestat(self._path.stat(), opened)
        except OSError:
            return False

    def _open_file(self) -> tuple[int, bool]:
        """Open the file for appending; tell also whether its last line is torn."""
        mode = self._mode()
        is_regular = stat.S_ISREG(mode)
        if self.is_durable and not is_regular and not stat.S_ISDIR(mode):
            raise OSError(errno.EINVAL, "CARDIORISK_BITACORA_SYNC=disk needs a file on a disk")
        if stat.S_ISSOCK(mode):
            file = self._printed_socket()
        else:
            # Were a pipe open for reading too, lines without a reader would be taken, and lost.
            access = os.O_RDWR | os.O_CREAT if is_regular else os.O_WRONLY
            file = self._open_or_make(access | _OPENING)
        try:
            if self.is_durable:
                _sync_directory(self._path.parent)
            ends_torn = _ends_torn(file)
            if is_regular:
                self._claim(file)
                _append_what_is_printed(file)
            elif stat.S_ISFIFO(mode) and sys.platform == "linux":
                with suppress(OSError):  # it is a favour to a reader who pauses for a moment
                    fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            os.close(file)
            raise
        self._is_regular = is_regular
        return file, ends_torn

    def _claim(self, file: int) -> None:
        """Warn where another process has the file, with whose lines no chain verifies."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _logger.warning(
                "another process writes to %s, so it cannot verify: give each a CARDIORISK_NODE",
                self._path,
            )
        except OSError:
            pass  # a file system without locks

    def _mode(self) -> int:
        """Return what kind of file has the name, a regular one where none has it yet."""
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return stat.S_IFREG
        if os.path.samestat(named, Path(os.devnull).stat()):  # a stream that was closed is that too
            raise OSError(errno.ENODEV, f"it is {os.devnull}, which keeps no line")
        return named.st_mode

    def _open_or_make(self, flags: int) -> int:
        try:
            return os.open(self._path, flags, _FILE_MODE)
        except FileNotFoundError:
            self._path.parent.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
            return os.open(self._path, flags, _FILE_MODE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                error.strerror = "nobody reads it"
            raise

    def _printed_socket(self) -> int:
        """Share what is printed to, as a socket cannot be opened by ``/dev/stdout``."""
        named = self._path.stat()
        for number in _PRINTED:
            if os.path.samestat(os.fstat(number), named):
                return os.dup(number)
        raise OSError(errno.EOPNOTSUPP, "it is a socket, and not that of /dev/stdout")

    def _begin_sync(self) -> Files:
        return (*self._rotated_files, self._file)

    def _end_sync(self, files: Files, error: BaseException | None) -> None:
        self.write_failures += error is not None
        self._failures.note(f"syncing the bitácora {self._path}", error)
        # The last file was the current one when the sync began: if it has been rotated away
        # since, it may hold newer lines, and it is for the next sync to close.
        for file in files[:-1]:
            if file in self._rotated_files:
                self._rotated_files.remove(file)
                os.close(file)


def _taken_in_part(written_bytes: int, text: bytes) -> OSError:
    return OSError(errno.EIO, f"{written_bytes} of {len(text)} bytes were taken")


def _ends_torn(file: int) -> bool:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return False
    return os.pread(file, 1, status.st_size - 1) != _NEWLINE


def _require_ready(file: int) -> None:
    """Check that what is no regular file takes a line now, without waiting for its reader."""
    ready = select.poll()
    ready.register(file, select.POLLOUT)
    found = ready.poll(0)
    if not found:
        raise OSError(errno.EAGAIN, "it is full, as its reader is slower than the service")
    if found[0][1] & ~select.POLLOUT:
        raise OSError(errno.EPIPE, "nobody reads it")


def _append_what_is_printed(file: int) -> None:
    """Let what is printed into the same file stand after the lines, not on top of them."""
    for number in _PRINTED:
        if os.path.samestat(os.fstat(number), os.fstat(file)):
            flags = fcntl.fcntl(number, fcntl.F_GETFL)
            fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_APPEND)


def _sync_directory(directory: Path) -> None:
    """Put the file's name on the disk; without it a synced file may be nowhere after a crash."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
