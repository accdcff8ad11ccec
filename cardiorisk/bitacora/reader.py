"""Reading the bitácora back: forwards, backwards from its end, and as it grows.

Memory does not grow with the log, nor with a foreign line in it. Lines that are torn or not ours
are passed over: a log outlives crashes, full disks and curious editors. ``find_newest`` and
``FreshLines`` are for readers beside the running service, so both are bounded in bytes. All of
this reads the disk, so it is called away from the event loop.
"""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Self

from cardiorisk.bitacora.chain import is_checkpoint, spans_backwards
from cardiorisk.bitacora.entry import LONGEST_LINE_BYTES, Entry, read_entry
from cardiorisk.bitacora.files import UNREADABLE, is_compressed, list_files, open_log
from cardiorisk.errors import LogUnavailable

MOST_SEARCHED_BYTES = 4 << 20
"""Of one search: some 12,000 lines, a tenth of a second."""
MOST_FRESH_BYTES = 256 << 10
"""Of one look at what has come since the last one."""

_COMPRESSION = 8
"""How much smaller a compressed file may be, to be searched within the bound."""
_NEWLINE = b"\n"
_OVERLONG = b"?" + _NEWLINE


@dataclass(frozen=True, slots=True)
class Line:
    """One of our lines: the bytes as they stand in the file, and what they say."""

    text: bytes
    entry: Entry


class LogReader:
    """An open log, read forwards from a position; a compressed one or a pipe from its start.

    Attributes:
        torn_lines: lines passed so far that are torn or not ours.
        position_bytes: where the next line starts.

    Raises:
        LogUnavailable: there is no log at ``path``, or it may not be read.
    """

    def __init__(self, path: Path, *, may_be_pipe: bool = False) -> None:
        self.torn_lines = 0
        self.position_bytes = 0
        self._path = path
        self._has_unfinished_line = False
        try:
            if not (may_be_pipe or _can_be_read_back(path)):
                raise LogUnavailable(f"the bitácora {path} is no file that can be read back")
            self._file = open_log(path)
        except FileNotFoundError as error:
            raise LogUnavailable(
                f"there is no bitácora at {path}; the service makes it when it starts"
            ) from error
        except OSError as error:
            raise LogUnavailable(f"the bitácora {path} cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    @property
    def seekable(self) -> bool:
        return self._file.seekable()

    @property
    def file_number(self) -> int:
        return self._file.fileno()

    def size_bytes(self) -> int:
        return os.fstat(self.file_number).st_size

    def go_to_newest(self, count: int) -> int:
        """Move to the start of the newest ``count`` lines of ours, or of all; return how many."""
        start, found = _start_of_newest(self.file_number, self.size_bytes(), count)
        self.position_bytes = self._file.seek(start)
        return found

    def go_to(self, place_bytes: int) -> None:
        """Move to the first line that starts at a place or after it."""
        self.position_bytes = self._file.seek(max(0, place_bytes - 1))
        if place_bytes:
            self._next_text()

    def lines(self) -> Iterator[Line]:
        """Read to the end of the file; a last line without its newline counts as torn."""
        yield from self.whole_lines()
        self.torn_lines += self._has_unfinished_line

    def follow(self, pause: Callable[[], None]) -> Iterator[Line]:
        """Read on as the file grows, through rotations, without an end; ``pause`` in between."""
        while True:
            yield from self.whole_lines()
            replacement = self._find_replacement()
            if replacement is not None:
                yield from self.lines()  # The writer has moved on: what is here now is all.
                self._file.close()
                self._file, self.position_bytes = replacement, 0
            elif self.size_bytes() < self.position_bytes:
                self.position_bytes = self._file.seek(0)
            else:
                pause()

    def whole_lines(self) -> Iterator[Line]:
        """Read as far as lines are finished now."""
        while text := self._next_text():
            entry = read_entry(text)
            if entry is not None:
                yield Line(text, entry)
            elif text != _NEWLINE and not is_checkpoint(text):
                self.torn_lines += 1

    def _next_text(self) -> bytes:
        """Return the next line with its newline, or nothing where none is finished."""
        length_bytes = 0
        try:
            while part := self._file.readline(LONGEST_LINE_BYTES):
                length_bytes += len(part)
                if part.endswith(_NEWLINE):
                    self.position_bytes += length_bytes
                    return part if length_bytes == len(part) else _OVERLONG
        except UNREADABLE:  # it is compressed, and cut off or spoilt
            self._has_unfinished_line = True
            return b""
        self._has_unfinished_line = length_bytes > 0
        if self._file.seekable() and length_bytes:
            self._file.seek(self.position_bytes)
        return b""

    def _find_replacement(self) -> BufferedReader | None:
        """Open the file that has taken the log's name, once there is anything in it.

        An empty one may have been made by the rotating tool; the writer may still be here.
        """
        try:
            named = self._path.stat()
            if not named.st_size or os.path.samestat(named, os.fstat(self.file_number)):
                return None
            return self._path.open("rb")
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class Newest:
    """What a search has found, the newest first.

    Attributes:
        searched_bytes: how much of the file's end was looked at.
        is_exhaustive: whether as many lines were found as were asked for, or all there are.
    """

    lines: tuple[Line, ...]
    searched_bytes: int
    is_exhaustive: bool


def find_newest(
    path: Path,
    is_wanted: Callable[[Entry], bool],
    most_lines: int,
    most_bytes: int = MOST_SEARCHED_BYTES,
) -> Newest:
    """Search the log backwards for lines, and on in the files that were rotated away."""
    found: list[Line] = []
    left_bytes = most_bytes
    for file in _backwards(path):
        left_bytes = _search(file, is_wanted, most_lines, left_bytes, found)
        if len(found) == most_lines:
            break
        if left_bytes < 0:
            return Newest(tuple(found), most_bytes, is_exhaustive=False)
    return Newest(tuple(found), most_bytes - left_bytes, is_exhaustive=True)


def _backwards(path: Path) -> Iterator[Path]:
    yield path
    for file in reversed(list_files(path)):
        if file.path != path and file.has_lines:
            yield file.path


def _search(
    path: Path,
    is_wanted: Callable[[Entry], bool],
    most_lines: int,
    left_bytes: int,
    found: list[Line],
) -> int:
    """Search one file; return how many bytes may still be searched, -1 where it was not all."""
    with LogReader(path) as reader:
        size_bytes = reader.size_bytes()
        if is_compressed(path):
            if size_bytes * _COMPRESSION > left_bytes:
                return -1
            wanted = (line for line in reader.lines() if is_wanted(line.entry))
            found.extend(reversed(deque(wanted, most_lines - len(found))))
            return max(0, left_bytes - reader.position_bytes)
        stop = max(0, size_bytes - left_bytes)
        for start, end in spans_backwards(reader.file_number, size_bytes, stop):
            line = _read_line(reader.file_number, start, end)
            if line is not None and is_wanted(line.entry):
                found.append(line)
            if len(found) == most_lines:
                return left_bytes - (size_bytes - start)
        return -1 if stop else left_bytes - size_bytes


def newest_lines(paths: Sequence[Path], count: int) -> Iterator[Line]:
    """Give the newest lines of some files, which are in their order; the oldest line first."""
    wanted: list[tuple[Path, int, int]] = []
    for path in reversed(paths):
        if not count:
            break
        with LogReader(path) as reader:
            if is_compressed(path):
                found = sum(1 for _ in reader.lines())
            else:
                found = reader.go_to_newest(count)
        wanted.append((path, found, min(found, count)))
        count -= wanted[-1][-1]
    for path, found, kept in reversed(wanted):
        with LogReader(path) as reader:
            if is_compressed(path):
                yield from islice(reader.lines(), found - kept, None)
            else:
                reader.go_to_newest(kept)
                yield from reader.lines()


class FreshLines:
    """What comes to the end of the log, from one look to the next; not thread-safe.

    If more than ``most_bytes`` has come, the newest lines are taken. After a rotation the old file
    is not looked at any more: lines that went into it since the last look are not told.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_FRESH_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._file_identity: tuple[int, int] | None = None
        self._position_bytes = 0

    def skip(self) -> None:
        """Begin at the end of the file as it is now."""
        with LogReader(self._path) as reader:
            self._file_identity = _identity(reader.file_number)
            self._position_bytes = reader.size_bytes()

    def take(self) -> tuple[Line, ...]:
        """Return the whole lines that have come since the last look, the newest first."""
        with LogReader(self._path) as reader:
            size_bytes, identity = reader.size_bytes(), _identity(reader.file_number)
            if identity != self._file_identity or size_bytes < self._position_bytes:
                self._file_identity, self._position_bytes = identity, 0
            reader.go_to(max(self._position_bytes, size_bytes - self._most_bytes))
            lines = tuple(reader.whole_lines())
            self._position_bytes = max(self._position_bytes, reader.position_bytes)
        return lines[::-1]


def _start_of_newest(file: int, size_bytes: int, count: int) -> tuple[int, int]:
    found = 0
    for start, end in spans_backwards(file, size_bytes):
        if not count and os.pread(file, 1, end - 1) == _NEWLINE:
            return end, 0
        found += _read_line(file, start, end) is not None
        if found == count and count:
            return start, found
    return 0, found


def _read_line(file: int, start: int, end: int) -> Line | None:
    """Read one line, or nothing where it is torn, unfinished or not ours."""
    if end - start > LONGEST_LINE_BYTES:
        return None
    text = os.pread(file, end - start, start)
    entry = read_entry(text) if text.endswith(_NEWLINE) else None
    return None if entry is None else Line(text, entry)


def _can_be_read_back(path: Path) -> bool:
    """Tell whether there is a file; whoever opens a pipe waits, and takes lines from its reader."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a directory is refused when it is opened


def _identity(file: int) -> tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino
