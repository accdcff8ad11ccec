"""Scoring a file into another, which is whole or not there, in its input's dialect."""

from __future__ import annotations

import gzip
import os
import re
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from cardiorisk.files.source import STREAM
from cardiorisk.files.table import Batch, CsvTable, ParquetTable, is_parquet
from cardiorisk.identity.texts import harmless
from cardiorisk.scoring.scorer import Scorer, Scores, output_names

_OTHER_SUFFIXES = {
    *(".xlsx", ".xls", ".xlsm", ".ods", ".zip", ".bz2", ".xz", ".zst", ".7z", ".json", ".jsonl"),
    *(".html", ".htm", ".pdf", ".feather", ".arrow", ".orc", ".db", ".sqlite"),
}
_ADDED_TYPES = (pa.float64(), pa.bool_(), pa.string(), pa.string(), pa.string(), pa.float64())
# Where ``harmless`` may have something to do.
_FORMULA_SIGNS = (b"=", b"+", b"-", b"@", b"\xef", b"\t", b"\r", b"\n")
_FORMULA = r'(?:^|[;,\t\r\n])[\s\x0b\x1c-\x1f\x85\p{Z}"]*[=+\-@＝＋－＠]|^[\t\r\n]'  # noqa: RUF001 - those at full width


def refused_target(source: Path, table: CsvTable | ParquetTable, target: Path) -> str | None:
    if STREAM not in {source, target} and target.exists() and source.samefile(target):
        return "OUTPUT must not be the INPUT"
    if isinstance(table, ParquetTable):
        refused = not is_parquet(target)
        return "INPUT is Parquet, so OUTPUT must be called .parquet or .pq" if refused else None
    unpacked = target.with_suffix("") if target.suffix.lower() == ".gz" else target
    if is_parquet(unpacked) or unpacked.suffix.lower() in _OTHER_SUFFIXES:
        return "INPUT is CSV, and so is OUTPUT: its name must not promise another format"
    return None


def score_table(
    table: CsvTable | ParquetTable, target: Path, scorer: Scorer
) -> Generator[Batch, None, None]:
    """Score a table into a file, a batch at a time; closing it removes an unfinished output."""
    output: CsvOutput | ParquetOutput
    with ExitStack() as stack:
        sink: BinaryIO | gzip.GzipFile = stack.enter_context(_open_target(target))
        if isinstance(table, ParquetTable):
            output = ParquetOutput(sink, table, scorer)
            stack.enter_context(output.writer)
        else:
            if target.suffix.lower() == ".gz":  # no name and no time: equal rows are equal bytes
                sink = stack.enter_context(gzip.GzipFile("", "wb", 6, sink, mtime=0))
            output = CsvOutput(sink, table, scorer)
        for batch in table.batches():
            output.write(batch, scorer.score(batch.values, batch.faults))
            yield batch


@contextmanager
def _open_target(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears when it is whole; a failure names it as given."""
    if path == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    place = path.resolve()  # a link goes on leading to the same place
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    is_file = mode is None or path.is_file()
    written = place.with_name(f".{place.name}.{os.getpid()}.part") if is_file else path
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    try:
        with open(written, "xb" if is_file else "wb", opener=opener) as target:
            yield target
            if is_file and mode is not None:
                os.fchmod(target.fileno(), mode)
        if is_file:
            written.replace(place)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        if is_file:
            written.unlink(missing_ok=True)


class CsvOutput:
    def __init__(self, sink: BinaryIO | gzip.GzipFile, table: CsvTable, scorer: Scorer) -> None:
        self._sink = sink
        self._scorer = scorer
        self._dialect = table.dialect
        self._source = table.source
        self._separator = pa.scalar(self._dialect.separator.encode(), pa.binary())
        self._special = f'["\\r\\n{re.escape(self._dialect.separator)}]'
        if table.source.has_mark:
            self._write("\ufeff")
        self._write(self._dialect.before)
        names = output_names(table.names, scorer.columns)
        self._write_rows([pa.array([name.encode(errors="surrogateescape")]) for name in names])

    def write(self, batch: Batch, scores: Scores) -> None:
        columns = [*batch.columns]
        for column in added_columns(batch, scores, self._scorer):
            is_flag = pa.types.is_boolean(column.type)
            text = (column.cast(pa.uint8()) if is_flag else column).cast(pa.string())
            if pa.types.is_floating(column.type) and self._dialect.decimal != ".":
                text = pc.replace_substring(text, ".", self._dialect.decimal)
            columns.append(pc.fill_null(text.cast(pa.binary()), b""))
        self._write_rows(columns)

    def _write_rows(self, columns: Sequence[pa.Array]) -> None:
        cells = [self._quoted(_safe(column)) for column in columns]
        rows = pc.binary_join_element_wise(*cells, self._separator)
        end = pa.scalar(self._dialect.line_end.encode(), pa.binary())
        self._write(_bytes_of(pc.binary_join_element_wise(rows, b"", end)))

    def _quoted(self, column: pa.Array) -> pa.Array:
        text = _bytes_of(column)
        if not any(sign in text for sign in (b'"', b"\r", b"\n", self._separator.as_py())):
            return column
        needs = pc.match_substring_regex(column.view(pa.string()), self._special)
        doubled = pc.replace_substring(column, b'"', b'""')
        marked = pc.binary_join_element_wise(b'"', doubled, b'"', pa.scalar(b"", pa.binary()))
        return pc.if_else(needs, marked, column)

    def _write(self, text: bytes | str) -> None:
        text = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        self._sink.write(self._source.written_back(text))


class ParquetOutput:
    """The input's columns with their types, and the network's version and threshold beside them."""

    def __init__(self, sink: BinaryIO | gzip.GzipFile, table: ParquetTable, scorer: Scorer) -> None:
        names = output_names(table.names, scorer.columns)
        fields = [field.with_name(name) for field, name in zip(table.schema, names, strict=False)]
        added = [pa.field(*pair) for pair in zip(scorer.columns, _ADDED_TYPES, strict=False)]
        metadata = (table.schema.metadata or {}) | scorer.told
        self._schema = pa.schema([*fields, *added], metadata)
        self.writer = parquet.ParquetWriter(sink, self._schema)
        self._scorer = scorer

    def write(self, batch: Batch, scores: Scores) -> None:
        columns = [*batch.columns, *added_columns(batch, scores, self._scorer)]
        self.writer.write_batch(pa.record_batch(columns, schema=self._schema))


def added_columns(batch: Batch, scores: Scores, scorer: Scorer) -> list[pa.Array]:
    """What is said of each row, null where there is nothing to say."""
    is_bad = np.isnan(scores.probabilities)
    columns = [pa.array(scores.probabilities, mask=is_bad), pa.array(scores.at_risk, mask=is_bad)]
    for notes in (scores.warnings, {row: batch.reason(row) for row in batch.faults}):
        texts = np.full(len(batch), None, object)
        texts[list(notes)] = [note.encode(errors="surrogateescape") for note in notes.values()]
        columns.append(pa.array(texts, pa.binary()).view(pa.string()))
    columns += [pa.repeat(told, len(batch)) for told in (scorer.version, scorer.threshold)]
    return columns[: len(scorer.columns)]


def _bytes_of(column: pa.Array) -> bytes:
    _, offsets, text = column.buffers()
    if text is None:
        return b""
    ends = np.frombuffer(offsets, np.int32)
    start, end = ends[column.offset], ends[column.offset + len(column)]
    return bytes(text.slice(int(start), int(end - start)))


def _safe(column: pa.Array) -> pa.Array:
    text = _bytes_of(column)
    if not any(sign in text for sign in _FORMULA_SIGNS):
        return column
    suspect = pc.match_substring_regex(column.view(pa.string()), _FORMULA)
    cells = [cell.decode(errors="surrogateescape") for cell in column.filter(suspect).to_pylist()]
    safe = [harmless(cell).encode(errors="surrogateescape") for cell in cells]
    return pc.replace_with_mask(column, suspect, pa.array(safe, pa.binary()))
