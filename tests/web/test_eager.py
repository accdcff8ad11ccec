"""A coroutine that is run as far as it goes at once, and as a task from its first wait on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cardiorisk.web.eager import run_eagerly

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def given_back(awaited: Awaitable[int]) -> int:
    return await awaited


async def nothing_to_wait_for() -> int:
    return 7


def test_what_need_not_wait_is_done_at_once() -> None:
    async def run() -> None:
        future = run_eagerly(nothing_to_wait_for())
        assert future.done()
        assert future.result() == 7

    asyncio.run(run())


def test_what_waits_gives_its_result_later() -> None:
    async def run() -> None:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future = run_eagerly(given_back(awaited))
        assert not future.done()
        awaited.set_result(7)
        assert await future == 7

    asyncio.run(run())


def test_it_may_wait_again_and_for_nothing_but_a_turn() -> None:
    async def work() -> list[int]:
        seen = []
        for number in range(3):
            await asyncio.sleep(0)
            seen.append(number)
        return seen

    async def run() -> list[int]:
        return await run_eagerly(work())

    assert asyncio.run(run()) == [0, 1, 2]


def test_a_failure_of_what_it_waits_for_reaches_it() -> None:
    async def work(awaited: asyncio.Future[int]) -> str:
        try:
            await awaited
        except ValueError as error:
            return f"heard {error}"
        raise AssertionError

    async def run() -> str:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future = run_eagerly(work(awaited))
        awaited.set_exception(ValueError("it"))
        return await future

    assert asyncio.run(run()) == "heard it"


def test_its_own_failure_after_a_wait_is_the_futures() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    async def run() -> None:
        with pytest.raises(ValueError, match="later"):
            await run_eagerly(work())

    asyncio.run(run())


def test_its_failure_before_any_wait_is_its_callers() -> None:
    async def work() -> None:
        raise ValueError("now")

    async def run() -> None:
        with pytest.raises(ValueError, match="now"):
            run_eagerly(work())

    asyncio.run(run())


def test_cancelling_it_cancels_what_it_waits_for() -> None:
    async def run() -> None:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future = run_eagerly(given_back(awaited))
        await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert awaited.cancelled()

    asyncio.run(run())


def test_once_it_has_waited_it_is_in_a_task_of_its_own() -> None:
    async def work() -> asyncio.Task[object] | None:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        return asyncio.current_task()

    async def run() -> None:
        future = run_eagerly(work())
        assert await future is future

    asyncio.run(run())
