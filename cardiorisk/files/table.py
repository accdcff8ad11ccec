"""A file of patients, opened: what it is, which columns are whose, and its rows in batches."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.files.cells import Fault, Meaning
from cardiorisk.files.columns import Reading, find_columns, find_field, sniff
from cardiorisk.files.source import PIECE_BYTES, STREAM, Block, Blocks, Source
from cardiorisk.patients.patient import Field

BATCH_ROWS = 65_536
EMPTY_ROW = Fault("is an empty row")
_NOTHING = (None, "", b"")


@dataclass(frozen=True, slots=True)
class Batch:
    columns: Sequence[pa.Array]  # all of them, texts as they stand or Parquet's own types
    values: NDArray[np.float32]  # (n, fields), NaN where there is a fault
    faults: Mapping[int, Sequence[Fault]]  # by row, why it cannot be taken
    lines: Sequence[int] | NDArray[np.int64] = ()  # from 1, at least where there are faults
    end: int = 0  # how far the file was read, in the units of its table's length
    unit: str = "line"  # Parquet has rows alone

    def __len__(self) -> int:
        return len(self.values)

    def reason(self, row: int) -> str:
        return "; ".join(map(str, self.faults[row]))

    def told(self, row: int) -> str:
        return f"{self.unit} {self.lines[row]}: {self.reason(row)}"


class Table:
    length: int | None = None  # of the file, as far as it has an end

    def __init__(self, names: Sequence[str], fields: Sequence[Field], reading: Reading) -> None:
        self.names = names
        self._meaning = Meaning(reading.decimal or ".", reading.units)
        self._fields = list(zip(fields, find_columns(names, fields, reading), strict=True))

    def _renamed(self) -> str:
        """Say the units, and which columns hold the fields where that is not clear."""
        said = f"; units {', '.join(self._meaning.units)}" if self._meaning.units else ""
        return said + "".join(
            f"; {field.course_name} in {self.names[place]!r}"
            for field, place in self._fields
            if find_field(self.names[place]) is not field
        )

    def read(
        self, columns: Sequence[pa.Array], unread: Mapping[int, Fault]
    ) -> tuple[NDArray[np.float32], dict[int, list[Fault]]]:
        """Read a batch's values and faults; rows that were not cut right have their one fault."""
        values = np.empty((len(columns[0]), len(self._fields)), np.float32)
        found: dict[int, list[Fault]] = {row: [fault] for row, fault in unread.items()}
        for index, (field, place) in enumerate(self._fields):
            values[:, index] = self._meaning.numbers(field, columns[place])
        for row, index in np.argwhere(np.isnan(values)).tolist():
            if row not in unread:
                field, place = self._fields[index]
                fault = self._meaning.fault(field, columns[place][row].as_py())
                name = self.names[place]
                ours = "" if find_field(name) is field else f" ({field.course_name})"
                found.setdefault(row, []).append(Fault(f"{name}{ours} {fault.kind}", fault.hint))
        for row, faults in found.items():
            cells = (each[row].as_py() for each in columns)
            if len(faults) == len(self._fields) and all(cell in _NOTHING for cell in cells):
                found[row] = [EMPTY_ROW]
        return values, found


class CsvTable(Table):
    """A CSV file, in whatever dialect; its columns are texts in UTF-8, as binary."""

    def __init__(self, source: Source, fields: Sequence[Field], reading: Reading) -> None:
        pa.set_memory_pool(pa.system_memory_pool())  # of blocks, Arrow's own keeps too many
        pa.enable_signal_handlers(enable=False)  # or it takes SIGTERM for itself while it reads
        self.source = source
        self._text = source.text()
        self._head = next(self._text)
        self.dialect = sniff(self._head.decode(errors="surrogateescape"), fields, reading)
        super().__init__(self.dialect.names, fields, replace(reading, decimal=self.dialect.decimal))
        self.length = source.length
        self._named = max(place for place, name in enumerate(self.names) if name.strip()) + 1

    def __str__(self) -> str:
        packed = " in gzip" * self.source.is_gzip
        mark = " with a mark" * self.source.has_mark
        encoding = f"encoding {self.source.encoding}{mark}"
        return f"CSV{packed}: {self.dialect}, {encoding}{self._renamed()}"

    def batches(self) -> Iterator[Batch]:
        before = self.dialect.before + self.dialect.header
        first = self._head[len(before.encode(errors="surrogateescape")) :]
        lines = 1 + sum(1 for _ in StringIO(before, newline=""))
        blocks = Blocks(self.dialect.separator, self.dialect.line_end, width=len(self.names))
        for block in blocks.cut(chain([first], self._text), lines):
            columns, unread = self._cut(block)
            values, faults = self.read(columns, unread)
            lines_of = block.lines if faults else ()
            end = self.source.file.tell() if self.length else 0
            yield Batch(columns, values, faults, lines_of, end)

    def _cut(self, block: Block) -> tuple[list[pa.Array], dict[int, Fault]]:
        if block.has_broken:
            return self._cut_each(block)
        names = list(map(str, range(len(self.names))))
        types, size = dict.fromkeys(names, pa.binary()), len(block.text) + 1
        read = arrow_csv.ReadOptions(use_threads=False, block_size=size, column_names=names)
        parse = arrow_csv.ParseOptions(delimiter=self.dialect.separator)
        parse.newlines_in_values = b'"' in block.text
        convert = arrow_csv.ConvertOptions(check_utf8=False, column_types=types)
        try:
            table = arrow_csv.read_csv(pa.py_buffer(block.text), read, parse, convert)
        except pa.ArrowInvalid:  # a row has another length, or none is there
            return self._cut_each(block)
        return [column.combine_chunks() for column in table.columns], {}

    def _cut_each(self, block: Block) -> tuple[list[pa.Array], dict[int, Fault]]:
        """Do the same row by row; one that is not right has all the cells it can have."""
        separator, width = self.dialect.separator, len(self.names)
        unread: dict[int, Fault] = {}
        rows = []
        for number, row in enumerate(block.rows):
            text = row[0].rstrip(b"\r\n").decode(errors="surrogateescape")
            cells = next(csv.reader([text], delimiter=separator))
            kind = f"has {len(cells)} cells where the header has {width}"
            if row["broken"]:
                cells = text.split(separator)
                kind = "has a quotation mark that is not closed where a cell ends"
            surplus = cells[width:]
            if row["broken"] or len(cells) < self._named or any(surplus):
                left_out = f"; left out: {', '.join(surplus)}" if surplus else ""
                unread[number] = Fault(kind, left_out)
            rows.append((cells + [""] * width)[:width])
        columns = zip(*rows, strict=True) if rows else [()] * width
        encoded = ([cell.encode(errors="surrogateescape") for cell in each] for each in columns)
        return [pa.array(cells, pa.binary()) for cells in encoded], unread


class ParquetTable(Table):
    """A Parquet file; its columns keep their types."""

    def __init__(self, file: BinaryIO, fields: Sequence[Field], reading: Reading) -> None:
        with _refusing_others():
            # Neither option is the default; without them a whole row group is held in memory.
            self._file = parquet.ParquetFile(file, buffer_size=PIECE_BYTES, pre_buffer=False)
            self.schema = self._file.schema_arrow
        super().__init__(self.schema.names, fields, reading)
        self.length = int(self._file.metadata.num_rows)

    def __str__(self) -> str:
        return f"Parquet{self._renamed()}"

    def batches(self) -> Iterator[Batch]:
        end = 0
        with _refusing_others():
            for batch in self._file.iter_batches(BATCH_ROWS):
                values, faults = self.read(batch.columns, {})
                lines = range(end + 1, end + len(batch) + 1)
                end += len(batch)
                yield Batch(batch.columns, values, faults, lines, end, "row")


@contextmanager
def open_table(
    path: Path, fields: Sequence[Field], reading: Reading
) -> Iterator[CsvTable | ParquetTable]:
    """Open a file whose columns hold the fields; its name stands before what is wrong with it."""
    is_stream = path == STREAM
    try:
        with open(0 if is_stream else path, "rb", closefd=not is_stream) as file:
            source = Source(file, reading.encoding)
            if source.is_parquet or is_parquet(path):
                yield ParquetTable(file, fields, reading)
            else:
                yield CsvTable(source, fields, reading)
    except UnusableData as error:
        raise UnusableData(f"{'standard input' if is_stream else path}: {error}") from error


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


@contextmanager
def _refusing_others() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UnusableData(f"not a Parquet file: {reason}") from error
