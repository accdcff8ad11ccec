"""The open bitácora: nothing is lost in silence, through tears, rotations and full disks."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cardiorisk.bitacora.writer import LOG_FILE, Bitacora
from cardiorisk.errors import LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.bitacora.writer import Sync
    from tests.bitacora.support import Clock, Disk

    Program = Callable[[str], str]


ONE = b'{"one":1}\n'
TWO = b'{"two":2}\n'
WRITER = "cardiorisk.bitacora.writer"
NO_SPACE = "[Errno 28] No space left on device"
LIMITED = """
import pathlib, resource, sys
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.errors import LogUnavailable

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def refused(line):
    try:
        bitacora.append(line)
    except LogUnavailable as error:
        print(error)
    else:
        print("taken")

bitacora = Bitacora.open(pathlib.Path(sys.argv[1]))
"""
"""A program whose files may not grow beyond a limit: what a full disk does, without root."""


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
        ).stdout

    return run


@pytest.fixture
def log(log_dir: Path) -> Path:
    return log_dir / LOG_FILE


def test_log_and_its_directories_are_made(tmp_path: Path) -> None:
    Bitacora.open(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b" / "bitacora.jsonl").read_bytes() == b""


def test_log_is_closed_to_strangers(log_dir: Path, log: Path) -> None:
    Bitacora.open(log_dir).close()
    assert log.stat().st_mode & 0o137 == 0


def test_lines_are_in_the_file_when_append_returns(log_dir: Path, log: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    bitacora.append(ONE)
    assert log.read_bytes() == ONE
    bitacora.append(TWO)
    assert log.read_bytes() == ONE + TWO
    bitacora.close()


def test_earlier_lines_are_kept(log_dir: Path, log: Path) -> None:
    for line in (ONE, TWO):
        bitacora = Bitacora.open(log_dir)
        bitacora.append(line)
        bitacora.close()
    assert log.read_bytes() == ONE + TWO


def test_two_processes_may_share_the_log(log_dir: Path, log: Path) -> None:
    first, second = Bitacora.open(log_dir), Bitacora.open(log_dir)
    for bitacora, line in ((first, ONE), (second, TWO), (first, ONE)):
        bitacora.append(line)
    assert log.read_bytes() == ONE + TWO + ONE
    first.close()
    second.close()


def test_torn_last_line_is_closed_at_the_start(log_dir: Path, log: Path) -> None:
    log_dir.mkdir()
    log.write_bytes(ONE + b'{"tor')
    Bitacora.open(log_dir).close()
    assert log.read_bytes() == ONE + b'{"tor\n'


def test_each_line_is_counted(log_dir: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    bitacora.append(ONE)
    bitacora.append(TWO)
    assert (bitacora.lines_written, bitacora.write_failures) == (2, 0)
    bitacora.close()


def test_directory_in_the_place_of_the_log_stops_the_start(log_dir: Path, log: Path) -> None:
    log.mkdir(parents=True)
    with pytest.raises(LogUnavailable) as raised:
        Bitacora.open(log_dir)
    assert str(raised.value) == f"cannot open the bitácora {log}: Is a directory"


def test_file_in_the_place_of_the_directory_stops_the_start(log_dir: Path, log: Path) -> None:
    log_dir.touch()
    with pytest.raises(LogUnavailable) as raised:
        Bitacora.open(log_dir)
    assert str(raised.value) == f"cannot open the bitácora {log}: Not a directory"


def test_directory_that_cannot_be_made_stops_the_start() -> None:
    with pytest.raises(
        LogUnavailable, match=r"cannot open the bitácora /proc/none/bitacora\.jsonl"
    ):
        Bitacora.open(Path("/proc/none"))


def test_start_that_fails_leaves_no_file_open(log_dir: Path, log: Path) -> None:
    log.mkdir(parents=True)
    before = open_files()
    with pytest.raises(LogUnavailable):
        Bitacora.open(log_dir)
    assert open_files() == before


def test_full_disk_is_an_error_and_no_line(log_dir: Path, log: Path) -> None:
    log_dir.mkdir()
    log.symlink_to("/dev/full")
    bitacora = Bitacora.open(log_dir)
    with pytest.raises(LogUnavailable) as raised:
        bitacora.append(ONE)
    assert str(raised.value) == "the bitácora cannot be written: No space left on device"
    assert (bitacora.lines_written, bitacora.write_failures) == (0, 1)
    bitacora.close()


def test_a_row_of_failures_is_told_once_and_so_is_its_end(
    log_dir: Path, log: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log_dir.mkdir()
    log.symlink_to("/dev/full")
    bitacora = Bitacora.open(log_dir, clock=clock)
    for _ in range(3):
        with pytest.raises(LogUnavailable):
            bitacora.append(ONE)
    log.unlink()
    clock.now_s += 1.0
    bitacora.append(ONE)
    bitacora.append(TWO)
    bitacora.close()
    assert caplog.record_tuples == [
        (WRITER, logging.WARNING, f"the bitácora {log} cannot be written: {NO_SPACE}"),
        (WRITER, logging.WARNING, f"the bitácora {log} can be written again"),
    ]


def test_torn_line_on_a_full_disk_stops_the_start(limited: Program, log_dir: Path) -> None:
    log_dir.mkdir()
    (log_dir / LOG_FILE).write_bytes(b"torn")
    shown = limited("""
limit(4)
bitacora.close()
pathlib.Path(sys.argv[1], "bitacora.jsonl").write_bytes(b"torn")
try:
    Bitacora.open(pathlib.Path(sys.argv[1]))
except LogUnavailable as error:
    print(error)
""")
    assert shown == f"cannot open the bitácora {log_dir / LOG_FILE}: File too large\n"


def test_line_that_is_taken_in_part_is_refused(limited: Program) -> None:
    shown = limited("limit(15); refused(b'0123456789\\n'); refused(b'0123456789\\n')")
    assert shown == "taken\nthe bitácora cannot be written: 4 of 11 bytes were taken\n"


def test_line_after_a_torn_one_stands_on_its_own(limited: Program, log: Path) -> None:
    limited(
        "limit(4); refused(b'first\\n'); limit(99); refused(b'second\\n'); refused(b'third\\n')"
    )
    assert log.read_bytes() == b"firs\nsecond\nthird\n"


def test_tear_is_remembered_while_nothing_is_taken(limited: Program, log: Path) -> None:
    limited("limit(4); refused(b'first\\n'); refused(b'lost\\n'); limit(99); refused(b'second\\n')")
    assert log.read_bytes() == b"firs\nsecond\n"


def test_tear_of_the_closing_newline_alone_is_no_tear(limited: Program, log: Path) -> None:
    limited("""
limit(4); refused(b'first\\n')
limit(5); refused(b'lost\\n')
limit(99); refused(b'second\\n')
""")
    assert log.read_bytes() == b"firs\nsecond\n"


def test_disk_with_room_again_is_written_again(limited: Program) -> None:
    shown = limited("""
limit(1); refused(b'first\\n')
limit(99); refused(b'second\\n')
print(bitacora.lines_written, bitacora.write_failures)
""")
    assert shown.splitlines()[1:] == ["taken", "1 1"]


def test_renamed_log_is_opened_anew_within_a_second(log_dir: Path, log: Path, clock: Clock) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    bitacora.append(ONE)
    rotated = log.rename(log_dir / "bitacora.jsonl.1")
    clock.now_s += 1.0
    bitacora.append(TWO)
    assert (rotated.read_bytes(), log.read_bytes()) == (ONE, TWO)
    bitacora.close()


def test_lines_before_the_renaming_is_noticed_are_in_the_renamed_log(
    log_dir: Path, log: Path, clock: Clock
) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    rotated = log.rename(log_dir / "bitacora.jsonl.1")
    clock.now_s += 0.9
    bitacora.append(ONE)
    clock.now_s += 0.1
    bitacora.append(TWO)
    assert (rotated.read_bytes(), log.read_bytes()) == (ONE, TWO)
    bitacora.close()


def test_new_file_that_the_rotating_tool_made_is_used(
    log_dir: Path, log: Path, clock: Clock
) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    log.rename(log_dir / "bitacora.jsonl.1")
    log.touch()
    clock.now_s += 1.0
    bitacora.append(ONE)
    assert log.read_bytes() == ONE
    bitacora.close()


def test_torn_line_in_the_new_file_is_closed(log_dir: Path, log: Path, clock: Clock) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    log.rename(log_dir / "bitacora.jsonl.1")
    log.write_bytes(b"torn")
    clock.now_s += 1.0
    bitacora.append(ONE)
    assert log.read_bytes() == b"torn\n" + ONE
    bitacora.close()


def test_deleted_log_never_gets_another_line(log_dir: Path, log: Path, clock: Clock) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    log.unlink()
    bitacora.append(ONE)
    assert log.read_bytes() == ONE
    bitacora.close()


@pytest.mark.parametrize("sync", ["os", "disk"])
def test_deleted_log_gives_its_space_back_at_once(
    log_dir: Path, log: Path, sync: Sync, clock: Clock
) -> None:
    bitacora = Bitacora.open(log_dir, sync=sync, clock=clock)
    log.unlink()
    bitacora.append(ONE)
    assert not [file for file in Path("/proc/self/fd").iterdir() if is_link_to(file, log)]
    bitacora.close()


def is_link_to(file: Path, deleted: Path) -> bool:
    """Tell whether a descriptor, which may have been closed meanwhile, is a deleted file's."""
    try:
        return str(file.readlink()) == f"{deleted} (deleted)"
    except FileNotFoundError:
        return False


def test_log_deleted_during_a_sync_is_not_waited_for(
    log_dir: Path, log: Path, clock: Clock, disk: Disk
) -> None:
    def delete() -> None:
        log.unlink()

    async def scenario() -> None:
        first = asyncio.ensure_future(bitacora.synced())
        await disk.until_fsync_starts()
        delete()
        bitacora.append(TWO)
        second = asyncio.ensure_future(bitacora.synced())
        disk.finish_fsync(2)
        await asyncio.gather(first, second)
        assert disk.synced_files == [bitacora._file, bitacora._file]

    bitacora = Bitacora.open(log_dir, sync="disk", clock=clock)
    assert bitacora._group_sync is not None
    bitacora._group_sync._fsync = disk.fsync
    asyncio.run(scenario())
    assert log.read_bytes() == TWO
    disk.finish_fsync()
    bitacora.close()


def test_deleted_directory_is_made_again(log_dir: Path, log: Path, clock: Clock) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    shutil.rmtree(log_dir)
    bitacora.append(ONE)
    assert log.read_bytes() == ONE
    bitacora.close()


def test_renamed_directory_is_made_again(log_dir: Path, log: Path, clock: Clock) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    bitacora.append(ONE)
    moved = log_dir.rename(log_dir.with_name("older"))
    clock.now_s += 1.0
    bitacora.append(TWO)
    assert ((moved / LOG_FILE).read_bytes(), log.read_bytes()) == (ONE, TWO)
    bitacora.close()


def test_truncated_log_goes_on_at_its_start(log_dir: Path, log: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    bitacora.append(ONE)
    os.truncate(log, 0)
    bitacora.append(TWO)
    assert log.read_bytes() == TWO
    bitacora.close()


def test_log_that_cannot_be_opened_anew_refuses_until_it_can(
    log_dir: Path, log: Path, clock: Clock
) -> None:
    bitacora = Bitacora.open(log_dir, clock=clock)
    log.unlink()
    log.mkdir()
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="Is a directory"):
            bitacora.append(ONE)
    log.rmdir()
    bitacora.append(TWO)
    assert log.read_bytes() == TWO
    bitacora.close()


@pytest.mark.parametrize("sync", ["os", "disk"])
def test_rotations_leave_no_file_open(log_dir: Path, log: Path, sync: str, clock: Clock) -> None:
    def rotate_and_append() -> None:
        log.unlink()
        bitacora.append(ONE)
        asyncio.run(bitacora.synced())

    bitacora = Bitacora.open(log_dir, sync="disk" if sync == "disk" else "os", clock=clock)
    rotate_and_append()
    before = open_files()
    for _ in range(5):
        rotate_and_append()
    assert open_files() == before
    bitacora.close()


def test_closed_log_takes_no_line(log_dir: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    bitacora.close()
    with pytest.raises(LogUnavailable, match="closed"):
        bitacora.append(ONE)


def test_closing_twice_is_closing_once(log_dir: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    before = open_files()
    bitacora.close()
    bitacora.close()
    assert open_files() == before - 1


def test_os_mode_waits_for_nothing(log_dir: Path) -> None:
    bitacora = Bitacora.open(log_dir)
    assert not bitacora.is_durable
    asyncio.run(bitacora.synced())
    bitacora.close()


def test_disk_mode_waits_for_the_disk(log_dir: Path, log: Path) -> None:
    async def answer() -> None:
        bitacora.append(ONE)
        await bitacora.synced()

    bitacora = Bitacora.open(log_dir, sync="disk")
    assert bitacora.is_durable
    asyncio.run(answer())
    assert log.read_bytes() == ONE
    bitacora.close()


def test_disk_that_refuses_to_sync_is_an_error(log_dir: Path, log: Path) -> None:
    async def answer() -> None:
        bitacora.append(ONE)
        await bitacora.synced()

    log_dir.mkdir()
    log.symlink_to("/dev/null")  # It takes every line and refuses every fsync.
    bitacora = Bitacora.open(log_dir, sync="disk")
    with pytest.raises(LogUnavailable, match="cannot be put on the disk"):
        asyncio.run(answer())
    assert bitacora.write_failures == 1
    with pytest.raises(LogUnavailable, match="cannot be synced"):
        bitacora.close()


def test_disk_that_refuses_to_sync_is_told_once(
    log_dir: Path, log: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer() -> None:
        with suppress(LogUnavailable):
            await bitacora.synced()

    bitacora = Bitacora.open(log_dir, sync="disk")
    assert bitacora._group_sync is not None
    bitacora._group_sync._fsync = disk.fsync
    disk.finish_fsync(5)
    for disk.failing in (True, True, False, False):
        bitacora.append(ONE)
        asyncio.run(answer())
    bitacora.close()
    assert caplog.messages == [
        f"the bitácora {log} cannot be put on the disk: [Errno 5] Input/output error",
        f"the bitácora {log} can be put on the disk again",
    ]


def test_closed_log_syncs_for_nobody(log_dir: Path) -> None:
    bitacora = Bitacora.open(log_dir, sync="disk")
    bitacora.close()
    with pytest.raises(LogUnavailable, match="closed"):
        asyncio.run(bitacora.synced())


def test_lines_of_a_log_renamed_during_a_sync_are_synced(
    log_dir: Path, log: Path, clock: Clock, disk: Disk
) -> None:
    def rotate() -> None:
        log.rename(log_dir / "bitacora.jsonl.1")
        clock.now_s += 1.0

    async def scenario() -> None:
        first = asyncio.ensure_future(bitacora.synced())
        await disk.until_fsync_starts()
        bitacora.append(ONE)
        old_file = bitacora._file
        rotate()
        bitacora.append(TWO)
        second = asyncio.ensure_future(bitacora.synced())
        disk.finish_fsync(3)
        await asyncio.gather(first, second)
        assert disk.synced_files == [old_file, old_file, bitacora._file]

    bitacora = Bitacora.open(log_dir, sync="disk", clock=clock)
    assert bitacora._group_sync is not None
    bitacora._group_sync._fsync = disk.fsync
    asyncio.run(scenario())
    disk.finish_fsync()
    bitacora.close()
