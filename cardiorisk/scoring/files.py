"""Scoring from one file to another: which format, and an output that is whole or not there.

The output is written beside its place and moved there when it is finished, so that nobody reads
half of it. What is no regular file (a pipe, a device, ``-``) is written to as it comes. The
columns of a Parquet file go through untouched, types included; the added ones are null where they
say nothing.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.patients.table import patient_columns
from cardiorisk.scoring.csv_scoring import score_csv
from cardiorisk.scoring.scorer import (
    ADDED_COLUMNS,
    MILLIONTHS,
    BadRow,
    Progress,
    Scorer,
    Scores,
    output_names,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from _typeshed import ReadableBuffer

    from cardiorisk.scoring.scorer import Progress, Scorer

STREAM = Path("-")
"""Standard input or output."""

_PARQUET_SUFFIXES = {".parquet", ".pq"}


def is_parquet(path: Path) -> bool:
    """Tell by its name whether a file is Parquet; everything else is CSV."""
    return path.suffix.lower() in _PARQUET_SUFFIXES


def is_same_file(source: Path, target: Path) -> bool:
    """Tell whether both names lead to one file."""
    if STREAM in {source, target}:
        return False
    return source.exists() and target.exists() and source.samefile(target)


def length_of(source: Path) -> int | None:
    """Return how long a file is in the units of ``Progress.length``; a stream does not say."""
    if source == STREAM or not stat.S_ISREG(source.stat().st_mode):
        return None
    if not is_parquet(source):
        return source.stat().st_size
    with source.open("rb") as patients:
        try:
            return count_rows(patients)
        except UnusableData as error:
            raise UnusableData(f"{source}: {error}") from error


def score_file(source: Path, target: Path, scorer: Scorer) -> Generator[Progress, None, None]:
    """Score one file into another; each step of the iteration does a part.

    Close it where it is not gone through to its end: that removes the unfinished output.
    """
    score = score_parquet if is_parquet(source) else score_csv
    with _open_source(source) as patients, _open_target(target) as scored:
        try:
            yield from score(patients, scored, scorer)
        except UnusableData as error:
            raise UnusableData(f"{source}: {error}") from error


def _open_source(path: Path) -> BufferedReader:
    if path == STREAM:
        return BufferedReader(FileIO(sys.stdin.fileno(), closefd=False))
    return path.open("rb")


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
