"""A real browser before a real server: each test has a server, so a full minute, of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.processes import Server, require_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from playwright.sync_api import Browser, ConsoleMessage, Page

OPTIONS = (
    "--headless",
    "--no-sandbox",  # containers run everything as root, where chromium wants this
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


@dataclass
class Visit:
    """A page in a window, the server behind it, and what the browser complained of."""

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        self.page.goto(f"http://{self.server.address}{path}")
        return self.page

    def hear(self, message: ConsoleMessage) -> None:
        # A refusal of the service is an answer, and the browser reports each as an error.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


class Looker:
    """A browser's window of one size in one scheme.

    Attributes:
        page: its page.
    """

    def __init__(self, browser: Browser, scheme: Literal["light", "dark"], size: str) -> None:
        """Open it, in Spanish and without motion."""
        width, height = SIZES[size]
        self._context = browser.new_context(
            locale="es-ES",
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": width, "height": height},
        )
        self._width, self._suffix = width, f"{size}-{scheme}"
        self.page: Page = self._context.new_page()

    def look(self, name: str) -> None:
        """Keep a screenshot; hold the page to its width and to the rules of accessibility."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self._suffix}.png", full_page=True)
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self._width, name
        found = Axe().run(self.page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"

    def close(self) -> None:
        """Close the window."""
        self._context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start it for a file: while it runs, no other test could run a loop of its own."""
    program = require_program("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield started
        started.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path, "--engine", "litert")
    try:
        yield started.wait_until_ready()
    finally:
        started.clean_up()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Open a window; whatever the test looks at, the browser must not have complained."""
    context = browser.new_context(locale="es-ES")
    context.set_default_timeout(10_000)
    made = Visit(context.new_page(), server)
    made.page.on("console", made.hear)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    context.close()
    assert made.complaints == []


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    chosen: Literal["light", "dark"] = request.param
    return chosen


@pytest.fixture(params=SIZES)
def looker(
    browser: Browser, scheme: Literal["light", "dark"], request: pytest.FixtureRequest
) -> Iterator[Looker]:
    looker = Looker(browser, scheme, request.param)
    yield looker
    looker.close()
