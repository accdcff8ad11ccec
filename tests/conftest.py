"""The real application for tests that speak HTTP: real socket, real SQLite, real network, real log.

Only the clock is the test's own. The network runs in LiteRT, which starts in a moment; what is
particular to Keras is tested where the engines are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cardiorisk.app import make_app
from cardiorisk.config import Settings, load_settings
from tests.support import Bitacora, Caller, SettableClock, create_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tornado.httpclient import AsyncHTTPClient
    from tornado.ioloop import IOLoop

    from cardiorisk.web.routes import CardioriskApplication


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
def bitacora(settings: Settings) -> Bitacora:
    return Bitacora(settings.log_dir / "bitacora.jsonl")
