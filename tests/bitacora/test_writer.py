"""The open bitácora: nothing is lost in silence, through tears, rotations and full disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cardiorisk.bitacora.files import LOG_FILE
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import lines_in
from tests.processes import unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cardiorisk.bitacora.writer import Sync
    from tests.bitacora.support import Disk
    from tests.support import SettableClock

    Program = Callable[[str], str]


ONE = b'{"one":1}\n'
TWO = b'{"two":2}\n'
LIMITED = """
import pathlib, resource, sys
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.errors import LogUnavailable

def limit(size):
    most = begun + size
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

def refused(line):
    try:
        bitacora.append(line)
    except LogUnavailable as error:
        print(error)
    else:
        print("taken")

bitacora = Bitacora(pathlib.Path(sys.argv[1]), clock=lambda: 0.0)
begun = pathlib.Path(sys.argv[1], "bitacora.jsonl").stat().st_size
"""
"""A program whose log may not grow beyond a limit: what a full disk does, without root."""


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def limited(log_dir: Path) -> Program:
    """Run lines of Python after ``LIMITED`` in a process of their own; return what it printed."""

    def run(program: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", LIMITED + program, str(log_dir)],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            env=unmeasured(),
        ).stdout

    return run


@pytest.fixture
def log(log_dir: Path) -> Path:
    return log_dir / LOG_FILE


@pytest.fixture
def bitacora(log_dir: Path, clock: SettableClock) -> Iterator[Bitacora]:
    bitacora = Bitacora(log_dir, clock=clock)
    yield bitacora
    bitacora.close()


@pytest.fixture
def durable(log_dir: Path, clock: SettableClock, disk: Disk) -> Iterator[Bitacora]:
    """A log in disk mode, whose disk waits to be told."""
    bitacora = Bitacora(log_dir, sync="disk", clock=clock, fsync=disk.fsync)
    yield bitacora
    disk.failing = False
    disk.finish_fsync(100)
    bitacora.close()


def descriptor_of(path: Path) -> int:
    """Return the descriptor under which this process has the file open."""
    (file,) = (file for file in Path("/proc/self/fd").iterdir() if is_link_to(file, str(path)))
    return int(file.name)


def is_link_to(file: Path, name: str) -> bool:
    """Tell whether a descriptor, which may have been closed meanwhile, is of this file."""
    try:
        return str(file.readlink()) == name
    except FileNotFoundError:
        return False


def test_the_log_and_its_directories_are_made_and_closed_to_strangers(tmp_path: Path) -> None:
    Bitacora(tmp_path / "a" / "b").close()
    log = tmp_path / "a" / "b" / "bitacora.jsonl"
    assert lines_in(log) == b""
    assert log.stat().st_mode & 0o137 == 0
    assert log.parent.stat().st_mode & 0o027 == 0


def test_lines_are_counted_and_in_the_file_when_append_returns(
    bitacora: Bitacora, log: Path
) -> None:
    bitacora.append(ONE)
    assert lines_in(log) == ONE
    bitacora.append(TWO)
    assert lines_in(log) == ONE + TWO
    assert (bitacora.lines_written, bitacora.write_failures) == (2, 0)


def test_a_second_writer_of_one_file_refuses_to_start_wherever_that_file_is_now(
    bitacora: Bitacora, log_dir: Path, log: Path, clock: SettableClock
) -> None:
    def refuses() -> bool:
        with pytest.raises(LogUnavailable) as raised:
            Bitacora(log_dir)
        return str(raised.value) == (
            f"cannot open the bitácora {log}: another process writes to it; "
            "give each a name of its own by CARDIORISK_NODE"
        )

    before = open_files()
    assert refuses()
    os.truncate(log, 0)  # as copytruncate does
    assert refuses()
    log.rename(log.with_name("bitacora.jsonl.1"))
    assert refuses()  # though the first one has yet to follow
    clock.now_seconds += 1.0
    bitacora.append(ONE)
    assert refuses()
    assert open_files() == before
    Bitacora(log_dir, node="b").close()
    bitacora.close()
    Bitacora(log_dir).close()


def test_a_file_that_another_process_has_taken_gets_no_line(
    bitacora: Bitacora, log_dir: Path, log: Path
) -> None:
    log.unlink()
    other = Bitacora(log_dir)
    with pytest.raises(LogUnavailable, match="another process writes to it"):
        bitacora.append(ONE)
    other.close()
    bitacora.append(TWO)
    assert lines_in(log) == TWO


def test_a_torn_last_line_is_closed_at_the_start(log_dir: Path, log: Path) -> None:
    log_dir.mkdir()
    log.write_bytes(ONE + b'{"tor')
    Bitacora(log_dir).close()
    assert lines_in(log) == ONE + b'{"tor\n'


def test_a_start_that_fails_says_why_and_leaves_no_file_open(log_dir: Path, log: Path) -> None:
    log.mkdir(parents=True)
    before = open_files()
    with pytest.raises(LogUnavailable) as raised:
        Bitacora(log_dir)
    assert str(raised.value) == f"cannot open the bitácora {log}: Is a directory"
    assert open_files() == before


def test_a_directory_that_cannot_be_made_stops_the_start() -> None:
    with pytest.raises(LogUnavailable, match=r"cannot open the bitácora /proc/none/bitacora"):
        Bitacora(Path("/proc/none"))


def test_a_row_of_failures_is_counted_and_told_once_and_so_is_its_end(
    log_dir: Path, log: Path, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    log_dir.mkdir()
    log.symlink_to("/dev/full")
    bitacora = Bitacora(log_dir, clock=clock)
    for _ in range(3):
        with pytest.raises(LogUnavailable) as raised:
            bitacora.append(ONE)
    assert str(raised.value) == "the bitácora cannot be written: No space left on device"
    assert (bitacora.lines_written, bitacora.write_failures) == (0, 3)
    log.unlink()
    clock.now_seconds += 1.0
    bitacora.append(ONE)
    bitacora.append(TWO)
    bitacora.close()
    assert caplog.messages == [
        f"writing the bitácora {log} fails: [Errno 28] No space left on device",
        f"writing the bitácora {log} works again",
    ]


def test_a_torn_line_on_a_full_disk_stops_the_start(limited: Program, log_dir: Path) -> None:
    log_dir.mkdir()
    (log_dir / LOG_FILE).write_bytes(b"torn")
    shown = limited("""
bitacora.close()
limit(4 - begun)
pathlib.Path(sys.argv[1], "bitacora.jsonl").write_bytes(b"torn")
try:
    Bitacora(pathlib.Path(sys.argv[1]))
except LogUnavailable as error:
    print(error)
""")
    assert shown == f"cannot open the bitácora {log_dir / LOG_FILE}: File too large\n"


def test_a_line_that_is_taken_in_part_is_refused(limited: Program) -> None:
    shown = limited("limit(15); refused(b'0123456789\\n'); refused(b'0123456789\\n')")
    assert shown == "taken\nthe bitácora cannot be written: 4 of 11 bytes were taken\n"


@pytest.mark.parametrize(
    ("tries", "kept"),
    [
        ([(4, b"first\n"), (99, b"second\n"), (99, b"third\n")], b"firs\nsecond\nthird\n"),
        ([(4, b"first\n"), (4, b"lost\n"), (99, b"second\n")], b"firs\nsecond\n"),
        # The newline that closes the tear is taken alone.
        ([(4, b"first\n"), (5, b"lost\n"), (99, b"second\n")], b"firs\nsecond\n"),
    ],
)
def test_a_line_after_a_torn_one_stands_on_its_own(
    limited: Program, log: Path, tries: list[tuple[int, bytes]], kept: bytes
) -> None:
    limited("".join(f"limit({size}); refused({line!r})\n" for size, line in tries))
    assert lines_in(log) == kept


def test_a_renamed_log_is_written_to_for_a_second_and_then_made_anew(
    bitacora: Bitacora, log: Path, clock: SettableClock
) -> None:
    rotated = log.rename(log.with_name("bitacora.jsonl.1"))
    clock.now_seconds += 0.9
    bitacora.append(ONE)
    clock.now_seconds += 0.1
    bitacora.append(TWO)
    assert (lines_in(rotated), lines_in(log)) == (ONE, TWO)


@pytest.mark.parametrize(("found", "kept"), [(b"", b""), (b"torn", b"torn\n")])
def test_a_new_file_that_the_rotating_tool_made_is_used(
    bitacora: Bitacora, log: Path, clock: SettableClock, found: bytes, kept: bytes
) -> None:
    log.rename(log.with_name("bitacora.jsonl.1"))
    log.write_bytes(found)
    clock.now_seconds += 1.0
    bitacora.append(ONE)
    assert lines_in(log) == kept + ONE


@pytest.mark.parametrize("sync", ["os", "disk"])
def test_a_deleted_log_gets_no_other_line_and_gives_its_space_back_at_once(
    log_dir: Path, log: Path, sync: Sync, clock: SettableClock
) -> None:
    bitacora = Bitacora(log_dir, sync=sync, clock=clock)
    log.unlink()
    bitacora.append(ONE)
    assert lines_in(log) == ONE
    files = Path("/proc/self/fd").iterdir()
    assert not [file for file in files if is_link_to(file, f"{log} (deleted)")]
    bitacora.close()


async def test_a_log_deleted_during_a_sync_is_not_waited_for(
    durable: Bitacora, log: Path, disk: Disk
) -> None:
    first = asyncio.ensure_future(durable.synced())
    await disk.until_fsync_starts()
    log.unlink()  # noqa: ASYNC240 - it is a moment
    durable.append(TWO)
    second = asyncio.ensure_future(durable.synced())
    disk.finish_fsync(2)
    await asyncio.gather(first, second)
    assert disk.synced_files == [descriptor_of(log)] * 2
    assert lines_in(log) == TWO


def test_a_deleted_directory_is_made_again(bitacora: Bitacora, log: Path) -> None:
    shutil.rmtree(log.parent)
    bitacora.append(ONE)
    assert lines_in(log) == ONE


def test_a_renamed_directory_is_made_again(
    bitacora: Bitacora, log: Path, clock: SettableClock
) -> None:
    bitacora.append(ONE)
    moved = log.parent.rename(log.parent.with_name("older"))
    clock.now_seconds += 1.0
    bitacora.append(TWO)
    assert (lines_in(moved / LOG_FILE), lines_in(log)) == (ONE, TWO)


def test_a_truncated_log_goes_on_at_its_start(bitacora: Bitacora, log: Path) -> None:
    bitacora.append(ONE)
    os.truncate(log, 0)
    bitacora.append(TWO)
    assert lines_in(log) == TWO


def test_a_log_that_cannot_be_opened_anew_refuses_until_it_can(
    bitacora: Bitacora, log: Path
) -> None:
    log.unlink()
    log.mkdir()
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="Is a directory"):
            bitacora.append(ONE)
    log.rmdir()
    bitacora.append(TWO)
    assert lines_in(log) == TWO


@pytest.mark.parametrize("sync", ["os", "disk"])
def test_rotations_leave_no_file_open(
    log_dir: Path, log: Path, sync: Sync, clock: SettableClock
) -> None:
    def rotate_and_append() -> None:
        log.rename(log_dir / "older")
        clock.now_seconds += 1.0
        opened.append(ONE)
        asyncio.run(opened.synced())

    opened = Bitacora(log_dir, sync=sync, clock=clock)
    rotate_and_append()
    before = open_files()
    for _ in range(5):
        rotate_and_append()
    assert open_files() == before
    opened.close()


def test_a_closed_log_takes_no_line_and_is_closed_once(log_dir: Path) -> None:
    bitacora = Bitacora(log_dir, sync="disk")
    before = open_files()
    bitacora.close()
    bitacora.close()
    assert open_files() == before - 1
    with pytest.raises(LogUnavailable, match="closed"):
        bitacora.append(ONE)
    with pytest.raises(LogUnavailable, match="closed"):
        bitacora.require_writable()
    with pytest.raises(LogUnavailable, match="closed"):
        asyncio.run(bitacora.synced())


def test_a_log_is_writable_unless_its_last_line_failed_and_another_does_too(
    log_dir: Path, log: Path, clock: SettableClock
) -> None:
    log_dir.mkdir()
    log.symlink_to("/dev/full")
    bitacora = Bitacora(log_dir, clock=clock)
    with pytest.raises(LogUnavailable):
        bitacora.append(ONE)
    with pytest.raises(LogUnavailable, match="cannot be written: No space left"):
        bitacora.require_writable()
    log.unlink()
    clock.now_seconds += 1.0
    bitacora.require_writable()
    assert lines_in(log) == b"\n"
    bitacora.close()


def test_os_mode_waits_for_nothing(bitacora: Bitacora) -> None:
    assert not bitacora.is_durable
    asyncio.run(bitacora.synced())


async def test_disk_mode_waits_for_the_disk(durable: Bitacora, disk: Disk) -> None:
    assert durable.is_durable
    durable.append(ONE)
    waiting = asyncio.ensure_future(durable.synced())
    await disk.until_fsync_starts()
    assert not waiting.done()
    disk.finish_fsync()
    await waiting


def test_a_disk_that_refuses_to_sync_is_an_error(log_dir: Path, disk: Disk) -> None:
    bitacora = Bitacora(log_dir, sync="disk", fsync=disk.fsync)
    disk.failing = True
    disk.finish_fsync(2)
    bitacora.append(ONE)
    with pytest.raises(LogUnavailable, match="cannot be put on the disk"):
        asyncio.run(bitacora.synced())
    assert bitacora.write_failures == 1
    with pytest.raises(LogUnavailable, match="cannot be synced"):
        bitacora.close()


def test_disk_mode_needs_a_disk(log_dir: Path, log: Path) -> None:
    log_dir.mkdir()
    log.symlink_to("/dev/full")
    with pytest.raises(LogUnavailable, match="SYNC=disk needs a file on a disk"):
        Bitacora(log_dir, sync="disk")


def test_a_disk_that_refuses_to_sync_is_told_once(
    durable: Bitacora, log: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.finish_fsync(4)
    for disk.failing in (True, True, False, False):
        with suppress(LogUnavailable):
            asyncio.run(durable.synced())
    assert caplog.messages == [
        f"syncing the bitácora {log} fails: [Errno 5] Input/output error",
        f"syncing the bitácora {log} works again",
    ]


async def test_lines_of_a_log_renamed_during_a_sync_are_synced(
    durable: Bitacora, log: Path, clock: SettableClock, disk: Disk
) -> None:
    old_file = descriptor_of(log)
    first = asyncio.ensure_future(durable.synced())
    await disk.until_fsync_starts()
    durable.append(ONE)
    log.rename(log.with_name("bitacora.jsonl.1"))  # noqa: ASYNC240 - it is a moment
    clock.now_seconds += 1.0
    durable.append(TWO)
    second = asyncio.ensure_future(durable.synced())
    disk.finish_fsync(3)
    await asyncio.gather(first, second)
    assert disk.synced_files == [old_file, old_file, descriptor_of(log)]
