"""The events tell what the overview and the log tell, and are a request like any other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

from cardiorisk.bitacora.entry import Entry
from cardiorisk.bitacora.reader import Newest
from cardiorisk.config import Settings
from cardiorisk.monitoring.overview import Overview
from cardiorisk.routes import CardioriskApplication
from cardiorisk.store import rows_accounts
from tests.proxies import proxy
from tests.support import Bitacora, Caller, change_account, create_key, told


class Reader:
    """Somebody who reads events from a socket of its own."""

    def __init__(self, stream: IOStream) -> None:
        self.stream = stream

    async def headers(self) -> str:
        return (await self.stream.read_until(b"\r\n\r\n")).decode()

    async def event(self) -> tuple[str, Any]:
        """Return the next event's name and document."""
        size = int((await self.stream.read_until(b"\r\n")).strip(), 16)
        text = (await self.stream.read_bytes(size + 2))[:-2].decode()
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if line)
        return fields["event"], json.loads(fields["data"])

    async def end(self) -> bytes:
        """Read the end of the answer."""
        return await self.stream.read_until(b"0\r\n\r\n")


@asynccontextmanager
async def watching(
    caller: Caller, query: str = "", path: str = "/operator/events", **headers: str
) -> AsyncIterator[Reader]:
    host, _, port = caller.base_url.removeprefix("http://").partition(":")
    stream = await TCPClient().connect(host, int(port))
    sent = headers or {"Authorization": str(caller.key)}
    lines = [f"GET {path}?{query} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in sent.items()]
    await stream.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        yield Reader(stream)
    finally:
        stream.close()


@pytest.fixture(autouse=True)
def quick(app: CardioriskApplication) -> None:
    """Let updates follow each other quickly."""
    app.services.broadcast.every_seconds = 0.01


async def test_the_overview_comes_first_and_then_the_newest_lines_that_were_asked_for(
    operator: Caller, freemium: Caller, bitacora: Bitacora
) -> None:
    await freemium.assess()
    await freemium.assess(edad=1000)
    async with watching(operator, "status=4xx") as reader:
        assert "Content-Type: text/event-stream" in await reader.headers()
        line = bitacora.last()  # it is there before the first byte
        assert (line["route"], line["status"]) == ("/operator/events", 200)
        name, told = await reader.event()
        assert (name, told["last_hour"]["requests"]) == ("overview", 2)
        name, lines = await reader.event()
        assert (name, [line["status"] for line in lines]) == ("lines", [422])
    assert len(bitacora.lines()) == 3


async def test_nginx_keeps_no_event_until_the_next(
    operator: Caller, app: CardioriskApplication, tmp_path: Path
) -> None:
    app.services.broadcast.every_seconds = 3600
    port = int(operator.base_url.rpartition(":")[2])
    with proxy("nginx", port, tmp_path, version="1.0") as before:
        caller = replace(operator, base_url=f"http://127.0.0.1:{before}")
        async with watching(caller) as reader:
            await reader.headers()
            await reader.stream.read_until(b"event: lines\ndata: ")
            await reader.stream.read_until(b"]\n")


async def test_what_happens_is_told(operator: Caller, freemium: Caller) -> None:
    async with watching(operator, "route=/service") as reader:
        await reader.headers()
        assert [(await reader.event())[0] for _ in range(2)] == ["overview", "lines"]
        await reader.event()
        await freemium.assess()
        while (told := await reader.event())[0] != "lines":
            pass
        assert [line["route"] for line in told[1]] == ["/service"]
        name, overview = await reader.event()
        assert (name, overview["last_hour"]["by_status"]) == ("overview", {"200": 2})


async def test_no_line_falls_between_the_search_and_the_updates(
    operator: Caller, freemium: Caller, app: CardioriskApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = app.services.log_watch.search

    async def something_happens_after(
        is_wanted: Callable[[Entry], bool], most_lines: int
    ) -> Newest:
        found = await search(is_wanted, most_lines)
        await freemium.assess()
        return found

    monkeypatch.setattr(app.services.log_watch, "search", something_happens_after)
    app.services.broadcast.every_seconds = 0.2
    async with watching(operator, "route=/service") as reader:
        await reader.headers()
        assert [await reader.event() for _ in range(2)][1] == ("lines", [])
        while (told := await reader.event())[0] != "lines":
            pass
    assert [line["route"] for line in told[1]] == ["/service"]


async def test_a_right_that_is_taken_away_ends_it(
    operator: Caller, app: CardioriskApplication, settings: Settings
) -> None:
    async with watching(operator) as reader:
        await reader.headers()
        for _ in range(4):
            await reader.event()
        create_key(settings, "otto", "freemium")
        for name, is_operator in (("otto", True), ("olga", False)):
            change_account(settings, name, rows_accounts.set_operator, is_operator=is_operator)
        await app.services.store.refresh()
        assert await reader.end()


async def test_nothing_is_told_while_the_log_cannot_be_written(
    operator: Caller, app: CardioriskApplication
) -> None:
    app.services.bitacora.close()
    response = await operator.send("GET", "/operator/events")
    assert told(response) == (503, "log-unavailable")
    await _until_nobody_watches(app)


async def test_it_is_counted_once_and_forgotten_when_its_reader_leaves(
    operator: Caller, app: CardioriskApplication
) -> None:
    async with watching(operator) as reader:
        await reader.headers()
        await reader.event()
    await _until_nobody_watches(app)
    assert app.services.metrics.requests["GET", "/operator/events", 200] == 1


async def test_it_ends_in_order_when_the_service_stops(
    operator: Caller, app: CardioriskApplication
) -> None:
    async with watching(operator) as reader:
        await reader.headers()
        for _ in range(2):
            await reader.event()
        app.services.broadcast.close()
        assert await reader.end()
    await _until_nobody_watches(app)
    response = await operator.send("GET", "/operator/events")
    assert told(response) == (503, "not-ready")


async def test_who_does_not_read_is_cut_off(
    operator: Caller, app: CardioriskApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = replace(await app.services.overviews.look(), version="x" * 1_000_000)

    async def look() -> Overview:
        return large

    async with watching(operator) as reader:
        await reader.headers()
        app.services.broadcast.every_seconds, app.services.broadcast.read_seconds = 0, 0.1
        # A few of these, when they are not read, fill the system's buffers.
        monkeypatch.setattr(app.services.overviews, "look", look)
        await _until_nobody_watches(app)
        with pytest.raises(StreamClosedError):
            await reader.stream.read_until(b"no such thing", max_bytes=1 << 30)


async def _until_nobody_watches(app: CardioriskApplication) -> None:
    await app.services.traffic.wait_until_idle(20)
    assert app.services.traffic.open_requests == 0
