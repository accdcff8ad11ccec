"""Readers of the pages, each with a browser of their own."""

from __future__ import annotations

import pytest
from tornado.ioloop import IOLoop

from cardiorisk.config import Settings
from cardiorisk.routes import CardioriskApplication
from cardiorisk.store import rows_accounts
from tests.pages.browsing import NAME, Reader, registered
from tests.support import Caller, change_account, create_key


@pytest.fixture
def reader(stranger: Caller) -> Reader:
    """Give nobody in particular a browser."""
    return Reader(stranger)


@pytest.fixture
def ana(stranger: Caller, io_loop: IOLoop) -> Reader:
    """Give Ana, who is account 1, a browser that has logged in."""
    reader: Reader = io_loop.run_sync(lambda: registered(stranger))
    return reader


@pytest.fixture
def boss(ana: Reader, settings: Settings, app: CardioriskApplication, io_loop: IOLoop) -> Reader:
    """Make Ana an operator, and give Bruno account 2 and a key."""
    create_key(settings, "bruno", "freemium")
    change_account(settings, NAME, rows_accounts.set_operator, is_operator=True)
    io_loop.run_sync(app.services.store.refresh)
    return ana
