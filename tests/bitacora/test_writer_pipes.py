"""A bitácora that is no file: nothing waits for its reader, and nothing is lost in silence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cardiorisk.bitacora.files import LOG_FILE, in_order
from cardiorisk.bitacora.reader import LogReader, find_newest
from cardiorisk.bitacora.seal import make_pair, read_key
from cardiorisk.bitacora.verification import verify
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import without_checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = b'{"one":1}\n'
LONG = b'{"long":"%b"}\n' % (b"x" * 65_000)
PRINTING = """
import pathlib, sys
from cardiorisk.bitacora.writer import Bitacora
bitacora = Bitacora(pathlib.Path(sys.argv[1]))
for number in (b"1", b"2"):
    bitacora.append(number + b"\\n")
    print("printed", flush=True)
"""


@pytest.fixture
def pipe(log_dir: Path) -> Path:
    log_dir.mkdir()
    os.mkfifo(log_dir / LOG_FILE)
    return log_dir / LOG_FILE


@pytest.fixture
def bitacora(pipe: Path) -> Iterator[Bitacora]:
    """A log that is opened before anybody reads it."""
    bitacora = Bitacora(pipe.parent)
    yield bitacora
    bitacora.close()


def reader_of(pipe: Path) -> int:
    return os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)


def read_all(file: int) -> bytes:
    parts = []
    with suppress(BlockingIOError):
        while part := os.read(file, 1 << 20):
            parts.append(part)
    return without_checkpoints(b"".join(parts))


def refusal(bitacora: Bitacora) -> str:
    """Return why a line is refused, and that the service is not ready for the same reason."""
    with pytest.raises(LogUnavailable) as raised:
        bitacora.append(ONE)
    with pytest.raises(LogUnavailable) as unready:
        bitacora.require_writable()
    assert str(raised.value) == str(unready.value)
    return str(raised.value).partition(": ")[2]


def test_without_a_reader_lines_are_refused_and_taken_as_soon_as_there_is_one(
    bitacora: Bitacora, pipe: Path
) -> None:
    for _ in range(2):
        assert refusal(bitacora) == "nobody reads it"
        reader = reader_of(pipe)
        bitacora.require_writable()
        bitacora.append(ONE)
        assert read_all(reader).lstrip(b"\n") == ONE
        os.close(reader)


def test_what_a_reader_collects_of_a_process_verifies(pipe: Path) -> None:
    collected, keys = pipe.with_name("collected.jsonl"), pipe.parent / "keys"
    make_pair(keys, time.time())
    reader = reader_of(pipe)
    bitacora = Bitacora(pipe.parent, seal_key_file=keys / "install.key")
    bitacora.append(ONE)
    bitacora.close()
    collected.write_bytes(os.read(reader, 1 << 20))
    os.close(reader)
    found = verify(in_order([collected]), key=read_key(keys / "verify.key"))
    assert (found.fault, found.lines, found.notes) == (None, 1, [])


def test_a_reader_who_is_gone_is_noticed_before_a_line_is(bitacora: Bitacora, pipe: Path) -> None:
    reader = reader_of(pipe)
    bitacora.append(ONE)
    os.close(reader)
    with pytest.raises(LogUnavailable, match="nobody reads it"):
        bitacora.require_writable()


@pytest.mark.parametrize("line", [ONE, LONG], ids=["short", "longer than a pipe takes at once"])
def test_a_full_pipe_refuses_and_each_line_that_was_taken_is_whole(
    bitacora: Bitacora, pipe: Path, line: bytes
) -> None:
    reader, taken = reader_of(pipe), 0
    with suppress(LogUnavailable):
        while True:
            bitacora.append(line)
            taken += 1
    assert refusal(bitacora).startswith("it is full")
    got = read_all(reader)
    bitacora.append(ONE)
    lines = (got + read_all(reader)).splitlines(keepends=True)
    assert lines[:taken] == [line] * taken
    assert lines[-1] == ONE
    os.close(reader)


def ends_of(stream: str, log_dir: Path) -> tuple[int, int]:
    """Make a place to write to; return where it is read from and where it is written to."""
    if stream == "pipe":
        return os.pipe()
    if stream == "socket":
        ours, theirs = socket.socketpair()
        return ours.detach(), theirs.detach()
    writing = os.open(log_dir / "printed", os.O_WRONLY | os.O_CREAT)
    return os.open(log_dir / "printed", os.O_RDONLY), writing


@pytest.mark.parametrize("stream", ["file", "pipe", "socket"])
def test_standard_output_takes_lines_beside_what_is_printed(log_dir: Path, stream: str) -> None:
    log_dir.mkdir()
    (log_dir / LOG_FILE).symlink_to("/dev/stdout")
    reading, writing = ends_of(stream, log_dir)
    command = [sys.executable, "-c", PRINTING, str(log_dir)]
    subprocess.run(command, check=True, stdout=writing, cwd=Path(__file__).parents[2])
    printed = without_checkpoints(os.read(reading, 9_999))
    assert printed == b"1\nprinted\n2\nprinted\n"
    os.close(reading)
    os.close(writing)


def test_a_socket_that_is_not_standard_output_stops_the_start(log_dir: Path) -> None:
    log_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(log_dir / LOG_FILE))
        with pytest.raises(LogUnavailable, match="it is a socket"):
            Bitacora(log_dir)


def test_what_keeps_no_line_stops_the_start(log_dir: Path) -> None:
    log_dir.mkdir()
    (log_dir / LOG_FILE).symlink_to("/dev/null")
    with pytest.raises(LogUnavailable, match="it is /dev/null, which keeps no line"):
        Bitacora(log_dir)


def test_a_pipe_is_not_read_back(pipe: Path) -> None:
    with pytest.raises(LogUnavailable, match="is no file that can be read back"):
        LogReader(pipe)
    with pytest.raises(LogUnavailable, match="is no file that can be read back"):
        find_newest([pipe], lambda _: True, 1)
