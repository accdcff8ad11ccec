"""Reading the bitácora back: forwards, backwards from its end, and as it grows.

Lines that are torn or not ours are passed over. It reads the disk: not on the event loop.
"""

import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from cardiorisk.bitacora.chain import is_checkpoint, spans_backwards
from cardiorisk.bitacora.entry import LONGEST_LINE_BYTES, Entry, read_entry
from cardiorisk.bitacora.files import UNREADABLE, is_compressed, open_log
from cardiorisk.errors import LogUnavailable

MOST_SEARCHED_BYTES = 4 << 20  # beside the service: some 12,000 lines, a tenth of a second
MOST_FRESH_BYTES = 256 << 10  # in one look at what has come since the last one
_COMPRESSION = 8  # what a compressed file's size is taken for a multiple of
_NEWLINE = b"\n"
_OVERLONG = b"?" + _NEWLINE


@dataclass(frozen=True, slots=True)
class Line:
    """The bytes as they stand in the file, and what they say."""

    text: bytes
    entry: Entry


class LogReader(AbstractContextManager["LogReader"]):
    """An open log; a pipe or a compressed one is read from its start.

    Raises:
        LogUnavailable: there is no log at ``path``, or it may not be read.
    """

    def __init__(self, path: Path, *, may_be_pipe: bool = False) -> None:
        self.torn_lines = 0  # or not ours, of those passed so far
        self.position_bytes = 0  # where the next line starts
        self._path = path
        self._has_unfinished_line = False
        try:
            if not (may_be_pipe or path.is_dir() or stat.S_ISREG(path.stat().st_mode)):
                # Whoever opens a pipe waits, and takes lines from its reader.
                raise LogUnavailable(f"the bitácora {path} is no file that can be read back")
            self._file = open_log(path)
        except FileNotFoundError as error:
            said = f"there is no bitácora at {path}; start the service, or give its --log-dir"
            raise LogUnavailable(said) from error
        except OSError as error:
            raise LogUnavailable(f"the bitácora {path} cannot be read: {error.strerror}") from error
        # Whether it can be read backwards, and from any place.
        self.is_plain = self._file.seekable() and not is_compressed(path)

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def size_bytes(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def lines(self) -> Iterator[Line]:
        """A last line without its newline counts as torn."""
        yield from self._whole_lines()
        self.torn_lines += self._has_unfinished_line

    def _whole_lines(self) -> Iterator[Line]:
        while text := self._next_text():
            entry = read_entry(text)
            if entry is not None:
                yield Line(text, entry)
            elif text != _NEWLINE and not is_checkpoint(text):
                self.torn_lines += 1

    def grown(self) -> Iterator[Line]:
        """Read what has come; after a rotation the next call goes on in the new file."""
        yield from self._whole_lines()
        replacement = self._find_replacement()
        if replacement is not None:
            yield from self.lines()  # The writer has moved on: what is here now is all.
            self._file.close()
            self._file, self.position_bytes = replacement, 0
        elif self.size_bytes() < self.position_bytes:
            self.position_bytes = self._file.seek(0)

    def backwards(self, most_bytes: int = sys.maxsize) -> Iterator[tuple[int, int, Line | None]]:
        """Give the start and end of finished lines, the newest first, and those of ours read."""
        file, size_bytes = self._file.fileno(), self.size_bytes()
        for start, end in spans_backwards(file, size_bytes, max(0, size_bytes - most_bytes)):
            is_overlong = end - start > LONGEST_LINE_BYTES
            text = os.pread(file, 1, end - 1) if is_overlong else os.pread(file, end - start, start)
            if text.endswith(_NEWLINE):
                entry = read_entry(text)
                yield start, end, None if entry is None else Line(text, entry)

    def go_to_newest(self, count: int) -> None:
        """Move to the start of the newest ``count`` lines of ours, or of all."""
        place, missing = 0, count
        for start, end, line in self.backwards():
            missing -= line is not None
            if missing <= 0:
                place = start if count else end
                break
        self.position_bytes = self._file.seek(place)

    def _next_text(self) -> bytes:
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
        """Open what has taken the log's name; while it is empty the writer may still be here."""
        try:
            named = self._path.stat()
            if not named.st_size or os.path.samestat(named, os.fstat(self._file.fileno())):
                return None
            return self._path.open("rb")
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class Newest:
    lines: tuple[Line, ...]  # the newest first
    searched_bytes: int
    is_exhaustive: bool  # whether these are as many as were asked for, or all there are


def find_newest(
    paths: Iterable[Path],
    is_wanted: Callable[[Entry], bool],
    most_lines: int,
    most_bytes: int = MOST_SEARCHED_BYTES,
) -> Newest:
    """Search files backwards, the newest first, for one line or more."""
    found: list[Line] = []
    left_bytes = most_bytes
    for path in paths:
        if len(found) == most_lines:
            break
        with LogReader(path, may_be_pipe=most_bytes == sys.maxsize) as reader:
            cost_bytes = reader.size_bytes() * (1 if reader.is_plain else _COMPRESSION)
            if reader.is_plain:
                for start, _, line in reader.backwards(left_bytes):
                    if line is not None and is_wanted(line.entry):
                        found.append(line)
                        if len(found) == most_lines:
                            cost_bytes -= start
                            break
            elif cost_bytes <= left_bytes:
                wanted = (line for line in reader.lines() if is_wanted(line.entry))
                found += reversed(deque(wanted, most_lines - len(found)))
                cost_bytes = min(left_bytes, reader.position_bytes)
        if cost_bytes > left_bytes:
            return Newest(tuple(found), most_bytes, is_exhaustive=False)
        left_bytes -= cost_bytes
    return Newest(tuple(found), most_bytes - left_bytes, is_exhaustive=True)


class FreshLines:
    """What comes to the end of the log, from one look to the next; of too much the newest lines.

    After a rotation the old file is not looked at any more. Not thread-safe.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_FRESH_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._last = b""

    def skip(self) -> None:
        """Begin at the end of the file as it is now."""
        found = find_newest([self._path], lambda _entry: True, 1, self._most_bytes)
        self._last = found.lines[0].text if found.lines else b""

    def take(self) -> tuple[Line, ...]:
        """Return the whole lines that have come since the last look, the newest first."""
        fresh: list[Line] = []
        with LogReader(self._path) as reader:
            for _, _, line in reader.backwards(self._most_bytes):
                if line is not None and line.text == self._last:
                    break
                fresh += () if line is None else (line,)
        self._last = fresh[0].text if fresh else self._last
        return tuple(fresh)
