"""The bitácora as operators ask it: a search, what is new, and the drift of recent answers.

All of it reads the file in one thread of its own, one job at a time and a bounded number of them
waiting, so however many operators look, the service answers its callers. The surprise: the drift is
read from the lines, not counted with the requests, so it costs the callers nothing and is as old
as ``DRIFT_SECONDS`` says.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cardiorisk.bitacora.reader import FreshLines, Newest, find_newest
from cardiorisk.errors import Overloaded
from cardiorisk.model.drift import DriftWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cardiorisk.bitacora.entry import Entry
    from cardiorisk.bitacora.reader import Line
    from cardiorisk.model.card import Card
    from cardiorisk.model.drift import Drift

DRIFT_SECONDS = 60.0
"""How long a drift that was computed is shown."""
MOST_DRIFT_ANSWERS = 5_000
MOST_JOBS = 16
"""Jobs that may wait; one takes a tenth of a second at most."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How recent answers differ from the training.

    Attributes:
        computed_at_seconds: since the epoch, UTC.
        answers: lines that were looked at; those of other networks are not counted.
        other_networks: how many those were.
        drifts: of the score, then of each field.
    """

    computed_at_seconds: float
    answers: int
    other_networks: int
    drifts: tuple[Drift, ...]


class LogWatch:
    """The log of one process; call it on the event loop only.

    Args:
        path: the log.
        clock: seconds since the epoch, UTC.
        most_jobs: jobs that may wait before callers are refused.
    """

    def __init__(self, path: Path, clock: Callable[[], float], most_jobs: int = MOST_JOBS) -> None:
        self._path = path
        self._clock = clock
        self._most_jobs = most_jobs
        self._jobs = 0
        self._thread = ThreadPoolExecutor(1, "log-watch")
        self._fresh = FreshLines(path)
        self._drift: asyncio.Future[DriftReport] | None = None
        self._drift_of = ("", 0.0)

    async def search(self, is_wanted: Callable[[Entry], bool], most_lines: int) -> Newest:
        """Return the newest lines that are wanted.

        Raises:
            LogUnavailable: the log cannot be read.
            Overloaded: too many searches wait.
        """
        return await self._run(partial(find_newest, self._path, is_wanted, most_lines))

    async def skip(self) -> None:
        """Let ``fresh`` begin at the end of the log as it is now."""
        await self._run(self._fresh.skip)

    async def fresh(self) -> tuple[Line, ...]:
        """Return the lines that have come since the last call, the newest first."""
        return await self._run(self._fresh.take)

    async def drift(self, card: Card) -> DriftReport:
        """Return the drift from a network's training; those who ask at once share one search.

        Raises:
            LogUnavailable: the log cannot be read.
            Overloaded: too many searches wait.
        """
        version, computed_at = self._drift_of
        age_seconds = self._clock() - computed_at
        failed = self._drift is not None and self._drift.done() and _has_failed(self._drift)
        is_good = version == card.version and 0 <= age_seconds < DRIFT_SECONDS and not failed
        if self._drift is None or not is_good:
            self._drift_of = card.version, self._clock()
            self._drift = asyncio.ensure_future(self._run(partial(self._compute_drift, card)))
        return await asyncio.shield(self._drift)

    def close(self) -> None:
        """Let the job under way end, and do no other."""
        self._thread.shutdown(cancel_futures=True)

    def _compute_drift(self, card: Card) -> DriftReport:
        found = find_newest(
            self._path, lambda entry: entry.probabilidad is not None, MOST_DRIFT_ANSWERS
        )
        watch = DriftWatch(card)
        for line in found.lines:
            assert line.entry.probabilidad is not None  # noqa: S101 - for mypy; it was looked for
            watch.add(line.entry.probabilidad, line.entry.modelo, line.entry.inputs)
        return DriftReport(self._clock(), len(found.lines), watch.other_networks, watch.drifts())

    async def _run(self, job: Callable[[], _Result]) -> _Result:
        if self._jobs >= self._most_jobs:
            raise Overloaded("too many searches of the log wait; try again in a second")
        self._jobs += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        finally:
            self._jobs -= 1


def _has_failed(future: asyncio.Future[DriftReport]) -> bool:
    return future.cancelled() or future.exception() is not None
