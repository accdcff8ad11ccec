"""What scoring writes: rows of CSV in their input's dialect, or of Parquet in its types."""

from __future__ import annotations

from collections.abc import Sequence
from io import BufferedIOBase
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from cardiorisk.files.source import written_back
from cardiorisk.files.table import Batch, CsvTable, ParquetTable
from cardiorisk.identity.forms import harmless
from cardiorisk.scoring.scorer import ADDED_COLUMNS, Scorer, Scores, output_names

_ADDED_TYPES = (pa.float64(), pa.bool_(), pa.string(), pa.string())
_FORMULA_SIGNS = (b"=", b"+", b"-", b"@", b"\xef", b"\t", b"\r", b"\n")
_FORMULA = r'(?:^|[;,\t\r\n])[\s\x0b\x1c-\x1f\x85\p{Z}"]*[=+\-@＝＋－＠]|^[\t\r\n]'  # noqa: RUF001 - those at full width
"""Where ``harmless`` may have something to do."""


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
