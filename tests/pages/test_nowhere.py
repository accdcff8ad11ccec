"""What is told of a path that leads nowhere, to a browser and to a program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.pages.browsing import registered
from tests.support import document

if TYPE_CHECKING:
    from tests.support import Bitacora, Caller

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("language", "said"), [("es", "Aqu\u00ed no hay nada."), ("en", "There is nothing here.")]
)
async def test_a_browser_gets_a_page_in_its_language_with_a_way_home(
    stranger: Caller, bitacora: Bitacora, language: str, said: str
) -> None:
    headers = {"Accept": BROWSER, "Accept-Language": language}
    answer = await stranger.send("GET", "/no/such/page", headers=headers)
    assert (answer.code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    page = answer.body.decode()
    assert said in page
    assert '<a href="../../">' in page
    (style,) = re.findall(r'rel="stylesheet" href="\.\./\.\./(static/[^"]+)"', page)
    assert (await stranger.send("GET", f"/{style}")).code == 200
    assert (bitacora.lines()[0]["route"], bitacora.lines()[0]["code"]) == ("*", "not-found")


@pytest.mark.gen_test
async def test_who_has_logged_in_is_still_so_on_the_page(stranger: Caller) -> None:
    reader = await registered(stranger)
    cookies = "; ".join(f"{name}={value}" for name, value in reader.cookies.items())
    headers = {"Accept": BROWSER, "Cookie": cookies}
    page = (await stranger.send("GET", "/nada", headers=headers)).body.decode()
    assert 'action="salir"' in page


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/nada", {}),
        ("/nada", {"Accept": "application/json"}),
        ("/nada", {"Accept": BROWSER, "Authorization": "crk_no"}),
        ("/" * 21, {"Accept": BROWSER}),
    ],
)
async def test_everybody_else_gets_the_problem_document(
    stranger: Caller, path: str, headers: dict[str, str]
) -> None:
    answer = await stranger.send("GET", path, headers=headers)
    assert (answer.code, document(answer)["code"]) == (404, "not-found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "QUERY"])
async def test_any_method_is_told_the_same(stranger: Caller, method: str) -> None:
    body = b"a=b" if method in {"POST", "QUERY"} else None
    answer = await stranger.send(method, "/nada", body, {"Accept": BROWSER})
    assert (answer.code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.gen_test
async def test_the_path_that_was_asked_for_is_not_on_the_page(stranger: Caller) -> None:
    headers = {"Accept": BROWSER, "Cookie": "sesion=no"}
    answer = await stranger.send("GET", "/%3Cscript%3E?a=%22%3E%3Cb%3E", headers=headers)
    page = answer.body.decode()
    assert "<b>" not in page
    assert "<script>" not in page
