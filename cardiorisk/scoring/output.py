"""Scoring from one file to another: an output that is whole or not there, in its input's dialect.

The output is written beside its place and moved there when it is finished, so that nobody reads
half of it. What is no regular file (a pipe, a device, ``-``) is written to as it comes.
"""

from __future__ import annotations

import gzip
import os
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from io import BufferedIOBase, BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from cardiorisk.files.source import STREAM, written_back
from cardiorisk.files.table import Batch, CsvTable, ParquetTable, is_parquet
from cardiorisk.identity.forms import harmless
from cardiorisk.scoring.scorer import ADDED_COLUMNS, Scorer, Scores, output_names

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GZIP_LEVEL = 6
_OTHER_SUFFIXES = {
    *(".xlsx", ".xls", ".xlsm", ".ods", ".zip", ".bz2", ".xz", ".zst", ".7z", ".json", ".jsonl"),
    *(".html", ".htm", ".pdf", ".feather", ".arrow", ".orc", ".db", ".sqlite"),
}
_ADDED_TYPES = (pa.float64(), pa.bool_(), pa.string(), pa.string())
_FORMULA_SIGNS = (b"=", b"+", b"-", b"@", b"\xef", b"\t", b"\r", b"\n")
_FORMULA = r'(?:^|[;,\t\r\n])[\s\x0b\x1c-\x1f\x85\p{Z}"]*[=+\-@＝＋－＠]|^[\t\r\n]'  # noqa: RUF001 - those at full width
"""Where ``harmless`` may have something to do."""


def is_same_file(source: Path, target: Path) -> bool:
    """Tell whether both names lead to one file."""
    if STREAM in {source, target}:
        return False
    return source.exists() and target.exists() and source.samefile(target)


def refused_target(table: CsvTable | ParquetTable, target: Path) -> str | None:
    """Say why an output cannot be called so, None where it can."""
    if isinstance(table, ParquetTable):
        refused = not is_parquet(target)
        return "INPUT is Parquet, so OUTPUT must be called .parquet or .pq" if refused else None
    unpacked = target.with_suffix("") if target.suffix.lower() == ".gz" else target
    if is_parquet(unpacked) or unpacked.suffix.lower() in _OTHER_SUFFIXES:
        return "INPUT is CSV, and so is OUTPUT: its name must not promise another format"
    return None


def score_table(
    table: CsvTable | ParquetTable, target: Path, scorer: Scorer
) -> Generator[tuple[Batch, Scores], None, None]:
    """Score a table into a file; each step of the iteration does a batch.

    Close it where it is not gone through to its end: that removes the unfinished output.
    """
    with _open_target(target) as sink, _output(sink, table, target, scorer) as output:
        for batch in table.batches():
            scores = scorer.score(batch.values, batch.faults)
            output.write(batch, scores)
            yield batch, scores


@contextmanager
def _output(
    sink: BinaryIO, table: CsvTable | ParquetTable, target: Path, scorer: Scorer
) -> Iterator[CsvOutput | ParquetOutput]:
    if isinstance(table, ParquetTable):
        with closing(ParquetOutput(sink, table, scorer)) as output:
            yield output
    elif target.suffix.lower() == ".gz":  # without a name or a time, equal rows are equal bytes
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, sink, mtime=0) as packed:
            yield CsvOutput(packed, table)
    else:
        yield CsvOutput(sink, table)


@contextmanager
def _open_target(path: Path) -> Iterator[BinaryIO]:
    if path == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    place = path.resolve()  # a link goes on leading to the same place
    if place.exists() and not place.is_file():
        with BufferedWriter(_Target(place, "wb", path)) as target:
            yield target
        return
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with BufferedWriter(_Target(unfinished, "xb", path)) as target:
            yield target
            with _naming(path):
                os.fchmod(target.fileno(), _final_mode(place))
        with _naming(path):
            unfinished.replace(place)
    finally:
        with _naming(path):
            unfinished.unlink(missing_ok=True)


class _Target(FileIO):
    """A file that only its owner may read, and whose failures name it as the user did."""

    def __init__(self, place: Path, mode: str, said: Path) -> None:
        self._said = said
        with _naming(said):
            super().__init__(place, mode, opener=lambda path, flags: os.open(path, flags, 0o600))

    def write(self, piece: ReadableBuffer, /) -> int:
        with _naming(self._said):
            return super().write(piece)


def _final_mode(place: Path) -> int:
    """Return the permissions of what is to be replaced, or else those that any new file gets."""
    if place.exists():
        return stat.S_IMODE(place.stat().st_mode)
    umask = os.umask(0o077)  # it can only be read by setting it
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let a failure name the file the user gave, not the one beside it or none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


class CsvOutput:
    """Rows of CSV, in the dialect and the encoding of the input."""

    def __init__(self, sink: BinaryIO | BufferedIOBase, table: CsvTable) -> None:
        self._sink = sink
        self._dialect = table.dialect
        self._encoding = table.source.encoding
        self._line_end = self._dialect.line_end.encode()
        if table.source.has_mark:
            self._write("\ufeff".encode())
        self._write(self._dialect.before.encode())
        self._write_rows([pa.array([name.encode()]) for name in output_names(table.names)])

    def write(self, batch: Batch, scores: Scores) -> None:
        said = pa.array(scores.probabilities).cast(pa.string())
        if self._dialect.decimal == ",":
            said = pc.replace_substring(said, ".", ",")
        at_risk = pa.array(scores.at_risk.astype(np.uint8)).cast(pa.string())
        is_assessed = pa.array(~np.isnan(scores.probabilities))
        added = [pc.if_else(is_assessed, texts, "").cast(pa.binary()) for texts in (said, at_risk)]
        notes = [pc.fill_null(each, "").cast(pa.binary()) for each in _notes(batch, scores)]
        self._write_rows([*batch.columns, *added, *notes])

    def _write_rows(self, columns: Sequence[pa.Array]) -> None:
        cells = [self._quoted(_safe(column)) for column in columns]
        separator = pa.scalar(self._dialect.separator.encode(), pa.binary())
        rows = pc.binary_join_element_wise(*cells, separator)
        rows = pc.binary_join_element_wise(rows, b"", pa.scalar(self._line_end, pa.binary()))
        self._write(_bytes_of(rows))

    def _quoted(self, column: pa.Array) -> pa.Array:
        """Put those cells in quotation marks that need them."""
        signs = (b'"', self._dialect.separator.encode(), b"\r", b"\n")
        text = _bytes_of(column)
        if not any(sign in text for sign in signs):
            return column
        needs = [pc.match_substring(column, sign) for sign in signs]
        doubled = pc.replace_substring(column, b'"', b'""')
        marked = pc.binary_join_element_wise(b'"', doubled, b'"', pa.scalar(b"", pa.binary()))
        return pc.if_else(pc.or_(pc.or_(*needs[:2]), pc.or_(*needs[2:])), marked, column)

    def _write(self, text: bytes) -> None:
        self._sink.write(written_back(text, self._encoding))


class ParquetOutput:
    """The input's columns with their types, and the network's version and threshold beside them."""

    def __init__(self, sink: BinaryIO, table: ParquetTable, scorer: Scorer) -> None:
        names = output_names(table.names)
        fields = [field.with_name(name) for field, name in zip(table.schema, names, strict=False)]
        added = [pa.field(*column) for column in zip(ADDED_COLUMNS, _ADDED_TYPES, strict=True)]
        told = {"cardiorisk.modelo": scorer.version, "cardiorisk.umbral": str(scorer.threshold)}
        self._schema = pa.schema([*fields, *added], (table.schema.metadata or {}) | told)
        self._writer = parquet.ParquetWriter(sink, self._schema)

    def write(self, batch: Batch, scores: Scores) -> None:
        is_bad = np.isnan(scores.probabilities)
        added = [
            pa.array(scores.probabilities, mask=is_bad),
            pa.array(scores.at_risk, mask=is_bad),
            *_notes(batch, scores),
        ]
        self._writer.write_batch(pa.record_batch([*batch.columns, *added], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _notes(batch: Batch, scores: Scores) -> list[pa.Array]:
    """Return each row's warnings and its error, null where there is none."""
    columns = []
    for notes in (scores.warnings, {row: batch.reason(row) for row in batch.faults}):
        texts = np.full(len(batch), None, object)
        texts[list(notes)] = list(notes.values())
        columns.append(pa.array(texts, pa.string()) if notes else pa.nulls(len(batch), pa.string()))
    return columns


def _bytes_of(column: pa.Array) -> bytes:
    """Return all of a column's texts, one after another."""
    _, offsets, text = column.buffers()
    if text is None:
        return b""
    ends = np.frombuffer(offsets, np.int32)
    start, end = ends[column.offset], ends[column.offset + len(column)]
    return bytes(text.slice(int(start), int(end - start)))


def _safe(column: pa.Array) -> pa.Array:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    text = _bytes_of(column)
    if not any(sign in text for sign in _FORMULA_SIGNS):
        return column
    texts = column.cast(pa.string())
    suspect = pc.match_substring_regex(texts, _FORMULA)
    if not pc.any(suspect).as_py():
        return column
    safe = [harmless(cell) for cell in texts.filter(suspect).to_pylist()]
    return pc.replace_with_mask(texts, suspect, pa.array(safe, pa.string())).cast(pa.binary())
