"""The bitácora as operators ask it: a search, what is new, and the drift of recent answers.

One thread reads the file, and a bounded number of jobs wait for it, so however many operators look,
the service answers its callers. The drift is read from the lines, not counted with the requests: it
costs the callers nothing, and is up to ``DRIFT_SECONDS`` old.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cardiorisk.bitacora.entry import Entry
from cardiorisk.bitacora.files import newest_first
from cardiorisk.bitacora.reader import FreshLines, Line, Newest, find_newest
from cardiorisk.model.card import Card
from cardiorisk.model.drift import Drift, DriftWatch
from cardiorisk.workers import Worker

DRIFT_SECONDS = 60.0
"""How long a drift that was computed is shown."""
MOST_DRIFT_ANSWERS = 5_000
MOST_JOBS = 16
"""Jobs that may wait; one takes a tenth of a second at most."""
DEFAULT_LINES, MOST_LINES = 50, 200

STATUS_PATTERN = "^[1-5]([0-9]{2}|xx)$"
_STATUS = re.compile(STATUS_PATTERN)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of the log are wanted; a criterion that is None holds for every line.

    Attributes:
        status: ``429``, or ``4xx`` for all that begin so.
        key_ids: the keys of an account, where one was named.
        unwanted_route: a route whose lines are not wanted; no parameter, for nobody sends it.
    """

    limit: int = DEFAULT_LINES
    status: str | None = None
    route: str | None = None
    code: str | None = None
    key: str | None = None
    account: str | None = None
    key_ids: frozenset[str] | None = None
    unwanted_route: str | None = None

    def is_wanted(self, entry: Entry) -> bool:
        """Tell whether a line meets every criterion."""
        return (
            (self.status is None or _has_status(self.status, entry.status))
            and (self.route is None or entry.route == self.route)
            and (self.unwanted_route is None or entry.route != self.unwanted_route)
            and (self.code is None or entry.code == self.code)
            and (self.key is None or entry.key_id == self.key)
            and (self.key_ids is None or entry.key_id in self.key_ids)
        )


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How recent answers differ from the training: ``drifts`` of the score, then of each field.

    ``answers`` counts the lines that were looked at, those of other networks included.
    """

    computed_at_seconds: float
    answers: int
    other_networks: int
    drifts: tuple[Drift, ...]


class LogWatch:
    """The log of one process, by a clock of seconds since the epoch; for the event loop only."""

    def __init__(self, path: Path, clock: Callable[[], float], most_jobs: int = MOST_JOBS) -> None:
        self._path = path
        self._clock = clock
        self._worker = Worker(
            "log-watch", most_jobs, "too many searches of the log wait; try again in a second"
        )
        self._fresh = FreshLines(path)
        self._drift: asyncio.Future[DriftReport] | None = None
        self._drift_of = ("", 0.0)

    async def search(self, is_wanted: Callable[[Entry], bool], most_lines: int) -> Newest:
        files = newest_first(self._path)  # which are looked for as they are read
        return await self._worker.run(partial(find_newest, files, is_wanted, most_lines))

    async def skip(self) -> None:
        """Let ``fresh`` begin at the end of the log as it is now."""
        await self._worker.run(self._fresh.skip)

    async def fresh(self) -> tuple[Line, ...]:
        """Return the lines that have come since the last call, the newest first."""
        return await self._worker.run(self._fresh.take)

    async def drift(self, card: Card) -> DriftReport:
        """Return the drift from a network's training; those who ask at once share one search."""
        version, asked_at = self._drift_of
        is_recent = version == card.version and 0 <= self._clock() - asked_at < DRIFT_SECONDS
        if self._drift is None or not is_recent or _has_failed(self._drift):
            self._drift_of = card.version, self._clock()
            work = self._worker.run(partial(self._compute_drift, card))
            self._drift = asyncio.ensure_future(work)
        return await asyncio.shield(self._drift)

    def close(self) -> None:
        """Let the job under way end, and do no other."""
        self._worker.close(drops_waiting=True)

    def _compute_drift(self, card: Card) -> DriftReport:
        found = find_newest(
            newest_first(self._path),
            lambda entry: entry.probabilidad is not None,
            MOST_DRIFT_ANSWERS,
        )
        watch = DriftWatch(card)
        for line in found.lines:
            watch.add(line.entry.probabilidad, line.entry.modelo, line.entry.inputs)
        return DriftReport(self._clock(), len(found.lines), watch.other_networks, watch.drifts())


def _has_failed(future: asyncio.Future[DriftReport]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def find_status(text: str) -> str | None:
    """Read ``429``, or ``4xx`` for all that begin so; None where it is neither."""
    return text if _STATUS.fullmatch(text) else None


def _has_status(wanted: str, status: int) -> bool:
    return str(status) == wanted or (wanted.endswith("xx") and status // 100 == int(wanted[0]))
