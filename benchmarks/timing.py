"""A thing to time, and the two ways of timing it.

A case is prepared in the process that times it, so that no other case has warmed or filled its
memory.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.rows import Parameter

    Timer = Callable[[int], float]  # does it so many times; the seconds that took


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time.

    Attributes:
        prepare: makes ready, in a given directory, and gives what times it.
        processes: in how many processes, one after another, it is prepared and timed.
        loops: calls of one value; 0 where it is to be found out.
    """

    name: str
    parameter: Parameter
    prepare: Callable[[Path], AbstractContextManager[Timer]]
    processes: int = 3
    loops: int = 0


def repeated(call: Callable[[], object]) -> Timer:
    """Return what times so many calls."""

    def timer(loops: int) -> float:
        calls = range(loops)
        started = perf_counter()
        for _ in calls:
            call()
        return perf_counter() - started

    return timer


def awaited(call: Callable[[], Awaitable[object]]) -> Timer:
    """Return what times so many calls, each awaited before the next, on an event loop."""

    async def run(loops: int) -> float:
        calls = range(loops)
        started = perf_counter()
        for _ in calls:
            await call()
        return perf_counter() - started

    return lambda loops: asyncio.run(run(loops))
