"""Everybody who watches is told the same, nobody is waited for, and all end in order."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from cardiorisk.bitacora.reader import Line
from cardiorisk.errors import LogUnavailable, NotReady, Overloaded
from cardiorisk.monitoring.overview import MOST_PENDING, Broadcast, Overview, Update, Watcher


class Service:
    """Something to look at, which counts the looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.fault: Exception | None = None
        self.dropped: list[str] = []

    async def look(self) -> Overview:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return cast("Overview", self.looks)

    async def skip(self) -> None:
        raise LogUnavailable("there is no log yet")

    async def fresh(self) -> tuple[Line, ...]:
        return ()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def broadcast(service: Service) -> Broadcast:
    return Broadcast(service.look, service.skip, service.fresh, every_seconds=0, most_watchers=2)


def not_dropped() -> None:
    raise AssertionError("nobody was to be dropped")


def leave(broadcast: Broadcast, *watchers: Watcher) -> None:
    for watcher in watchers:
        broadcast.leave(watcher)
    broadcast.close()


async def test_everybody_is_told_the_same_look(broadcast: Broadcast) -> None:
    watchers = [broadcast.watch(not_dropped) for _ in range(2)]
    told = await asyncio.gather(*(watcher.next() for watcher in watchers))
    assert told[0] is told[1] is not None
    leave(broadcast, *watchers)


async def test_nobody_looks_while_nobody_watches(broadcast: Broadcast, service: Service) -> None:
    watcher = broadcast.watch(not_dropped)
    await watcher.next()
    broadcast.leave(watcher)
    await _until_still(service)
    before = service.looks
    another = broadcast.watch(not_dropped)
    await another.next()
    assert service.looks == before + 1
    leave(broadcast, another)


async def test_one_more_than_may_watch_is_refused_until_one_leaves(broadcast: Broadcast) -> None:
    watchers = [broadcast.watch(not_dropped) for _ in range(2)]
    with pytest.raises(Overloaded):
        broadcast.watch(not_dropped)
    broadcast.leave(watchers[0])
    broadcast.leave(watchers[0])
    assert broadcast.watchers == 1
    leave(broadcast, watchers[1], broadcast.watch(not_dropped))


async def test_who_does_not_read_is_dropped(broadcast: Broadcast, service: Service) -> None:
    dropped = asyncio.Event()
    watcher = broadcast.watch(dropped.set)
    await dropped.wait()
    assert service.looks == MOST_PENDING + 1
    assert await watcher.next() is None
    broadcast.leave(watcher)


async def test_closing_ends_who_waits_in_order_cuts_off_who_is_busy_and_lets_nobody_in(
    broadcast: Broadcast, service: Service
) -> None:
    waiting = broadcast.watch(not_dropped)
    broadcast.watch(lambda: service.dropped.append("busy"))
    asked = asyncio.ensure_future(waiting.next())
    await asyncio.sleep(0)
    broadcast.close()
    assert await asked is None
    assert service.dropped == ["busy"]
    with pytest.raises(NotReady):
        broadcast.watch(not_dropped)


async def test_an_unexpected_failure_ends_everybody_and_is_reported(
    broadcast: Broadcast, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.fault = ZeroDivisionError()
    watcher = broadcast.watch(not_dropped)
    assert await watcher.next() is None
    assert "have failed" in caplog.text
    broadcast.leave(watcher)
    service.fault = None
    another = broadcast.watch(not_dropped)
    assert isinstance(await another.next(), Update)
    leave(broadcast, another)


async def _until_still(service: Service) -> None:
    """Let the row of updates notice that nobody watches."""
    before = -1
    while service.looks != before:
        before = service.looks
        for _ in range(20):
            await asyncio.sleep(0)
