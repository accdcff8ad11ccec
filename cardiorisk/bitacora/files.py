"""The files of a bitácora, in order of their first lines, whatever a rotating tool names them."""

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from itertools import chain, pairwise
from pathlib import Path
from typing import cast

from cardiorisk.bitacora.chain import Checkpoint, find_last, read_checkpoint
from cardiorisk.bitacora.entry import LONGEST_LINE_BYTES, timestamp
from cardiorisk.errors import LogUnavailable

LOG_FILE = "bitacora.jsonl"
UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile)  # of a compressed file: cut off or spoilt
_CHECKPOINTS = ".checkpoints-"  # before the number of the first of a file that was deleted
_ROTATED = re.compile(r"([.-][0-9][0-9T:_.-]*|\.checkpoints-[0-9]+)(\.gz)?")
_MOST_FIRST_LINES = 100
_TS = re.compile(rb'"ts":"([0-9T:.-]{26}Z)"')


@dataclass(frozen=True, slots=True)
class LogFile:
    """``first_ts`` is its first line's, or of its last change where it has none."""

    path: Path
    first_ts: str
    is_first: bool  # whether it begins with the very first checkpoint

    @property
    def has_lines(self) -> bool:
        """Whether it is more than the checkpoints of a file that was deleted."""
        return _CHECKPOINTS not in self.path.name

    def is_rotated(self, path: Path) -> bool:
        return self.has_lines and self.path != path


def is_compressed(path: Path) -> bool:
    return path.suffix == ".gz"


def open_log(path: Path) -> BufferedReader:
    """Open a file, or standard input, to read what it was before compression."""
    if path == Path("-"):
        return open(os.dup(0), "rb")  # noqa: PTH123 - it has no path
    return cast("BufferedReader", (gzip.open if is_compressed(path) else open)(path, "rb"))


def list_files(path: Path) -> list[LogFile]:
    """List a bitácora's files, the oldest first; of one that is just being compressed the old."""
    names = set(path.parent.glob(f"{path.name}*"))
    files = {
        other
        for other in names
        if (other == path or _ROTATED.fullmatch(other.name.removeprefix(path.name)))
        and other.is_file()  # whoever opens a pipe waits
    }
    found = in_order(
        one for one in files if one.suffix != ".gz" or one.with_suffix("") not in files
    )
    # One that was renamed or compressed meanwhile is perhaps in none of its names.
    return found if names == set(path.parent.glob(f"{path.name}*")) else list_files(path)


def newest_first(path: Path) -> Iterator[Path]:
    yield path  # the others are looked for when they are asked for
    yield from (file.path for file in reversed(list_files(path)) if file.is_rotated(path))


def in_order(paths: Iterable[Path]) -> list[LogFile]:
    """Put files of one bitácora in their order, without those that are gone meanwhile."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(_read_first(path))
    return sorted(found, key=lambda file: (file.first_ts, file.path.suffix == ".jsonl"))


def base_of(path: Path) -> Path:
    return path.with_name(path.name.partition(".jsonl")[0] + ".jsonl")


def list_bases(directory: Path) -> list[Path]:
    """List the bitácoras in a directory, one of each process; where is none, that to come."""
    found = {base_of(path) for path in directory.glob("bitacora*.jsonl*")}
    return sorted(found) or [directory / LOG_FILE]


def last_checkpoint(path: Path) -> Checkpoint | None:
    with open_log(path) as file:
        if not is_compressed(path):
            return find_last(file.fileno())[1]
        last = None
        with suppress(*UNREADABLE):
            while line := file.readline(LONGEST_LINE_BYTES):
                last = read_checkpoint(line) or last
        return last


def list_older(path: Path, before_seconds: float) -> list[Path]:
    """List the rotated files that have no line from this time on."""
    before, pairs = timestamp(max(0, before_seconds)), pairwise(list_files(path))
    return [old.path for old, new in pairs if old.is_rotated(path) and new.first_ts <= before]


def delete_but_checkpoints(base: Path, path: Path) -> None:
    """Delete a rotated file of a bitácora, after its checkpoints are on the disk elsewhere."""
    try:
        with open_log(path) as file:
            lines = iter(partial(file.readline, LONGEST_LINE_BYTES), b"")
            found = filter(None, map(read_checkpoint, lines))
            if (first := next(found, None)) is not None:
                target = base.with_name(f"{base.name}{_CHECKPOINTS}{first.number}.gz")
                making = target.with_suffix(".tmp")
                with making.open("wb") as written:
                    with gzip.GzipFile(fileobj=written, mode="wb") as packed:
                        packed.writelines(one.line for one in chain((first,), found))
                    written.flush()
                    os.fsync(written.fileno())
                making.replace(target)
    except UNREADABLE as error:
        raise LogUnavailable(f"{path} is kept, as it cannot be read: {error}") from error
    path.unlink()


def _read_first(path: Path) -> LogFile:
    first = b""
    with suppress(*UNREADABLE), open_log(path) as file:
        for _ in range(_MOST_FIRST_LINES):
            line = file.readline(LONGEST_LINE_BYTES)
            first = first or line
            if found := _TS.search(line):
                return LogFile(path, found[1].decode(), is_first=b'"checkpoint":1,' in first[:24])
    return LogFile(path, timestamp(path.stat().st_mtime), is_first=False)
