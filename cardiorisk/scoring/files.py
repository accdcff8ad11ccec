"""Scoring from one file to another: which format, and an output that is whole or not there.

The output is written beside its place under another name and moved there when it is finished, so
that nobody ever reads half of it. What is no regular file (a pipe, a device, ``-``) is written to
as it comes.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cardiorisk.errors import UnusableData
from cardiorisk.scoring.csv_scoring import score_csv
from cardiorisk.scoring.parquet_scoring import count_rows, score_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Return how long a file is in the units of ``Progress.length``; a stream does not say.

    Raises:
        UnusableData: it is named Parquet and is not.
        OSError: there is no such file.
    """
    if source == STREAM or not stat.S_ISREG(source.stat().st_mode):
        return None
    if not is_parquet(source):
        return source.stat().st_size
    with source.open("rb") as patients:
        try:
            return count_rows(patients)
        except UnusableData as error:
            raise UnusableData(f"{source}: {error}") from error


def score_file(source: Path, target: Path, scorer: Scorer) -> Iterator[Progress]:
    """Score one file into another; each step of the iteration does a part.

    Raises:
        UnusableData: the input cannot be scored, with its name.
        OSError: a file cannot be read or written.
    """
    with _open_source(source) as patients, _open_target(target) as scored:
        try:
            if is_parquet(source):
                yield from score_parquet(patients, scored, scorer)
            else:
                yield from score_csv(patients, scored, scorer)
        except UnusableData as error:
            raise UnusableData(f"{source}: {error}") from error


@contextmanager
def _open_source(path: Path) -> Iterator[BinaryIO]:
    if path == STREAM:
        yield sys.stdin.buffer
        return
    with path.open("rb") as source:
        yield source


@contextmanager
def _open_target(path: Path) -> Iterator[BinaryIO]:
    if path == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = path.resolve()  # a link goes on leading to the same place
    if path.exists() and not path.is_file():
        with path.open("wb") as target:
            yield target
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("xb") as target:
            yield target
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
