"""The real application for tests that speak HTTP: real socket, real SQLite, real network, real log.

Only the clock is the test's own. The network runs in LiteRT, which starts in a moment; what is
particular to Keras is tested where the engines are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from socket import socket

import hypothesis
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop
from tornado.platform.asyncio import AsyncIOLoop

from cardiorisk.app import make_app
from cardiorisk.config import PREFIX, Settings, load_settings
from cardiorisk.http1.listener import Listener
from cardiorisk.routes import CardioriskApplication
from cardiorisk.store import rows_accounts
from tests.postgres import PostgresServer
from tests.processes import Server, begin_in_a_minute
from tests.redis_server import RedisServer
from tests.support import Bitacora, Caller, SettableClock, change_account, create_key

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run every ``async def`` on the test's own loop, as if ``gen_test`` stood before it."""
    if iscoroutinefunction(getattr(item, "function", None)):
        item.add_marker("gen_test")


@pytest.fixture(scope="session", autouse=True)
def no_setting() -> Iterator[None]:
    """Take the developer's own settings out of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty directory, where there is neither a settings file nor a database."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def io_loop() -> Iterator[AsyncIOLoop]:
    """Take the place of pytest-tornado's, which leaves a second loop behind, open for ever."""
    loop = AsyncIOLoop(make_current=False)
    asyncio.set_event_loop(loop.asyncio_loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


@pytest.fixture
def in_one_minute() -> None:
    """Begin where the clock minute in which a test's calls are counted has 20 s left."""
    begin_in_a_minute()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Start PostgreSQL once for all tests of this process that want it."""
    server = PostgresServer()
    yield server
    server.clean_up()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {
            "engine": "litert",
            "database_url": f"sqlite:///{tmp_path / 'keys.db'}",
            "log_dir": tmp_path / "logs",
        }
    )


@pytest.fixture
def app(
    settings: Settings, clock: SettableClock, io_loop: IOLoop
) -> Iterator[CardioriskApplication]:
    application = make_app(settings, clock)
    try:
        io_loop.run_sync(application.services.start)
        io_loop.run_sync(application.services.load_network)
        yield application
    finally:
        io_loop.run_sync(application.services.close)
        io_loop.run_sync(application.services.predictor.close)


@pytest.fixture
def http_server(
    app: CardioriskApplication, io_loop: IOLoop, _unused_port: tuple[socket, int]
) -> Iterator[Listener]:
    """Serve as ``cardiorisk serve`` does, in the place of pytest-tornado's server."""
    listener = Listener(app, 100, app.services.traffic.refusals)

    async def listen() -> None:
        listener.listen([_unused_port[0]])

    io_loop.run_sync(listen)
    yield listener
    io_loop.run_sync(listener.close)


@pytest.fixture
def stranger(http_client: AsyncHTTPClient, base_url: str) -> Caller:
    return Caller(http_client, base_url)


@pytest.fixture
def freemium(http_client: AsyncHTTPClient, base_url: str, settings: Settings) -> Caller:
    return Caller(http_client, base_url, create_key(settings, "ana", "freemium"))


@pytest.fixture
def premium(http_client: AsyncHTTPClient, base_url: str, settings: Settings) -> Caller:
    return Caller(http_client, base_url, create_key(settings, "bruno", "premium"))


@pytest.fixture
def operator(http_client: AsyncHTTPClient, base_url: str, settings: Settings) -> Caller:
    key = create_key(settings, "olga", "freemium")
    change_account(settings, "olga", rows_accounts.set_operator, is_operator=True)
    return Caller(http_client, base_url, key)


@pytest.fixture
def bitacora(settings: Settings) -> Bitacora:
    return Bitacora(settings.log_dir / "bitacora.jsonl")


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server.start()
    server.stop()


@pytest.fixture
def redis_server(running_redis: RedisServer) -> RedisServer:
    """A Redis that holds nothing; the session's, so leave it as it is."""
    running_redis.ask("FLUSHALL")
    return running_redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process of its own for each file of tests, freshly started, with the plans as they are."""
    started = Server(tmp_path_factory.mktemp("server"), "--engine", "litert")
    try:
        yield started.wait_until_ready()
    finally:
        started.clean_up()
