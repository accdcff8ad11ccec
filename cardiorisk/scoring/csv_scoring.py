"""Scoring a CSV file block by block.

The lines of a plain block are copied, which is quicker, and the added cells put at their end.
A line end between two quotation marks belongs to a cell, so a block is cut where the marks before
it are even; memory does not grow with the file.
Blocks with quotation marks, rows of the wrong length or what a spreadsheet would take for a formula
are read and written cell by cell.
"""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedIOBase, BytesIO, StringIO
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cardiorisk.errors import UnusableData
from cardiorisk.identity.forms import harmless
from cardiorisk.patients.table import patient_columns
from cardiorisk.scoring.scorer import MILLIONTHS, BadRow, Progress, Scorer, Scores, output_names

BLOCK_BYTES = 2 * 1024 * 1024
"""Some 70,000 rows of six columns; larger blocks are no faster."""

LONGEST_ROW_BYTES = 16 * 1024 * 1024
"""A longer row is a quotation mark that nobody closed."""

_NEWLINE = b"\n"
_NEWLINE_BYTE, _QUOTE_BYTE, _COMMA_BYTE = b'\n",'  # as numbers
_QUOTE = b'"'
_FORMULA = re.compile(
    rb'[=@+\-\xef](?<![^,;\t\n "].)'
    rb"(?:(?<=[=@])|(?<=[+-])(?!\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[,\n])|\xbc[\x8b\x8d\x9d\xa0])"
)
"""Where a cell may begin one, as ``harmless`` has it; a signed number that is a whole cell is none.
What it begins with is looked for first, which takes 9 ms for a block without one."""
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
    """Tell whether each line of a block is a row of so many cells that can be copied as it is."""
    if _QUOTE in block or b"\r" in block or _FORMULA.search(block):
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
    """Write rows as CSV, no cell a formula; the bytes that ``read_rows`` carried along included."""
    text = StringIO(newline="")
    safe = ([harmless(cell) for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(safe)
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


def score_csv(source: BufferedIOBase, sink: BinaryIO, scorer: Scorer) -> Iterator[Progress]:
    """Score a CSV file; each step of the iteration does a block."""
    blocks = CsvBlocks(source)
    patient_columns(blocks.names)
    mark = BOM_UTF8 if blocks.has_mark else b""
    sink.write(mark + write_rows([output_names(blocks.names)]))
    for block in blocks.blocks():
        score_block = _score_plain if is_regular(block, len(blocks.names)) else _score_by_cell
        written, progress = score_block(block, blocks.names, scorer, blocks.line)
        sink.write(written)
        yield progress


def _score_plain(
    block: bytes, names: Sequence[str], scorer: Scorer, first_line: int
) -> tuple[bytes, Progress]:
    columns = patient_columns(names)
    places = [names.index(column) for column in columns]
    frame = pd.read_csv(
        BytesIO(block),
        header=None,
        names=range(len(names)),
        usecols=places,
        index_col=False,
        quoting=csv.QUOTE_NONE,
        skip_blank_lines=False,
        low_memory=False,
        encoding_errors="replace",
    )[places]
    scores = scorer.score(frame.set_axis(columns, axis="columns"))
    lines = block.split(b"\n")
    rows = len(lines) - 1
    pieces: list[bytes] = [b""] * (2 * rows)
    pieces[::2] = lines[:rows]
    pieces[1::2] = _endings(scores)
    bad_rows = [BadRow(first_line + row, reason) for row, reason in scores.reasons.items()]
    return b"".join(pieces), Progress(len(block), rows, bad_rows, scores.outside_training)


def _endings(scores: Scores) -> list[bytes]:
    """Return what is added to each line, its end included; few different ones are usual."""
    different, places = np.unique(scores.millionths, return_inverse=True)
    is_at_risk = np.zeros(len(different), dtype=np.bool_)
    is_at_risk[places] = scores.at_risk
    texts = [
        f",{_decimal(int(number))},{int(at_risk)},\n".encode()
        for number, at_risk in zip(different, is_at_risk, strict=True)
    ]
    endings = [texts[place] for place in places.tolist()]
    for row, reason in scores.reasons.items():
        endings[row] = b"," + write_rows([["", "", reason]])
    return endings


def _score_by_cell(
    block: bytes, names: Sequence[str], scorer: Scorer, first_line: int
) -> tuple[bytes, Progress]:
    rows = read_rows(block, first_line)
    wrong_lengths = {
        number: _wrong_length(row, len(names))
        for number, row in enumerate(rows)
        if len(row.cells) != len(names)
    }
    padded = [
        (row.cells + [""] * len(names))[: len(names)] if number in wrong_lengths else row.cells
        for number, row in enumerate(rows)
    ]
    columns = patient_columns(names)
    places = [names.index(column) for column in columns]
    frame = pd.DataFrame(
        {
            column: pd.Series([_encodable(cells[place]) for cells in padded], dtype="str")
            for column, place in zip(columns, places, strict=True)
        }
    )
    scores = scorer.score(frame, wrong_lengths)
    written = write_rows([cells + _added(scores, number) for number, cells in enumerate(padded)])
    bad_rows = [
        BadRow(first_line + rows[number].line, reason) for number, reason in scores.reasons.items()
    ]
    return written, Progress(len(block), len(rows), bad_rows, scores.outside_training)


def _wrong_length(row: Row, expected: int) -> str:
    surplus = row.cells[expected:]
    reason = f"has {len(row.cells)} cells where the header has {expected}"
    return f"{reason}; left out: {', '.join(surplus)}" if surplus else reason


def _added(scores: Scores, row: int) -> list[str]:
    if row in scores.reasons:
        return ["", "", scores.reasons[row]]
    return [_decimal(int(scores.millionths[row])), str(int(scores.at_risk[row])), ""]


@lru_cache(maxsize=4096)  # nearly all answers are close to 0 or 1
def _decimal(millionths: int) -> str:
    whole, rest = divmod(millionths, MILLIONTHS)
    return f"{whole}.{rest:06d}"


def _encodable(cell: str) -> str:
    """Return a cell as pandas can hold it; what is not UTF-8 is no number either way."""
    return cell if cell.isascii() else cell.encode("utf-8", "replace").decode()
