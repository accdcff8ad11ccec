"""Running a coroutine at once, as far as it goes without waiting, and the rest in a task.

A task begins a turn of the loop later, and whoever waits for it is told another turn later. A
request that need not wait, as most need not, is over before that. The surprise: up to its first
wait the coroutine runs in its caller's task, so it must not ask for the current task there, which
is what ``asyncio.timeout`` does.

Python 3.12 can start a task eagerly; 3.11 cannot.
"""

from __future__ import annotations

import asyncio
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

Result = TypeVar("Result")


def run_eagerly(work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
    """Run ``work`` up to its first wait; the future gives its result, and is done if it has one.

    Raises:
        BaseException: what ``work`` raised before its first wait.
    """
    loop = asyncio.get_running_loop()
    try:
        waiting = work.send(None)
    except StopIteration as stop:
        done: asyncio.Future[Result] = loop.create_future()
        done.set_result(stop.value)
        return done
    return loop.create_task(_rest(work, waiting))


async def _rest(work: Coroutine[Any, Any, Result], waiting: Any) -> Result:
    return await _resumed(work, waiting)


@coroutine
def _resumed(work: Coroutine[Any, Any, Result], waiting: Any) -> Generator[Any, Any, Result]:
    """Go on with a coroutine from the wait that it has come to."""
    try:
        while True:
            try:
                sent = yield waiting
            except BaseException as raised:  # noqa: BLE001 - handed on, whatever it is
                waiting = work.throw(raised)
            else:
                waiting = work.send(sent)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        work.close()
