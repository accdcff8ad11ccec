"""Scoring a Parquet file batch by batch.

The input's columns go through untouched, types included; the added ones are null where they say
nothing. A bad row's "line" is its place among the rows, the first being 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.patients.table import patient_columns
from cardiorisk.scoring.scorer import (
    ADDED_COLUMNS,
    MILLIONTHS,
    BadRow,
    Progress,
    Scorer,
    Scores,
    output_names,
)

BATCH_ROWS = 65_536
_READ_BYTES = 1024 * 1024
_ADDED_TYPES = (pa.float64(), pa.bool_(), pa.string())


def score_parquet(source: BinaryIO, sink: BinaryIO, scorer: Scorer) -> Iterator[Progress]:
    """Score a Parquet file; each step of the iteration does a batch of rows."""
    with _refusing_others():
        # Neither option is the default; without them a whole row group is held in memory.
        file = parquet.ParquetFile(source, buffer_size=_READ_BYTES, pre_buffer=False)
        schema = file.schema_arrow
        columns = patient_columns(schema.names)
        names = output_names(schema.names)
        fields = [field.with_name(name) for field, name in zip(schema, names, strict=False)]
        added = [pa.field(*column) for column in zip(ADDED_COLUMNS, _ADDED_TYPES, strict=True)]
        output = pa.schema([*fields, *added])
        rows_done = 0
        with parquet.ParquetWriter(sink, output) as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                scores = scorer.score(_without_decimals(batch.select(columns)).to_pandas())
                arrays = [*batch.columns, *_added(scores, len(batch))]
                writer.write_batch(pa.record_batch(arrays, schema=output))
                bad_rows = [BadRow(rows_done + 1 + row, why) for row, why in scores.reasons.items()]
                rows_done += len(batch)
                yield Progress(len(batch), len(batch), bad_rows, scores.outside_training)


def count_rows(source: BinaryIO) -> int:
    """Return how many rows a Parquet file says it has."""
    with _refusing_others():
        return int(parquet.ParquetFile(source).metadata.num_rows)


@contextmanager
def _refusing_others() -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise UnusableData(f"not a Parquet file: {reason}") from error


def _without_decimals(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return decimal columns as plain numbers; pandas would make objects of them."""
    fields = [
        field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields))


def _added(scores: Scores, rows: int) -> list[pa.Array]:
    is_bad = scores.millionths < 0  # (n,)
    reasons = np.full(rows, None, dtype=object)
    for row, reason in scores.reasons.items():
        reasons[row] = reason
    return [
        pa.array(scores.millionths / MILLIONTHS, mask=is_bad),
        pa.array(scores.at_risk, mask=is_bad),
        pa.array(reasons, pa.string()),
    ]
