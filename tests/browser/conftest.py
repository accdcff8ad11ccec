"""One browser and one server for all tests here; each has a window and an account of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.visiting import visiting
from tests.processes import Server, require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.visiting import Visit

OPTIONS = (
    "--headless",
    "--no-sandbox",  # containers run everything as root, where chromium wants this
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP clinica.test 127.0.0.1",
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start it for this folder: while it runs, no other test could run a loop of its own."""
    program = require_program("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        expect.set_options(timeout=20_000)  # for a busy machine
        yield started
        started.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(
        tmp_path_factory.mktemp("server"),
        "--engine",
        "litert",
        CARDIORISK_PLANS="freemium=5,premium=50,bench=100000",
    )
    try:
        yield started.wait_until_ready()
        assert started.stop() == 0
    finally:
        started.clean_up()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    with visiting(browser, server) as made:
        yield made


@pytest.fixture
def scriptless(browser: Browser, server: Server) -> Iterator[Visit]:
    with visiting(browser, server, java_script_enabled=False) as made:
        yield made


@pytest.fixture(scope="package")
def olga(browser: Browser, server: Server) -> Any:
    """Make Olga an operator, and return the cookies of her session."""
    with visiting(browser, server) as made:
        made.name = "olga"
        made.register()
        made.set_operator(is_operator=True)
        return made.page.context.cookies()
