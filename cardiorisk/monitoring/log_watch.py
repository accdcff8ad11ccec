"""The bitácora as operators ask it: a search, what is new, and the drift of recent answers."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field as Member

from cardiorisk.bitacora.entry import Entry, timestamp
from cardiorisk.bitacora.files import newest_first
from cardiorisk.bitacora.reader import FreshLines, Line, Newest, find_newest
from cardiorisk.model.card import Card
from cardiorisk.model.drift import DriftWatch, Verdict
from cardiorisk.workers import Worker

DRIFT_SECONDS = 60.0  # for which a drift that was computed is shown
MOST_DRIFT_ANSWERS = 5_000
MOST_JOBS = 16  # one takes a tenth of a second at most
DEFAULT_LINES, MOST_LINES = 50, 200
STATUS_PATTERN = "^[1-5]([0-9]{2}|xx)$"


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of the log are wanted; a criterion that is None holds for every line."""

    limit: int = DEFAULT_LINES
    status: str | None = None  # as ``429``, or ``4xx``
    route: str | None = None
    code: str | None = None
    key: str | None = None
    account: str | None = None
    key_ids: frozenset[str] | None = None  # those of the account
    unwanted_route: str | None = None

    def is_wanted(self, entry: Entry) -> bool:
        return (
            self.status in {None, str(entry.status), f"{entry.status // 100}xx"}
            and self.route in {None, entry.route}
            and self.unwanted_route != entry.route
            and self.code in {None, entry.code}
            and self.key in {None, entry.key_id}
            and (self.key_ids is None or entry.key_id in self.key_ids)
        )


@dataclass(frozen=True, slots=True)
class DriftAnswer:
    """The population stability index of recent values, null where rows are too few."""

    name: Annotated[str, Member(description="The value's name")]
    rows: Annotated[int, Member(description="Recent rows that had it")]
    psi: Annotated[float | None, Member(description="The index")]
    verdict: Annotated[Verdict, Member(description="The index in a word")]


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How recent answers differ from the training."""

    computed_at: Annotated[str, Member(description="When it was computed")]
    answers: Annotated[int, Member(description="Newest answers that were looked at")]
    other_networks: Annotated[int, Member(description="Those of other networks")]
    score: Annotated[DriftAnswer, Member(description="Of the probability")]
    fields: Annotated[tuple[DriftAnswer, ...], Member(description="Of each value")]


class LogWatch:
    """The log of one process, by a clock of seconds since the epoch; for the event loop only."""

    def __init__(self, path: Path, clock: Callable[[], float], most_jobs: int = MOST_JOBS) -> None:
        self._path = path
        self._clock = clock
        busy = "too many searches of the log wait; try again in a second"
        self._worker = Worker("log-watch", most_jobs, busy)
        self._drift: asyncio.Future[DriftReport] | None = None
        self._drift_of = ("", 0.0)

    async def search(self, is_wanted: Callable[[Entry], bool], most_lines: int) -> Newest:
        files = newest_first(self._path)  # which are looked for as they are read
        return await self._worker.run(partial(find_newest, files, is_wanted, most_lines))

    @property
    def has_room(self) -> bool:
        """Whether a search may be begun for others than operators, who have half of the places."""
        return self._worker.jobs < self._worker.most_jobs // 2

    async def follow(self) -> FreshLines:
        lines = FreshLines(self._path)
        await self._worker.run(lines.skip)
        return lines

    async def fresh(self, lines: FreshLines) -> tuple[Line, ...]:
        return await self._worker.run(lines.take)

    async def drift(self, card: Card) -> DriftReport:
        """Compare recent answers with the training; those who ask at once share one search."""
        version, asked_at = self._drift_of
        is_recent = version == card.version and 0 <= self._clock() - asked_at < DRIFT_SECONDS
        if self._drift is None or not is_recent:
            self._drift_of = card.version, self._clock()
            work = self._worker.run(partial(self._compute_drift, card))
            self._drift = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(self._drift)
        except Exception:
            self._drift = None  # whoever asks next tries again
            raise

    def close(self) -> None:
        self._worker.close(drops_waiting=True)

    def _compute_drift(self, card: Card) -> DriftReport:
        files, watch = newest_first(self._path), DriftWatch(card)
        found = find_newest(files, lambda line: line.probabilidad is not None, MOST_DRIFT_ANSWERS)
        for line in found.lines:
            watch.add(line.entry.probabilidad, line.entry.modelo, line.entry.inputs)
        score, *fields = (
            DriftAnswer(each.name, each.rows, each.index and round(each.index, 4), each.verdict)
            for each in watch.drifts()
        )
        moment = timestamp(self._clock())
        return DriftReport(moment, len(found.lines), watch.other_networks, score, tuple(fields))


def find_status(text: str) -> str | None:
    return text if re.fullmatch(STATUS_PATTERN, text) else None
