"""Browser applications elsewhere: what they may ask, and what they are shown."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from cardiorisk.config import Settings, load_settings
from tests.pages.browsing import Reader
from tests.support import EXAMPLE, Bitacora, Caller, told
from tests.web.test_events import watching

APP, OTHER = "https://app.example.org", "http://localhost:3000"
ELSEWHERE = "https://elsewhere.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
def origins() -> str:
    return f"{OTHER},{APP}"


@pytest.fixture
def settings(settings: Settings, origins: str) -> Settings:
    flags = settings.model_dump(exclude_defaults=True)
    return load_settings(flags | {"allowed_origins": origins})


def shown(response: HTTPResponse) -> dict[str, str]:
    """Return what a browser goes by, but for the language, which has a choice of its own."""
    names = ("Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")
    found = {name: response.headers[name] for name in names if name in response.headers}
    varying = set(response.headers.get_list("Vary")) - {"Accept-Language"}
    return {name: text for name, text in found.items() if name != "Vary"} | (
        {"Vary": ", ".join(varying)} if varying else {}
    )


async def test_a_browser_may_ask_without_a_key_before_it_sends(
    freemium: Caller, stranger: Caller, bitacora: Bitacora
) -> None:
    asked = await stranger.send("OPTIONS", "/service", headers=PREFLIGHT | {"Origin": APP})
    assert (asked.code, asked.body) == (204, b"")
    assert shown(asked) == {"Vary": "Origin", "Access-Control-Allow-Origin": APP}
    assert asked.headers["Access-Control-Allow-Methods"] == "GET, POST, QUERY"
    allowed = asked.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "X-Request-ID"} <= set(allowed)
    assert int(asked.headers["Access-Control-Max-Age"]) > 0
    line = bitacora.last()
    assert (line["method"], line["route"], line["status"]) == ("OPTIONS", "/service", 204)
    assert "r=4;" in (await freemium.assess()).headers["RateLimit"]


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", f"{APP}, {APP}", APP.upper(), f"{APP}:443"])
async def test_any_other_origin_is_let_see_nothing(freemium: Caller, origin: str) -> None:
    for headers in (PREFLIGHT | {"Origin": origin}, {"Origin": origin}):
        for method in ("OPTIONS", "GET"):
            response = await freemium.send(method, "/account", headers=headers)
            assert shown(response) == {"Vary": "Origin"}
            assert not [name for name in response.headers if name.startswith("Access-Control-")]


async def test_an_answer_to_nobody_s_page_says_that_others_differ(freemium: Caller) -> None:
    assert shown(await freemium.assess()) == {"Vary": "Origin"}


async def test_every_answer_is_shown_with_what_a_program_needs_failures_too(
    freemium: Caller, stranger: Caller
) -> None:
    async def ask(caller: Caller, path: str, body: Any = EXAMPLE, method: str = "POST") -> int:
        response = await caller.send(method, path, body, {"Origin": OTHER})
        assert shown(response) == {"Vary": "Origin", "Access-Control-Allow-Origin": OTHER}
        names = response.headers["Access-Control-Expose-Headers"].split(", ")
        wanted = {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"}
        assert wanted | {"Server-Timing", "Location"} <= set(names)
        return response.code

    assert await ask(freemium, "/service") == 200
    assert await ask(freemium, "/predictions") == 201
    assert await ask(freemium, "/service", b"{") == 400
    assert await ask(freemium, "/service", {}) == 422
    assert await ask(freemium, "/service", b" " * (64 * 1024 + 1)) == 413
    assert await ask(freemium, "/service") == 429
    assert await ask(stranger, "/service") == 401
    assert await ask(freemium, "/model/reload") == 403
    assert await ask(stranger, "/nowhere") == 404
    assert await ask(stranger, "/service", None, "DELETE") == 405


async def test_while_the_log_cannot_be_written_the_page_is_shown_that(
    freemium: Caller, bitacora: Bitacora
) -> None:
    bitacora.path.unlink()
    bitacora.path.parent.rmdir()
    bitacora.path.parent.touch()
    response = await freemium.send("POST", "/service", EXAMPLE, {"Origin": APP})
    assert (told(response), shown(response)["Access-Control-Allow-Origin"]) == (
        (503, "log-unavailable"),
        APP,
    )


async def test_events_are_shown_too(operator: Caller) -> None:
    headers = {"Authorization": str(operator.key), "Origin": APP}
    async with watching(operator, **headers) as reader:
        assert f"Access-Control-Allow-Origin: {APP}\r\n" in await reader.headers()


async def test_a_cookie_opens_nothing_to_a_page_elsewhere(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.register()
    assert (await reader.call("GET", "/account")).code == 200
    reader.says = {"Origin": APP, "Sec-Fetch-Site": "same-site"}
    assert (await reader.call("GET", "/account")).code == 403
    assert (await reader.call("POST", "/account/keys")).code == 403


async def test_pages_and_the_panel_are_shown_to_no_page_elsewhere(stranger: Caller) -> None:
    for path in ("/", "/entrar", "/panel", "/panel/eventos", "/evaluaciones.csv"):
        for method in ("GET", "OPTIONS"):
            assert shown(await stranger.send(method, path, headers={"Origin": APP})) == {}


async def test_a_page_in_a_browser_of_this_machine_needs_a_key_for_the_metrics(
    stranger: Caller,
) -> None:
    response = await stranger.send("GET", "/metrics", headers={"Origin": APP})
    assert told(response) == (401, "missing-key")


class TestAnyOrigin:
    @pytest.fixture
    def origins(self) -> str:
        return "*"

    async def test_all_are_answered_alike(self, freemium: Caller) -> None:
        for headers in ({}, {"Origin": ELSEWHERE}, {"Origin": "null"}):
            response = await freemium.send("POST", "/service", EXAMPLE, headers)
            assert shown(response) == {"Access-Control-Allow-Origin": "*"}


class TestNoOrigin:
    @pytest.fixture
    def origins(self) -> str:
        return ""

    async def test_nothing_is_said_of_origins(self, freemium: Caller) -> None:
        for method in ("GET", "OPTIONS"):
            response = await freemium.send(method, "/account", headers={"Origin": ELSEWHERE})
            assert shown(response) == {}
