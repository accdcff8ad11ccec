"""What every page has: its policy, its token, its language, and what it tells of a failure."""

from __future__ import annotations

import gzip
import re

import pytest

from cardiorisk.errors import MalformedBody
from cardiorisk.pages.deeds import read_form
from cardiorisk.routes import ROUTES, CardioriskApplication
from tests.pages.browsing import ASKS_FOR_PAGES, Reader, text
from tests.support import Bitacora, Caller, document

PATHS = [route.template for route in ROUTES if not route.tag and "{" not in route.template]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LARGEST_BYTES = 45_000
INLINE = r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son[a-z]+=|(?:src|href)=\"https?:"
"""What the policy would refuse in a page."""


async def test_no_page_may_be_kept_or_run_anything_and_every_form_has_its_token(
    boss: Reader, app: CardioriskApplication, bitacora: Bitacora
) -> None:
    app.services.broadcast.close()  # or the events would have no end
    for path in PATHS:
        answer = await boss.open(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert bitacora.last()["route"] == path
        if answer.headers.get("Content-Type") != "text/html; charset=utf-8":
            continue
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["Referrer-Policy"] == "same-origin"
        page = text(answer)
        assert re.findall(INLINE, page) == []
        keys = re.findall(
            r'method="post"[^>]*>\s*<input type="hidden" name="_xsrf" value="(.*?)"', page
        )
        assert len(set(keys)) == page.count('method="post"')


async def test_no_page_takes_a_form_without_its_token(boss: Reader, bitacora: Bitacora) -> None:
    for path in PATHS:
        for boss.token in ("", "0" * 64):
            answer = await boss.send(path)
            refused = "method-not-allowed" if answer.code == 405 else "wrong-xsrf-token"
            assert answer.code in {403, 405}
            assert bitacora.last()["code"] == refused
    assert (await boss.open("/cuenta")).code == 200


async def test_a_reader_has_the_menu_that_is_theirs(reader: Reader, boss: Reader) -> None:
    async def menu(reader: Reader, path: str) -> list[tuple[str, str]]:
        (nav,) = re.findall(r"<nav.*?</nav>", await reader.read(path), re.DOTALL)
        return re.findall(r'<a href="([a-z./]+)"(?: aria-current="(\w+)")?>', nav)

    places = [("lote", ""), ("entrar", "page"), ("registro", ""), ("docs", "")]
    assert await menu(reader, "/entrar") == places
    await reader.register("bea")
    members = [("./", ""), ("lote", ""), ("cuenta", ""), ("claves", "page"), ("evaluaciones", "")]
    assert await menu(reader, "/claves") == [*members, ("docs", "")]
    operators = [
        ("../", ""),
        ("../lote", ""),
        ("../cuenta", ""),
        ("../claves", ""),
        ("../evaluaciones", ""),
    ]
    below = [*operators, ("../panel", "true"), ("../docs", "")]
    assert await menu(boss, "/panel/cuentas") == below


async def test_the_browser_s_language_is_spoken_and_a_choice_is_kept(stranger: Caller) -> None:
    english = {"Accept-Language": "en"}
    answer = await stranger.send("GET", "/", headers=english)
    assert ('<html lang="en">' in text(answer), answer.headers["Content-Language"]) == (True, "en")
    chosen = await stranger.send("GET", "/?idioma=es", headers=english)
    assert '<html lang="es">' in text(chosen)
    cookie, *attributes = chosen.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
    kept = await stranger.send("GET", "/", headers=english | {"Cookie": cookie})
    assert '<html lang="es">' in text(kept)


async def test_another_language_keeps_the_query_of_the_address_and_names_itself_once(
    reader: Reader,
) -> None:
    path = "/entrar?b=%22%3E&idioma=es&siguiente=panel&a=&idioma=es"
    await reader.open(path)
    answer = await reader.send(path, username="nobody", password="wrong")
    assert answer.code == 401
    assert 'href="?b=%22%3E&amp;siguiente=panel&amp;a=&amp;idioma=en"' in text(answer)


async def test_a_language_that_is_not_spoken_changes_nothing(stranger: Caller) -> None:
    for word in ("fr", "", "%0d%0aX-Evil:1", "../es"):
        answer = await stranger.send("GET", f"/?idioma={word}", headers={"Cookie": "idioma=zz"})
        assert '<html lang="es">' in text(answer)
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("GET", "/salir", 405, "Aquí no hay nada."),
        ("GET", "/?idioma=%ff", 200, "Prueba un paciente"),
        ("GET", "/entrar?siguiente=%ff", 400, "no se puede leer"),
        ("POST", "/entrar", 413, "demasiado grande"),
    ],
)
async def test_what_is_the_reader_s_fault_is_not_told_to_pass(
    stranger: Caller, method: str, path: str, code: int, said: str
) -> None:
    body = b"a" * 70_000 if method == "POST" else None
    answer = await stranger.send(method, path, body)
    assert (answer.code, said in text(answer)) == (code, True)


async def test_a_browser_that_has_lost_its_way_gets_a_page_with_a_way_home(
    ana: Reader, bitacora: Bitacora
) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in ana.cookies.items())
    sent = ASKS_FOR_PAGES | {"Cookie": cookies}
    answer = await ana.caller.send("GET", "/no/such/%3Cb%3E?a=%22%3E%3Cb%3E", headers=sent)
    assert (answer.code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert (bitacora.last()["route"], bitacora.last()["code"]) == ("*", "not-found")
    page = text(answer)
    assert "Aquí no hay nada." in page
    assert '<a href="../../">' in page
    assert 'action="../../salir"' in page
    assert "<b>" not in page
    (style,) = re.findall(r'rel="stylesheet" href="\.\./\.\./(static/[^"]+)"', page)
    assert (await ana.open(f"/{style}")).code == 200
    for method, body in (("POST", b"a=b"), ("QUERY", b"a=b"), ("DELETE", None), ("HEAD", None)):
        answer = await ana.caller.send(method, "/nada", body, ASKS_FOR_PAGES)
        assert (answer.code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_a_program_that_has_lost_its_way_gets_the_problem_document(stranger: Caller) -> None:
    for path, headers in (
        ("/nada", {}),
        ("/nada", {"Accept": "application/json"}),
        ("/nada", ASKS_FOR_PAGES | {"Authorization": "crk_no"}),
        ("/" * 21, ASKS_FOR_PAGES),
    ):
        answer = await stranger.send("GET", path, headers=headers)
        assert (answer.code, document(answer)["code"]) == (404, "not-found")
        assert answer.headers["Content-Type"] == "application/problem+json"
    answer = await stranger.send("GET", "/" * 20, headers=ASKS_FOR_PAGES)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"nombre=Jos%C3%A9+P&nota=&nombre=Eva", {"nombre": "Eva", "nota": ""}),
        (b"nombre=Jos%C3%A9+P", {"nombre": "José P"}),
        (b"&".join(b"a%d=1" % number for number in range(20)), {f"a{n}": "1" for n in range(20)}),
    ],
)
def test_a_form_is_read_with_its_accents_and_its_empty_fields(
    body: bytes, fields: dict[str, str]
) -> None:
    assert read_form(body) == fields


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * 21)])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_form(body)


async def test_all_that_a_browser_loads_for_a_page_is_small(boss: Reader) -> None:
    for path in ("/", "/lote", "/panel"):
        page = await boss.read(path)
        wanted = re.findall(r'"((?:\.\./)?static/[^"]+)"', page)
        found = {"page": page.encode()}
        while wanted:
            address = wanted.pop()
            if address in found:
                continue
            found[address] = (await boss.open(f"/{address.removeprefix('../')}")).body
            imports = re.findall(r'(?:from|import) "\./([^"]+)"', found[address].decode())
            wanted += [f"{address.rpartition('/')[0]}/{name}" for name in imports]
        assert len(found) > 5
        assert sum(len(gzip.compress(body)) for body in found.values()) < LARGEST_BYTES, path
