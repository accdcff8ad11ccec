"""Running a coroutine at once, as far as it goes without waiting, and the rest in a task.

A task begins a turn of the loop later, and whoever waits for it is told another turn later. A
request that need not wait, as most need not, is over before that. The surprise: up to its first
wait the coroutine runs in no task, so it must not ask for the current one there, which is what
``asyncio.timeout`` does.

Python 3.12 can start a task eagerly; 3.11 cannot.
"""

from __future__ import annotations

import asyncio
from types import coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator


def run_eagerly(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run ``work`` up to its first wait, and return the task of the rest where there is one.

    Raises:
        BaseException: what ``work`` raised before its first wait.
    """
    try:
        waiting = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_rest(work, waiting))


async def _rest(work: Coroutine[Any, Any, None], waiting: Any) -> None:
    await _resumed(work, waiting)


@coroutine
def _resumed(work: Coroutine[Any, Any, None], waiting: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine from the wait that it has come to."""
    try:
        while True:
            try:
                sent = yield waiting
            except BaseException as raised:  # noqa: BLE001 - handed on, whatever it is
                waiting = work.throw(raised)
            else:
                waiting = work.send(sent)
    except StopIteration:
        return
    finally:
        work.close()
