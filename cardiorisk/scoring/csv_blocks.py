"""Cutting a CSV file into blocks of whole rows, so that memory does not grow with the file.

A line end between two quotation marks belongs to a cell and must not be cut at, so a block is cut
where the marks before it are even.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase, StringIO

import numpy as np
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData

BLOCK_BYTES = 2 * 1024 * 1024
"""Some 70,000 rows of six columns; larger blocks are no faster."""

LONGEST_ROW_BYTES = 16 * 1024 * 1024
"""A longer row is a quotation mark that nobody closed."""

_NEWLINE = b"\n"
_NEWLINE_BYTE, _QUOTE_BYTE, _COMMA_BYTE = b'\n",'  # as numbers
_QUOTE = b'"'
_RETURNS = "line ends are lone carriage returns; write the file with line feeds (as UTF-8 CSV)"


@dataclass(frozen=True, slots=True)
class Row:
    """A row read cell by cell, and the line of the block (the first is 0) it starts on."""

    cells: list[str]
    line: int


class CsvBlocks:
    """The header of a CSV file, and its rows in blocks.

    Attributes:
        names: the header's cells.
        has_mark: whether the file starts with a byte order mark.
        line: the line (the first is 1) on which the block given last starts.
    """

    def __init__(self, source: BufferedIOBase, block_bytes: int = BLOCK_BYTES) -> None:
        self._source = source
        self._block_bytes = block_bytes
        self._rest = b""
        self.line = 1
        header = self._read_header()
        self.has_mark = header.startswith(BOM_UTF8)
        header = header.removeprefix(BOM_UTF8)
        try:
            header.decode()
        except UnicodeDecodeError as error:
            raise UnusableData("the header is not UTF-8 text") from error
        rows = read_rows(header)
        if not rows:
            raise UnusableData("there is no header")
        if len(rows) > 1:  # those after the first would be lost
            raise UnusableData(_RETURNS)
        self.names = rows[0].cells
        self.line += header.count(_NEWLINE)

    def blocks(self) -> Iterator[bytes]:
        """Give the rows after the header, in blocks of whole rows that end with a line end."""
        while True:
            end = _end_of_rows(self._rest)
            if end:
                block, self._rest = self._rest[:end], self._rest[end:]
                yield block if _QUOTE in block else block.replace(b"\r\n", _NEWLINE)
                self.line += block.count(_NEWLINE)
            if not self._read_on():
                break
        if self._rest:
            yield self._rest + _NEWLINE

    def _read_header(self) -> bytes:
        while not len(ends := _row_ends(self._rest)) and self._read_on():
            pass
        end = int(ends[0]) + 1 if len(ends) else len(self._rest)
        header, self._rest = self._rest[:end], self._rest[end:]
        return header

    def _read_on(self) -> bool:
        """Read the next piece; tell whether there was one."""
        if len(self._rest) > LONGEST_ROW_BYTES:
            if _QUOTE not in self._rest and b"\r" in self._rest:
                raise UnusableData(_RETURNS)
            raise UnusableData(
                f"the row that starts on line {self.line} does not end within 16 MiB: "
                "a quotation mark in it is not closed"
            )
        piece = self._read_piece()
        self._rest += piece
        return bool(piece)

    def _read_piece(self) -> bytes:
        """Read ``block_bytes``, or what there is left; ``read`` would keep signals waiting."""
        pieces: list[bytes] = []
        missing = self._block_bytes
        while missing and (piece := self._source.read1(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


def is_regular(block: bytes, cells: int) -> bool:
    """Tell whether each line of a block is a row of so many cells, without quotation marks."""
    if _QUOTE in block or b"\r" in block:
        return False
    text = np.frombuffer(block, dtype=np.uint8)
    line_ends = np.flatnonzero(text == _NEWLINE_BYTE)  # (n,)
    commas = np.flatnonzero(text == _COMMA_BYTE)
    if len(commas) != len(line_ends) * (cells - 1):
        return False
    by_line = commas.reshape(len(line_ends), cells - 1)
    return bool((by_line[:, -1] < line_ends).all() and (by_line[1:, 0] > line_ends[:-1]).all())


def read_rows(block: bytes, first_line: int = 1) -> list[Row]:
    """Read a block cell by cell; empty lines are no rows, and bytes that are not UTF-8 survive."""
    reader = csv.reader(StringIO(block.decode("utf-8", "surrogateescape"), newline=""))
    rows = []
    line = 0
    try:
        for cells in reader:
            if cells:
                rows.append(Row(cells, line))
            line = reader.line_num
    except csv.Error as error:
        raise UnusableData(
            f"the row that starts on line {first_line + line} cannot be read ({error}): "
            "is a quotation mark in it not closed?"
        ) from error
    return rows


def write_rows(rows: list[list[str]]) -> bytes:
    """Write rows as CSV, the bytes that ``read_rows`` carried along included."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _end_of_rows(text: bytes) -> int:
    """Return where the last whole row ends, 0 where none does."""
    if _QUOTE not in text:
        return text.rfind(_NEWLINE) + 1
    ends = _row_ends(text)
    return int(ends[-1]) + 1 if len(ends) else 0


def _row_ends(text: bytes) -> NDArray[np.int64]:
    """Find the line ends that have an even number of quotation marks before them."""
    characters = np.frombuffer(text, dtype=np.uint8)
    is_inside = np.logical_xor.accumulate(characters == _QUOTE_BYTE)
    return np.flatnonzero((characters == _NEWLINE_BYTE) & ~is_inside)
