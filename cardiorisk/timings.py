"""The stop-watch of one request, and how its stages are written.

A stage runs from the end of the one before it, so the stages add up to the total but for the
few instructions after the last. Times come from a monotonic clock and are given in milliseconds.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timings:
    """Stage times of one request, started when it is made.

    Attributes:
        stages_ms: milliseconds of each stage that has ended, in their order.
        total_ms: milliseconds from the start to the last ``stop``.

    Args:
        clock: seconds from a monotonic clock.
    """

    __slots__ = ("_clock", "_previous", "_started", "stages_ms", "total_ms")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._started = self._previous = clock()
        self.stages_ms: dict[str, float] = {}
        self.total_ms = 0.0

    def end_stage(self, name: str) -> None:
        """Give the time since the end of the previous stage to the stage ``name``."""
        now = self._clock()
        self.stages_ms[name] = round((now - self._previous) * 1000, 3)
        self._previous = now

    def stop(self) -> None:
        """Take the total; log, header and metrics all show this one."""
        self.total_ms = round((self._clock() - self._started) * 1000, 3)

    def server_timing(self) -> str:
        """Write stages and total as a ``Server-Timing`` header value.

        Source: W3C Server Timing, section 4.
        """
        stages = "".join([f"{name};dur={ms}, " for name, ms in self.stages_ms.items()])
        return f"{stages}total;dur={self.total_ms}"
