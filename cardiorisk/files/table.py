"""A file of patients, opened: what it is, which columns are whose, and its rows in batches."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.files.blocks import Block, Blocks
from cardiorisk.files.cells import Fault, Meaning
from cardiorisk.files.columns import Reading, find_columns, find_field
from cardiorisk.files.dialect import Dialect, sniff
from cardiorisk.files.source import PIECE_BYTES, STREAM, Source
from cardiorisk.patients.patient import Field

# A signal is the command's to answer; while it reads, pyarrow would take SIGTERM for itself.
pa.enable_signal_handlers(enable=False)

BATCH_ROWS = 65_536
EMPTY_ROW = Fault("is an empty row")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file.

    Attributes:
        columns: all of the file's, texts as they stand or Parquet's own types.
        values: float32, shape (n, fields), NaN where there is a fault.
        faults: by row, why it cannot be taken.
        lines: on which line of the file (the first is 1) each row stands, where there are faults.
        end: how far the file was read for it, in the units of ``Table.length``.
        unit: of ``lines``; Parquet has rows alone, of which the first is 1.
    """

    columns: Sequence[pa.Array]
    values: NDArray[np.float32]
    faults: Mapping[int, Sequence[Fault]]
    lines: Sequence[int] | NDArray[np.int64]
    end: int
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.values)

    def reason(self, row: int) -> str:
        """Say why a row cannot be taken."""
        return "; ".join(map(str, self.faults[row]))

    def told(self, row: int) -> str:
        """Say where in the file a row stands, and why it cannot be taken."""
        return f"{self.unit} {self.lines[row]}: {self.reason(row)}"


class Table:
    """A file whose columns are known.

    Attributes:
        names: all of the columns'.
        length: of the file, as far as that can be known.
    """

    names: Sequence[str]
    length: int | None

    def __init__(self, fields: Sequence[Field], places: Sequence[int], meaning: Meaning) -> None:
        self._fields = fields
        self._places = places
        self._meaning = meaning

    def _renamed(self) -> str:
        """Say which columns hold the fields, where that is not clear, and the units."""
        said = [
            f"{field.course_name} in {self.names[place]!r}"
            for field, place in zip(self._fields, self._places, strict=True)
            if find_field(self.names[place]) is not field
        ]
        units = [f"units {', '.join(self._meaning.units)}"] if self._meaning.units else []
        return "".join(f"; {each}" for each in (*units, *said))

    def _faults(
        self, columns: Sequence[pa.Array], unread: Mapping[int, Fault]
    ) -> tuple[NDArray[np.float32], dict[int, list[Fault]]]:
        """Read the fields' columns; the rows that were not read right have their one fault."""
        rows = len(columns[0])
        values = np.empty((rows, len(self._fields)), np.float32)
        found: dict[int, list[Fault]] = {row: [fault] for row, fault in unread.items()}
        pairs = list(zip(self._fields, self._places, strict=True))
        for index, (field, place) in enumerate(pairs):
            values[:, index] = self._meaning.numbers(field, columns[place])
        for row, index in np.argwhere(np.isnan(values)).tolist():
            if row not in unread:
                field, place = pairs[index]
                fault = self._meaning.fault(field, columns[place][row].as_py())
                name = self.names[place]
                ours = "" if find_field(name) is field else f" ({field.course_name})"
                found.setdefault(row, []).append(Fault(f"{name}{ours} {fault.kind}", fault.hint))
        for row, faults in found.items():
            if len(faults) == len(pairs) and not any(column[row].as_py() for column in columns):
                found[row] = [EMPTY_ROW]
        return values, found


class CsvTable(Table):
    """A CSV file, in whatever dialect; its columns are UTF-8 texts, as binary."""

    def __init__(self, source: Source, fields: Sequence[Field], reading: Reading) -> None:
        pa.set_memory_pool(pa.system_memory_pool())  # of blocks, Arrow's own keeps too many
        self.source = source
        text = source.text()
        head = next(text)
        self._text = chain([head], text)
        self.dialect: Dialect = sniff(head.decode(errors="ignore"), fields, reading)
        meaning = Meaning(self.dialect.decimal, reading.units)
        super().__init__(fields, self.dialect.places, meaning)
        self.names = self.dialect.names
        self.length = source.length
        self._named = max(place for place, name in enumerate(self.names) if name.strip()) + 1

    def __str__(self) -> str:
        packed = " in gzip" * self.source.is_gzip
        mark = " with a mark" * self.source.has_mark
        written = f"{self.dialect}, encoding {self.source.encoding}{mark}"
        return f"CSV{packed}: {written}{self._renamed()}"

    def batches(self) -> Iterator[Batch]:
        before = self.dialect.before + self.dialect.header
        skipped = len(before.encode())
        first = next(self._text)[skipped:]
        lines = 1 + sum(1 for _ in StringIO(before, newline=""))
        blocks = Blocks(self.dialect.separator, self.dialect.line_end)
        for block in blocks.cut(chain([first], self._text), lines):
            columns, unread = self._read(block)
            values, faults = self._faults(columns, unread)
            lines_of = block.lines if faults else ()
            yield Batch(columns, values, faults, lines_of, self.source.position())

    def _read(self, block: Block) -> tuple[list[pa.Array], dict[int, Fault]]:
        odd: dict[int, str] = {}

        def set_aside(row: Any) -> str:
            odd[row.number - 1] = row.text
            return "skip"

        names = [str(place) for place in range(len(self.names))]
        text = block.readable
        if not text.strip(b"\r\n"):
            return [pa.array([], pa.binary())] * len(names), {}
        try:
            table = arrow_csv.read_csv(
                pa.py_buffer(text),
                arrow_csv.ReadOptions(
                    use_threads=False, block_size=len(text) + 1, column_names=names
                ),
                arrow_csv.ParseOptions(
                    delimiter=self.dialect.separator,
                    newlines_in_values=b'"' in text,
                    invalid_row_handler=set_aside,
                ),
                arrow_csv.ConvertOptions(
                    check_utf8=False, column_types=dict.fromkeys(names, pa.binary())
                ),
            )
        except pa.ArrowInvalid as error:  # the checks before leave nothing of the kind
            raise UnusableData(f"after line {block.first_line}: {error}") from error
        columns = [column.combine_chunks() for column in table.columns]
        return self._with_odd(columns, odd, block) if odd else (columns, {})

    def _with_odd(
        self, columns: Sequence[pa.Array], odd: Mapping[int, str], block: Block
    ) -> tuple[list[pa.Array], dict[int, Fault]]:
        """Put the rows of another length back in their places."""
        unread: dict[int, Fault] = {}
        rows = []
        for number, text in odd.items():
            if number in block.broken:
                cells = block.broken[number].decode().split(self.dialect.separator)
                kind = "has a quotation mark that is not closed where a cell ends"
            else:
                cells = self._cells(text)
                kind = f"has {len(cells)} cells where the header has {len(self.names)}"
            surplus = cells[len(self.names) :]
            if number in block.broken or len(cells) < self._named or any(surplus):
                left_out = f"; left out: {', '.join(surplus)}" if surplus else ""
                unread[number] = Fault(kind, left_out)
            rows.append((cells + [""] * len(self.names))[: len(self.names)])
        good = len(columns[0])
        is_odd = np.zeros(good + len(odd), np.bool_)
        is_odd[list(odd)] = True
        order = np.where(is_odd, good + np.cumsum(is_odd) - 1, np.cumsum(~is_odd) - 1)
        whole = [
            pa.concat_arrays([column, pa.array([cell.encode() for cell in cells], pa.binary())])
            for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        return [column.take(pa.array(order)) for column in whole], unread

    def _cells(self, text: str) -> list[str]:
        try:
            return next(csv.reader(StringIO(text, newline=""), delimiter=self.dialect.separator))
        except csv.Error:  # a cell of more than 128 KiB
            return text.split(self.dialect.separator)


class ParquetTable(Table):
    """A Parquet file; its columns keep their types."""

    def __init__(self, path: Path, fields: Sequence[Field], reading: Reading) -> None:
        with _refusing_others():
            # Neither option is the default; without them a whole row group is held in memory.
            self._file = parquet.ParquetFile(path, buffer_size=PIECE_BYTES, pre_buffer=False)
            self.schema = self._file.schema_arrow
        self.names = self.schema.names
        self.length = int(self._file.metadata.num_rows)
        places = find_columns(self.names, fields, reading)
        super().__init__(fields, places, Meaning(reading.decimal or ".", reading.units))

    def __str__(self) -> str:
        return f"Parquet{self._renamed()}"

    def batches(self) -> Iterator[Batch]:
        end = 0
        with _refusing_others():
            for batch in self._file.iter_batches(BATCH_ROWS):
                values, faults = self._faults(batch.columns, {})
                lines = range(end + 1, end + len(batch) + 1)
                end += len(batch)
                yield Batch(batch.columns, values, faults, lines, end, "row")


@contextmanager
def open_table(
    path: Path, fields: Sequence[Field], reading: Reading
) -> Iterator[CsvTable | ParquetTable]:
    """Open a file whose columns hold the fields; its name stands before what is wrong with it.

    Raises:
        UnusableData: it is no table that can be read, or not one of such patients.
    """
    try:
        with closing(Source(path)) as source:
            source.find_out(reading.encoding)
            if source.is_parquet or is_parquet(path):
                yield ParquetTable(path, fields, reading)
            else:
                yield CsvTable(source, fields, reading)
    except UnusableData as error:
        place = "standard input" if path == STREAM else path
        raise UnusableData(f"{place}: {error}") from error


def is_parquet(path: Path) -> bool:
    """Tell whether a file's name says that it is Parquet."""
    return path.suffix.lower() in {".parquet", ".pq"}


@contextmanager
def _refusing_others() -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise UnusableData(f"not a Parquet file: {reason}") from error
