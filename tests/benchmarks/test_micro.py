"""Every part of a request can still be timed, at the smallest size and for a moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.micro import DECISION, HIT, MISS, PARTS, time_growth, time_parts, timed

MOMENT_SECONDS = 0.01  # in which the ten keys are all looked up again


def test_every_part_of_a_request_is_timed(tmp_path: Path) -> None:
    growing = asyncio.run(time_growth(tmp_path, 10, MOMENT_SECONDS))
    rows = [*growing, *asyncio.run(time_parts(tmp_path, MOMENT_SECONDS))]
    assert {row.name for row in rows} == {*PARTS, MISS}
    assert {row.size for row in growing} == {10}
    assert [row.name for row in growing] == [HIT, MISS, DECISION]
    assert all(0 < row.us.low <= row.us.median <= row.us.high for row in rows)


def test_what_is_timed_is_called_and_awaited_as_often_as_it_is_counted() -> None:
    async def call() -> None:
        await asyncio.sleep(0.001)

    found = asyncio.run(timed(call, 0.002))
    assert 1_000 < found.median < 100_000
