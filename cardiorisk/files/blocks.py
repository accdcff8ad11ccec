"""Whole rows of a CSV text, a block at a time, and on which line of the file each stands.

A mark that is not closed would take in the rows after it without a word (as pyarrow and DuckDB
have it). So a block with marks is gone through first: one that opens stands at a cell's start, one
that closes at its end. A row in which that does not hold ends with the line on which it fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData

LONGEST_CELL_BYTES = 64 * 1024
"""Between two quotation marks; what is longer is one that nobody closed."""

LONGEST_ROW_BYTES = 16 * 1024 * 1024

_QUOTE = b'"'
_CR, _LF = b"\r\n"  # as numbers


@dataclass(frozen=True)
class Block:
    """Whole rows, as they stand in the file.

    Attributes:
        first_line: of the file, on which the text starts.
        row: finds a row, and as its group ``broken`` what has marks that do not match.
        has_broken: whether there are such rows.
    """

    text: bytes
    first_line: int
    row: re.Pattern[bytes]
    has_broken: bool = False

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """On which line of the file each row starts."""
        signs = np.frombuffer(self.text, np.uint8)
        returns = signs == _CR
        returns[:-1] &= signs[1:] != _LF
        breaks = np.flatnonzero(returns | (signs == _LF))
        if _QUOTE in self.text:
            starts = np.array([row.start() for row in self.rows], np.int64)
        else:
            starts = np.concatenate([[0], breaks[:-1] + 1])
            starts = starts[~np.isin(signs[starts], (_CR, _LF))]  # empty lines are no rows
        return self.first_line + np.searchsorted(breaks, starts)

    @property
    def readable(self) -> bytes:
        """The text, with something short in the place of each row that is broken."""
        if not self.has_broken:
            return self.text
        return b"".join(b"?\n" if row["broken"] else row[0] for row in self.rows)

    @cached_property
    def rows(self) -> list[re.Match[bytes]]:
        return [row for row in self.row.finditer(self.text) if row[0].strip(b"\r\n")]


class Blocks:
    """Cuts a text into blocks; each ends with the last sign of ``line_end``."""

    def __init__(
        self, separator: str, line_end: str, longest_cell: int = LONGEST_CELL_BYTES
    ) -> None:
        cut = re.escape(separator).encode()
        marked = rb'"[^"]{0,%d}+(?:""[^"]{0,%d}+)*+' % (longest_cell, longest_cell)
        cell = rb'(?:%b"(?=[%b\r\n])|[^"%b\r\n][^%b\r\n]*+|(?=[%b\r\n]))' % (marked, *[cut] * 4)
        end = rb"(?:\r\n|\n|\r)"
        self._good_rows = re.compile(rb"(?:(?:%b%b)*+%b%b)*+" % (cell, cut, cell, end))
        self._row = re.compile(
            rb"(?:%b%b)*+(?:%b%b|(?P<broken>[^\r\n]*+)%b)" % (cell, cut, cell, end, end)
        )
        self._marked = re.compile(marked)
        self._newline = line_end[-1:].encode()

    def cut(self, pieces: Iterable[bytes], line: int) -> Iterator[Block]:
        """Cut a text, whose first line has that number, into a block of whole rows a piece."""
        rest = b""
        for piece in chain(filter(None, pieces), [b""]):
            is_last = not piece
            rest += piece
            if is_last and rest and not rest.endswith(self._newline):
                rest += self._newline
            if block := self._whole_rows(rest, line, is_last=is_last):
                yield block
                text = block.text
                rest = rest[len(text) :]
                line += text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
            if len(rest) > LONGEST_ROW_BYTES:
                raise UnusableData(f"the row that starts on line {line} does not end in 16 MiB")

    def _whole_rows(self, text: bytes, line: int, *, is_last: bool) -> Block | None:
        if not is_last and text.endswith(b"\r"):
            text = text[:-1]  # a line feed may follow
        if _QUOTE not in text:
            end = text.rfind(self._newline) + 1
            return Block(text[:end], line, self._row) if end else None
        end, has_broken = 0, False
        while (good := self._good_rows.match(text, end)) and (end := good.end()) < len(text):
            found = self._row.match(text, end)
            if found is None or not (is_last or self._is_sure(text, found)):
                break
            end, has_broken = found.end(), True
        return Block(text[:end], line, self._row, has_broken) if end else None

    def _is_sure(self, text: bytes, row: re.Match[bytes]) -> bool:
        """Tell whether nothing that may follow the text closes the row's mark."""
        marked = self._marked.match(text, row.start("broken"))
        return marked is not None and marked.end() + 1 < len(text)
