"""Waiting for the disk together: who shares which fsync, and who hears of its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import pytest

from cardiorisk.bitacora.group_sync import GroupSync
from cardiorisk.errors import LogUnavailable
from tests.bitacora.support import PATIENCE_S, Disk


@pytest.fixture
def group_sync(disk: Disk) -> Iterator[GroupSync]:
    group_sync = GroupSync(lambda: (3,), lambda _files, _error: None, disk.fsync)
    yield group_sync
    disk.finish_fsync(100)
    with suppress(OSError):
        group_sync.close()


async def start(calls: int, group_sync: GroupSync) -> list[asyncio.Task[None]]:
    """Let callers come to the queue."""
    waiting = [asyncio.create_task(group_sync.wait()) for _ in range(calls)]
    await asyncio.sleep(0)
    return waiting


async def outcomes(waiting: list[asyncio.Task[None]]) -> list[type | None]:
    async with asyncio.timeout(PATIENCE_S):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    return [None if result is None else type(result) for result in results]


async def test_callers_during_an_fsync_share_the_next_one(
    disk: Disk, group_sync: GroupSync
) -> None:
    first = await start(1, group_sync)
    await disk.until_fsync_starts()
    others = await start(50, group_sync)
    disk.finish_fsync()
    await outcomes(first)
    await disk.until_fsync_starts()
    assert not any(other.done() for other in others)
    disk.finish_fsync()
    assert await outcomes(others) == [None] * 50
    assert disk.synced_files == [3, 3]


async def test_a_failure_reaches_its_group_and_those_who_came_while_it_ran_but_none_later(
    disk: Disk, group_sync: GroupSync
) -> None:
    disk.failing = True
    group = await start(2, group_sync)
    await disk.until_fsync_starts()
    others = await start(3, group_sync)
    disk.finish_fsync()
    assert await outcomes(group + others) == [LogUnavailable] * 5
    disk.failing = False
    disk.finish_fsync()
    assert await outcomes(await start(1, group_sync)) == [None]


async def test_caller_who_goes_away_holds_nobody_up(disk: Disk, group_sync: GroupSync) -> None:
    first, second = await start(2, group_sync)
    await disk.until_fsync_starts()
    first.cancel()
    disk.finish_fsync(2)
    assert await outcomes([first, second]) == [asyncio.CancelledError, None]


async def test_every_file_that_was_begun_is_synced_and_ended(disk: Disk) -> None:
    ended: list[tuple[tuple[int, ...], BaseException | None]] = []
    two_files = GroupSync(
        lambda: (3, 4), lambda files, error: ended.append((files, error)), disk.fsync
    )
    disk.finish_fsync(2)
    await outcomes(await start(1, two_files))
    assert disk.synced_files == [3, 4]
    assert ended == [((3, 4), None)]
    disk.finish_fsync(2)
    two_files.close()
    assert ended == [((3, 4), None)] * 2


@pytest.mark.parametrize(("failing", "outcome"), [(False, None), (True, LogUnavailable)])
async def test_closing_waits_and_tells_everybody(
    disk: Disk,
    group_sync: GroupSync,
    failing: bool,  # noqa: FBT001 - a table's column
    outcome: type | None,
) -> None:
    disk.failing = failing
    first = await start(1, group_sync)
    await disk.until_fsync_starts()
    late = await start(1, group_sync)
    disk.finish_fsync(2)
    with pytest.raises(OSError, match="Input/output error") if failing else nullcontext():
        group_sync.close()
    assert await outcomes(first + late) == [outcome] * 2
