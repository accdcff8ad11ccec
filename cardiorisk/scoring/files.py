"""Scoring from one file to another: an output that is whole or not there.

The output is written beside its place and moved there when it is finished, so that nobody reads
half of it. What is no regular file (a pipe, a device, ``-``) is written to as it comes.
"""

from __future__ import annotations

import gzip
import os
import stat
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cardiorisk.files.source import STREAM
from cardiorisk.files.table import Batch, CsvTable, ParquetTable, is_parquet
from cardiorisk.scoring.output import CsvOutput, ParquetOutput
from cardiorisk.scoring.scorer import Scorer, Scores

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GZIP_LEVEL = 6
_OTHER_SUFFIXES = {
    *(".xlsx", ".xls", ".xlsm", ".ods", ".zip", ".bz2", ".xz", ".zst", ".7z", ".json", ".jsonl"),
    *(".html", ".htm", ".pdf", ".feather", ".arrow", ".orc", ".db", ".sqlite"),
}


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
