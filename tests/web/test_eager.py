"""A coroutine that is run as far as it goes at once, and as a task from its first wait on."""

from __future__ import annotations

import asyncio

import pytest

from cardiorisk.web.eager import run_eagerly


async def waiting_for(awaited: asyncio.Future[int], seen: list[int]) -> None:
    seen.append(await awaited)


def test_what_need_not_wait_is_done_at_once() -> None:
    seen = []

    async def work() -> None:
        seen.append(7)

    async def run() -> None:
        assert run_eagerly(work()) is None
        assert seen == [7]

    asyncio.run(run())


def test_what_waits_goes_on_later() -> None:
    async def run() -> list[int]:
        seen: list[int] = []
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        rest = run_eagerly(waiting_for(awaited, seen))
        assert rest is not None
        assert seen == []
        awaited.set_result(7)
        await rest
        return seen

    assert asyncio.run(run()) == [7]


def test_it_may_wait_again_and_for_nothing_but_a_turn() -> None:
    seen = []

    async def work() -> None:
        for number in range(3):
            await asyncio.sleep(0)
            seen.append(number)

    async def run() -> None:
        rest = run_eagerly(work())
        assert rest is not None
        await rest

    asyncio.run(run())
    assert seen == [0, 1, 2]


def test_a_failure_of_what_it_waits_for_reaches_it() -> None:
    heard = []

    async def work(awaited: asyncio.Future[int]) -> None:
        try:
            await awaited
        except ValueError as error:
            heard.append(str(error))

    async def run() -> None:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        rest = run_eagerly(work(awaited))
        assert rest is not None
        awaited.set_exception(ValueError("it"))
        await rest

    asyncio.run(run())
    assert heard == ["it"]


def test_its_own_failure_after_a_wait_is_the_tasks() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    async def run() -> None:
        rest = run_eagerly(work())
        assert rest is not None
        with pytest.raises(ValueError, match="later"):
            await rest

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
        rest = run_eagerly(waiting_for(awaited, []))
        assert rest is not None
        await asyncio.sleep(0)
        rest.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rest
        assert awaited.cancelled()

    asyncio.run(run())


def test_once_it_has_waited_it_is_in_a_task_of_its_own() -> None:
    tasks = []

    async def work() -> None:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    async def run() -> None:
        rest = run_eagerly(work())
        assert rest is not None
        await rest
        assert tasks == [rest]

    asyncio.run(run())
