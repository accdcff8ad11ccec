"""The newest lines of the bitácora: those that somebody looks for, and those that have come since.

For a reader beside the running service, so both are bounded in bytes: a search goes backwards and
gives up, and says so; what comes faster than it is fetched is skipped. Synchronous: it reads the
disk, so it is called away from the event loop. The surprise: after a rotation the old file is not
looked at any more, and the lines that went into it since the last look are not told.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cardiorisk.bitacora.entry import read_entry
from cardiorisk.bitacora.reader import LONGEST_LINE_BYTES, Line, LogReader, spans_backwards

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cardiorisk.bitacora.entry import Entry

MOST_SEARCHED_BYTES = 4 << 20
"""Of one search: some 12,000 lines, a tenth of a second."""
MOST_FRESH_BYTES = 256 << 10
"""Of one look at what has come since the last one."""
_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True)
class Newest:
    """What a search has found.

    Attributes:
        lines: the newest first.
        searched_bytes: how much of the file's end was looked at.
        is_exhaustive: whether more lines would have been found, had there been any, up to the
            number that was asked for.
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
    """Search the log backwards for lines.

    Raises:
        LogUnavailable: there is no log at ``path``, or it may not be read.
    """
    with LogReader(path) as reader:
        size_bytes = reader.size_bytes()
        stop = max(0, size_bytes - most_bytes)
        found: list[Line] = []
        for start, end in spans_backwards(reader.file_number, size_bytes, stop):
            line = _read(reader.file_number, start, end)
            if line is not None and is_wanted(line.entry):
                found.append(line)
            if len(found) == most_lines:
                return Newest(tuple(found), size_bytes - start, is_exhaustive=True)
        return Newest(tuple(found), size_bytes - stop, is_exhaustive=stop == 0)


class FreshLines:
    """What comes to the end of the log, from one look to the next; not thread-safe.

    Args:
        path: the log.
        most_bytes: of one look; if more has come, the newest are taken.
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
        """Return the whole lines that have come since the last look, the newest first.

        Raises:
            LogUnavailable: there is no log, or it may not be read.
        """
        with LogReader(self._path) as reader:
            size_bytes = reader.size_bytes()
            identity = _identity(reader.file_number)
            if identity != self._file_identity or size_bytes < self._position_bytes:
                self._file_identity, self._position_bytes = identity, 0
            begin = max(self._position_bytes, size_bytes - self._most_bytes)
            lines: list[Line] = []
            whole_bytes = self._position_bytes
            # The newline before the first line that is wanted marks where it starts.
            stop = max(0, begin - 1)
            for start, end in spans_backwards(reader.file_number, size_bytes, stop):
                if whole_bytes == self._position_bytes and _ends(reader.file_number, end):
                    whole_bytes = end
                line = _read(reader.file_number, start, end)
                if line is not None:
                    lines.append(line)
            self._position_bytes = whole_bytes
        return tuple(lines)


def _read(file: int, start: int, end: int) -> Line | None:
    """Read one line, or nothing where it is torn, unfinished or not ours."""
    if end - start > LONGEST_LINE_BYTES:
        return None
    text = os.pread(file, end - start, start)
    entry = read_entry(text) if text.endswith(_NEWLINE) else None
    return None if entry is None else Line(text, entry)


def _ends(file: int, end: int) -> bool:
    return os.pread(file, 1, end - 1) == _NEWLINE


def _identity(file: int) -> tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino
