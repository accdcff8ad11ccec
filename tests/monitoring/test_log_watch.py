"""The log is read away from the event loop, a bounded number of times at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardiorisk.bitacora.entry import Entry
from cardiorisk.config import load_settings
from cardiorisk.errors import LogUnavailable, Overloaded
from cardiorisk.model.card import Card, load_card
from cardiorisk.monitoring.log_watch import DRIFT_SECONDS, LogWatch
from tests.bitacora.support import make_entry
from tests.support import SettableClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bitacora.jsonl"


@pytest.fixture
def watch(path: Path, clock: SettableClock) -> Iterator[LogWatch]:
    made = LogWatch(path, clock, most_jobs=2)
    yield made
    made.close()


@pytest.fixture
def card() -> Card:
    return load_card(load_settings().model_dir)


def write(path: Path, *entries: Entry) -> None:
    with path.open("ab") as file:
        file.write(b"".join(entry.line() for entry in entries))


def answers(card: Card, count: int) -> list[Entry]:
    return [make_entry(probabilidad=0.999, modelo=card.version) for _ in range(count)]


async def test_lines_are_found(path: Path, watch: LogWatch) -> None:
    write(path, make_entry(request_id="a"), make_entry(request_id="b", status=404))
    found = await watch.search(lambda entry: entry.status == 404, 5)
    assert [line.entry.request_id for line in found.lines] == ["b"]


async def test_searches_beyond_the_bound_are_refused(path: Path, watch: LogWatch) -> None:
    write(path)
    searches = [asyncio.ensure_future(watch.search(lambda _: True, 1)) for _ in range(3)]
    outcomes = await asyncio.gather(*searches, return_exceptions=True)
    assert [isinstance(outcome, Overloaded) for outcome in outcomes] == [False, False, True]
    assert (await watch.search(lambda _: True, 1)).lines == ()


async def test_drift_is_that_of_the_newest_answers(path: Path, watch: LogWatch, card: Card) -> None:
    write(path, *answers(card, 300), make_entry(probabilidad=None), make_entry(modelo="another"))
    report = await watch.drift(card)
    assert (report.answers, report.other_networks) == (301, 1)
    score = report.score
    assert (score.name, score.rows, score.verdict) == ("probabilidad", 300, "large")


async def test_a_drift_is_kept_for_a_minute(
    path: Path, watch: LogWatch, card: Card, clock: SettableClock
) -> None:
    write(path, *answers(card, 1))
    first = await watch.drift(card)
    write(path, *answers(card, 1))
    clock.now_seconds += DRIFT_SECONDS - 1
    assert await watch.drift(card) is first
    clock.now_seconds += 1
    assert (await watch.drift(card)).answers == 2


async def test_another_network_has_a_drift_of_its_own(
    path: Path, watch: LogWatch, card: Card
) -> None:
    write(path, *answers(card, 1))
    await watch.drift(card)
    report = await watch.drift(card.model_copy(update={"version": "another"}))
    assert report.other_networks == 1


async def test_a_drift_that_failed_is_asked_for_again(
    path: Path, watch: LogWatch, card: Card
) -> None:
    with pytest.raises(LogUnavailable):
        await watch.drift(card)
    write(path, *answers(card, 1))
    assert (await watch.drift(card)).answers == 1
