"""A window onto the service, of a reader with an account that no other test has."""

from __future__ import annotations

import itertools
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from axe_playwright_python.sync_playwright import Axe

from cardiorisk.store import rows_accounts
from tests.processes import until
from tests.support import change_account, create_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

    from tests.processes import Server

PASSWORD = "una clave larga"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_NUMBERS = itertools.count(1)


@dataclass
class Visit:
    """A page in a window, the server behind it, and what the browser complained of.

    Attributes:
        name: of an account that no other test has.
    """

    page: Page
    server: Server
    complaints: list[str] = field(default_factory=list)
    name: str = field(default_factory=lambda: f"clinica-{next(_NUMBERS)}")

    def key_on(self, plan: str) -> str:
        """Make a key on a plan, for an account of its own."""
        return create_key(self.server.settings, f"{self.name}-{plan}", plan)

    @property
    def address(self) -> str:
        return f"http://{self.server.address}"

    @cached_property
    def key(self) -> str:
        """A key of the account, which is on freemium and made for it."""
        return create_key(self.server.settings, self.name, "freemium")

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.address + path)
        return self.page

    def ask(self) -> int:
        """Assess a patient with the key, and return the status."""
        return self.server.ask(self.key)[0]

    def register(self, path: str = "/cuenta") -> Page:
        """Make the account and begin its session without a look at the form; open a page."""
        form = self.page.request.get(f"{self.address}/registro").text()
        token = re.findall(r'name="_xsrf" value="([0-9a-f.]+)"', form)[-1]
        email = f"{self.name}@example.org"
        fields = {"username": self.name, "email": email, "password": PASSWORD, "_xsrf": token}
        answer = self.page.request.post(f"{self.address}/registro", form=fields, max_redirects=0)
        assert answer.status == 303
        return self.open(path)

    def set_operator(self, *, is_operator: bool) -> None:
        """Give or take the account's right to the panel, which the service soon notices."""
        change_account(
            self.server.settings, self.name, rows_accounts.set_operator, is_operator=is_operator
        )
        until(lambda: self.page.request.get(f"{self.address}/panel").ok == is_operator)

    def look(self, name: str) -> None:
        """Hold the page to its width and to the rules of accessibility; keep screenshots.

        In light and dark, on a phone and on a desktop, without motion.
        """
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_load_state()
        for scheme, (size, (width, height)) in itertools.product(SCHEMES, SIZES.items()):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.evaluate("new Promise(requestAnimationFrame)")  # charts are drawn anew
            screenshot = f"{name}-{size}-{scheme}.png"
            self.page.screenshot(path=SCREENSHOTS / screenshot, full_page=True)
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, screenshot
            found = Axe().run(self.page)
            assert found.violations_count == 0, f"{screenshot}: {found.generate_report()}"

    def hear(self, message: ConsoleMessage) -> None:
        # A refusal of the service is an answer, and the browser reports each as an error.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@contextmanager
def visiting(browser: Browser, server: Server, **options: Any) -> Iterator[Visit]:
    """Open a window; whatever the test looks at, the browser must not have complained."""
    context = browser.new_context(**({"locale": "es-ES"} | options))
    context.set_default_timeout(30_000)  # for a busy machine
    made = Visit(context.new_page(), server)
    made.page.on("console", made.hear)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    try:
        yield made
    finally:
        context.close()
    assert made.complaints == []


def release(page: Page, route: Route) -> None:
    """Let a request go on, and wait until the page has had its answer, and a later one."""
    with page.expect_request_finished(lambda request: request == route.request):
        route.continue_()
    page.evaluate("async () => (await fetch('model')).text()")


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Nombre de usuario").fill(name)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Entrar").click()
