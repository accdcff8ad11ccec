"""A page on another origin calls the service, in a browser that holds both to the rules."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error, expect

from tests.browser.visiting import PASSWORD, log_in, visiting
from tests.processes import Server
from tests.support import EXAMPLE, create_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.visiting import Visit

CALL = """async ([address, key, patient]) => {
  const headers = {Authorization: key, "Content-Type": "application/json", "X-Request-ID": "mine"};
  const sent = {method: "POST", headers, body: JSON.stringify(patient)};
  const answer = await fetch(`${address}/service`, sent);
  const shown = ["RateLimit", "X-Request-ID"].map((name) => answer.headers.get(name));
  return [answer.status, (await answer.json()).code ?? null, ...shown];
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def pages_elsewhere() -> Iterator[str]:
    """Serve a page of another origin, as its port is another."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def allowed() -> Iterator[str]:
    with pages_elsewhere() as origin:
        yield origin


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory, allowed: str) -> Iterator[Server]:
    directory: Path = tmp_path_factory.mktemp("called")
    origins = f"https://app.example.org,{allowed}"
    started = Server(directory, "--engine", "litert", CARDIORISK_ALLOWED_ORIGINS=origins)
    try:
        yield started.wait_until_ready()
    finally:
        started.clean_up()


def call(page: Page, server: Server, key: str) -> list[Any]:
    found: list[Any] = page.evaluate(CALL, [f"http://{server.address}", key, EXAMPLE])
    return found


def test_a_page_of_an_allowed_origin_calls_and_reads_answers_and_failures(
    browser: Browser, called: Server, allowed: str
) -> None:
    key = create_key(called.settings, "app", "freemium")
    with visiting(browser, called) as visit:
        visit.page.goto(allowed)
        status, code, limit, request_id = call(visit.page, called, key)
        assert (status, code, request_id) == (200, None, "mine")
        assert limit.startswith('"freemium";r=')
        assert call(visit.page, called, "nonsense") == [401, "invalid-key", None, "mine"]


def test_a_page_of_any_other_origin_is_kept_out_by_the_browser(
    browser: Browser, called: Server
) -> None:
    key = create_key(called.settings, "other", "freemium")
    context = browser.new_context()
    with pages_elsewhere() as origin:
        page = context.new_page()
        page.goto(origin)
        with pytest.raises(Error, match="Failed to fetch"):
            call(page, called, key)
        context.close()


def test_a_form_is_taken_where_the_browser_tells_its_origin_alone(visit: Visit) -> None:
    """Over http to another name than localhost, no browser sends ``Sec-Fetch-Site``."""
    visit.register()
    visit.page.context.clear_cookies()
    port = visit.address.rpartition(":")[2]
    page = visit.page
    page.goto(f"http://clinica.test:{port}/entrar")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        log_in(page, visit.name, PASSWORD)
    headers = sent.value.all_headers()
    assert headers["origin"] == f"http://clinica.test:{port}"
    assert "sec-fetch-site" not in headers
    expect(page.get_by_role("heading", level=1)).to_have_text(visit.name)
