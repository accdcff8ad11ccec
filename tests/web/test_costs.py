"""What one request costs, counted and not timed, so that a slow path cannot creep back in.

Each test counts over some requests of one connection that lives on, after a first one that warms
the memo and the network, while the service does nothing else.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import event
from sqlalchemy.engine import Engine as DatabaseEngine
from tornado.ioloop import IOLoop

from cardiorisk.config import Settings
from cardiorisk.model.engines import Artefact, Engine, load_artefact
from cardiorisk.routes import CardioriskApplication
from tests.support import EXAMPLE, Caller

REQUESTS = 20


class SlowEngine:
    """The real network, said to be worth a thread, as Keras is."""

    is_instant = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._engine.probabilities(rows)


class Client:
    """A connection that asks the same thing again and again."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str
    ) -> None:
        self._reader = reader
        self.writer = writer
        body = json.dumps(EXAMPLE)
        head = f"POST /service HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        self._request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    async def ask(self, times: int = 1) -> None:
        for _ in range(times):
            self.writer.write(self._request)
            headers = await self._reader.readuntil(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 200 ")
            length = headers.split(b"Content-Length: ")[1].split(b"\r\n")[0]
            await self._reader.readexactly(int(length))


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let nothing be done that is due after a while, however long the requests take."""
    monkeypatch.setattr("cardiorisk.store.store.WATCH_SECONDS", 3600.0)
    monkeypatch.setattr("cardiorisk.bitacora.writer.ROTATION_CHECK_SECONDS", 3600.0)
    return settings


@pytest.fixture
def client(
    premium: Caller, http_port: int, io_loop: IOLoop, app: CardioriskApplication
) -> Iterator[Client]:
    """Connect, and warm the memo, which the key's making has emptied, and the network."""

    async def connected() -> Client:
        await app.services.store.refresh()
        streams = await asyncio.open_connection("127.0.0.1", http_port)
        client = Client(*streams, str(premium.key))
        await client.ask()
        return client

    client = io_loop.run_sync(connected)
    yield client
    client.writer.close()


@pytest.fixture
def count_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], list[int]]:
    """Return what counts the calls of a function in one entry of a list."""

    def count(owner: Any, name: str) -> list[int]:
        calls = [0]
        counted = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            return counted(*arguments, **options)

        monkeypatch.setattr(owner, name, call)
        return calls

    return count


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Collect every SQL statement that any connection runs."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        found.append(statement)

    event.listen(DatabaseEngine, "before_cursor_execute", note)
    yield found
    event.remove(DatabaseEngine, "before_cursor_execute", note)


async def test_a_key_in_the_memo_costs_no_sql(
    client: Client, app: CardioriskApplication, statements: list[str]
) -> None:
    hits = app.services.store.memo.statistics().hits
    statements.clear()
    await client.ask(REQUESTS)
    assert statements == []
    assert app.services.store.memo.statistics().hits == hits + REQUESTS


async def test_a_request_is_one_write_to_the_log(
    client: Client, app: CardioriskApplication, count_calls: Callable[[Any, str], list[int]]
) -> None:
    writes = count_calls(os, "write")
    lines = app.services.bitacora.lines_written
    await client.ask(REQUESTS)
    assert writes == [REQUESTS]
    assert app.services.bitacora.lines_written == lines + REQUESTS


async def test_a_request_is_one_answer_to_the_socket_and_no_change_to_the_poll(
    client: Client, count_calls: Callable[[Any, str], list[int]]
) -> None:
    loop = asyncio.get_running_loop()
    sent = count_calls(type(client.writer.transport), "write")
    changes = [
        count_calls(loop, name)
        for name in ("_add_reader", "_remove_reader", "_add_writer", "_remove_writer")
    ]
    await client.ask(REQUESTS)
    by_the_client = REQUESTS
    assert sent == [by_the_client + REQUESTS]
    assert changes == [[0], [0], [0], [0]]


async def test_an_instant_network_costs_no_thread_no_task_and_no_timer(
    client: Client, count_calls: Callable[[Any, str], list[int]]
) -> None:
    loop = asyncio.get_running_loop()
    threads = count_calls(ThreadPoolExecutor, "submit")
    tasks, timers = count_calls(loop, "create_task"), count_calls(loop, "call_at")
    await client.ask(REQUESTS)
    assert (threads, tasks, timers) == ([0], [0], [0])


async def test_another_network_costs_one_way_to_the_worker(
    client: Client,
    app: CardioriskApplication,
    settings: Settings,
    count_calls: Callable[[Any, str], list[int]],
) -> None:
    artefact = load_artefact(settings.model_dir, "litert")
    app.services.predictor.adopt(Artefact(artefact.card, SlowEngine(artefact.engine)))
    ways = count_calls(ThreadPoolExecutor, "submit")
    await client.ask(REQUESTS)
    assert ways == [REQUESTS]
