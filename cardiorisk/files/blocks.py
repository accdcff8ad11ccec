"""Whole rows of a CSV text, a block at a time, and on which line of the file each stands.

A line end inside quotation marks belongs to a cell. A mark that is not closed would take in the
rows after it without a word (as pyarrow and DuckDB have it), so the marks of a block are checked
before it is read: one that opens stands at a cell's start, one that closes at its end. Where that
does not hold, the block is gone through row by row, and the row with the fault ends with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData

BLOCK_BYTES = 1024 * 1024
"""Some 35,000 rows of six columns; larger blocks are no faster."""

LONGEST_CELL_BYTES = 64 * 1024
"""Between two quotation marks; what is longer is one that nobody closed."""

LONGEST_ROW_BYTES = 16 * 1024 * 1024

_QUOTE = b'"'
_BREAK = re.compile(rb"\r\n|\n|\r")
_CR, _LF, _MARK = b'\r\n"'  # as numbers


@dataclass(frozen=True)
class Block:
    """Whole rows, as they stand in the file.

    Attributes:
        first_line: of the file, on which the text starts.
        row_starts: where in the text each row starts, where that had to be found out.
        broken: the rows in which the quotation marks do not match.
    """

    text: bytes
    first_line: int
    row_starts: Sequence[int] | None = None
    broken: frozenset[int] = frozenset()

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """On which line of the file each row starts."""
        return self.first_line + np.searchsorted(self._breaks, self._starts)

    def row(self, number: int) -> bytes:
        """Return a row's text."""
        start = int(self._starts[number])
        following = self._starts[number + 1 :]
        end = int(following[0]) if len(following) else len(self.text)
        return self.text[start:end].rstrip(b"\r\n")

    @property
    def readable(self) -> bytes:
        """The text, with something short in the place of each row that is broken."""
        if not self.broken:
            return self.text
        ends = [*self._starts[1:].tolist(), len(self.text)]
        return b"".join(
            b"?\n" if number in self.broken else self.text[start:end]
            for number, (start, end) in enumerate(zip(self._starts.tolist(), ends, strict=True))
        )

    @cached_property
    def _breaks(self) -> NDArray[np.int64]:
        """Where each line ends."""
        signs = np.frombuffer(self.text, np.uint8)
        returns = signs == _CR
        returns[:-1] &= signs[1:] != _LF
        return np.flatnonzero(returns | (signs == _LF))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where each row starts; empty lines are none."""
        if self.row_starts is not None:
            return np.array(self.row_starts, np.int64)
        signs = np.frombuffer(self.text, np.uint8)
        marks = np.flatnonzero(signs == _MARK)
        ends = self._breaks[np.searchsorted(marks, self._breaks) % 2 == 0]
        starts = np.concatenate([[0], ends[:-1] + 1])
        return starts[~np.isin(signs[starts], (_CR, _LF))]


class Blocks:
    """Cuts a text into blocks.

    Args:
        separator: between cells; a single ASCII character.
        line_end: how its lines end; a lone carriage return ends a block only where all do.
        block_bytes: about how much a block has.
        longest_cell: see ``LONGEST_CELL_BYTES``.
    """

    def __init__(
        self,
        separator: str,
        line_end: str,
        block_bytes: int = BLOCK_BYTES,
        longest_cell: int = LONGEST_CELL_BYTES,
    ) -> None:
        self._block_bytes = block_bytes
        self._longest_cell = longest_cell
        cut = re.escape(separator).encode()
        inside = rb'[^"]{0,%d}+' % longest_cell
        cell = rb'(?:"%b(?:""%b)*+"(?=[%b\r\n])|[^"%b\r\n][^%b\r\n]*+|(?=[%b\r\n]))' % (
            *(inside, inside),
            *(cut, cut, cut, cut),
        )
        self._marked = re.compile(rb'"%b(?:""%b)*+' % (inside, inside))
        self._good_cells = re.compile(rb"(?:%b%b)*+" % (cell, cut))
        self._row = re.compile(rb"(?:%b%b)*+%b(?:\r\n|\n|\r)" % (cell, cut, cell))
        self._edges = (ord(separator), _CR, _LF)
        self._newline = line_end[-1:].encode()

    def cut(self, pieces: Iterable[bytes], line: int) -> Iterator[Block]:
        """Cut a text, whose first line has that number, into blocks of whole rows."""
        rest = b""
        for piece in _gathered(pieces, self._block_bytes):
            is_last = not piece
            rest += piece
            if is_last and rest and not rest.endswith(self._newline):
                rest += self._newline
            while rest and (block := self._first_rows(rest, line, is_last=is_last)):
                yield block
                rest = rest[len(block.text) :]
                line += _count_breaks(block.text)
            if len(rest) > LONGEST_ROW_BYTES:
                raise UnusableData(f"the row that starts on line {line} does not end in 16 MiB")

    def _first_rows(self, text: bytes, line: int, *, is_last: bool) -> Block | None:
        if _QUOTE not in text:
            end = text.rfind(self._newline) + 1
            return Block(text[:end], line) if end else None
        signs = np.frombuffer(text, np.uint8)
        marks = np.flatnonzero(signs == _MARK)
        ends = np.flatnonzero(signs == self._newline[0])
        ends = ends[np.searchsorted(marks, ends) % 2 == 0]
        if len(ends):
            end = int(ends[-1]) + 1
            if self._is_clean(signs, marks[marks < end]):
                return Block(text[:end], line)
        return self._row_by_row(text, line, is_last=is_last)

    def _is_clean(self, signs: NDArray[np.uint8], marks: NDArray[np.int64]) -> bool:
        """Tell whether each mark opens a cell, closes one, or stands twice inside of one."""
        opening, closing = marks[::2], marks[1::2]
        if not len(marks):
            return True
        is_twice = opening[1:] - closing[:-1] == 1
        opens = np.isin(signs[opening - 1], self._edges) | (opening == 0)
        closes = np.isin(signs[closing + 1], self._edges)
        opens[1:] |= is_twice
        closes[:-1] |= is_twice
        short = (closing - opening).max() <= self._longest_cell + 1
        return bool(opens.all() and closes.all() and short)

    def _row_by_row(self, text: bytes, line: int, *, is_last: bool) -> Block | None:
        starts: list[int] = []
        broken: set[int] = set()
        start = 0
        while start < len(text):
            found = self._row.match(text, start)
            if found is None:
                good = self._good_cells.match(text, start)
                fault = good.end() if good else start
                marked = self._marked.match(text, fault)
                if not is_last and marked and marked.end() + 1 >= len(text):
                    break  # what follows may close the mark
                found = _BREAK.search(text, fault)
                broken.add(len(starts))
            if found is None or (not is_last and text.endswith(b"\r", 0, found.end() + 1)):
                broken.discard(len(starts))
                break  # nothing ends it yet, or half of a line end does
            if text[start] not in (_CR, _LF):
                starts.append(start)
            start = found.end()
        return Block(text[:start], line, starts, frozenset(broken)) if start else None


def _count_breaks(text: bytes) -> int:
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def _gathered(pieces: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """Join pieces into larger ones; an empty one is the last."""
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= block_bytes:
            yield b"".join(waiting)
            waiting, length = [], 0
    if length:
        yield b"".join(waiting)
    yield b""
