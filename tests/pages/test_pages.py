"""The pages as a browser gets them, before any script runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cardiorisk.pages.base import CONTENT_SECURITY_POLICY
from cardiorisk.patients.patient import FIELDS
from cardiorisk.routes import ROUTES
from tests.pages.browsing import Reader, operating, registered

if TYPE_CHECKING:
    from cardiorisk.config import Settings
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Bitacora, Caller

PATHS = [route.template for route in ROUTES if route.is_page and "{" not in route.template]
INLINE = r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son[a-z]+=|(?:src|href)=\"https?:"
"""What the policy would refuse in a page."""


@pytest.mark.gen_test
async def test_the_page_is_in_the_log_and_may_not_be_kept(
    stranger: Caller, bitacora: Bitacora
) -> None:
    response = await stranger.send("GET", "/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert (bitacora.last()["route"], bitacora.last()["status"]) == ("/", 200)


@pytest.mark.gen_test
async def test_the_page_may_run_nothing_inline_and_load_nothing_from_elsewhere(
    stranger: Caller,
) -> None:
    response = await stranger.send("GET", "/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    page = response.body.decode()
    assert re.findall(INLINE, page) == []


@pytest.mark.gen_test
@pytest.mark.parametrize("path", PATHS)
async def test_no_page_may_be_kept_or_run_anything_and_every_form_has_its_token(
    stranger: Caller, settings: Settings, app: CardioriskApplication, path: str
) -> None:
    reader = await operating(stranger, settings, app)
    app.services.broadcast.close()  # or the events would have no end
    answer = await reader.open(path)
    assert answer.headers["Cache-Control"] == "no-store"
    page = answer.body.decode()
    if page.startswith("<!DOCTYPE html>"):
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert re.findall(INLINE, page) == []
        tokens = re.findall(r'method="post"[^>]*>\s*<input type="hidden" name="_xsrf"', page)
        assert len(tokens) == page.count('method="post"')


@pytest.mark.gen_test
@pytest.mark.parametrize("path", PATHS)
async def test_no_page_takes_a_form_without_its_token(
    stranger: Caller,
    settings: Settings,
    app: CardioriskApplication,
    bitacora: Bitacora,
    path: str,
) -> None:
    reader = await operating(stranger, settings, app)
    reader.token = ""
    answer = await reader.send(path)
    refused = "method-not-allowed" if answer.code == 405 else "wrong-xsrf-token"
    assert (answer.code in {403, 405}, bitacora.last()["code"]) == (True, refused)


@pytest.mark.gen_test
async def test_the_form_has_every_field_with_its_range(stranger: Caller) -> None:
    page = (await stranger.send("GET", "/")).body.decode()
    for field in FIELDS:
        box = re.search(rf'<input type="(\w+)"[^>]* name="{field.wire_name}"[^>]*>', page)
        assert box
        if field.kind != "flag":
            assert f'min="{field.minimum:g}" max="{field.maximum:g}"' in box[0]
    assert ">0,6 \u2013 1,8 \u00b7 120 mmHg son 1,20<" in page


@pytest.mark.gen_test
async def test_the_browser_s_language_is_spoken_and_a_choice_is_kept(stranger: Caller) -> None:
    english = await stranger.send("GET", "/", headers={"Accept-Language": "en"})
    assert '<html lang="en">' in english.body.decode()
    chosen = await stranger.send("GET", "/?idioma=es", headers={"Accept-Language": "en"})
    assert '<html lang="es">' in chosen.body.decode()
    cookie = chosen.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    kept = {"Accept-Language": "en", "Cookie": cookie.partition(";")[0]}
    assert '<html lang="es">' in (await stranger.send("GET", "/", headers=kept)).body.decode()


@pytest.mark.gen_test
async def test_another_language_shows_what_was_asked_for(stranger: Caller) -> None:
    page = (await stranger.send("GET", "/entrar?siguiente=%22%3E&idioma=es")).body.decode()
    assert 'href="?siguiente=%22%3E&amp;idioma=en"' in page


@pytest.mark.gen_test
async def test_another_language_keeps_the_query_of_the_address_and_names_itself_once(
    stranger: Caller,
) -> None:
    reader = Reader(stranger)
    path = "/entrar?b=2&idioma=es&siguiente=panel&a=&idioma=es"
    await reader.open(path)
    answer = await reader.send(path, username="nobody", password="wrong")
    expected = 'href="?b=2&amp;siguiente=panel&amp;a=&amp;idioma=en"'
    assert (answer.code, expected in answer.body.decode()) == (401, True)


@pytest.mark.gen_test
@pytest.mark.parametrize("word", ["fr", "", "%0d%0aX-Evil:1", "../es"])
async def test_a_language_that_is_not_spoken_changes_nothing(stranger: Caller, word: str) -> None:
    response = await stranger.send("GET", f"/?idioma={word}", headers={"Cookie": "idioma=zz"})
    assert '<html lang="es">' in response.body.decode()
    assert "Set-Cookie" not in response.headers


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("GET", "/salir", 405, "Aqu\u00ed no hay nada."),
        ("GET", "/?idioma=%ff", 200, "Prueba un paciente"),
        ("GET", "/entrar?siguiente=%ff", 400, "no se puede leer"),
        ("POST", "/entrar", 413, "demasiado grande"),
    ],
)
async def test_what_is_the_reader_s_fault_is_not_told_to_pass(
    stranger: Caller, method: str, path: str, code: int, said: str
) -> None:
    body = b"a" * 70_000 if method == "POST" else None
    response = await stranger.send(method, path, body)
    assert (response.code, said in response.body.decode()) == (code, True)


@pytest.mark.gen_test
async def test_a_session_s_bare_form_is_answered_in_words_and_counted(
    stranger: Caller, bitacora: Bitacora
) -> None:
    reader = await registered(stranger)
    form = {"nivel_colesterol": "2.4", "presion_arterial": "1.4", "azucar": "1.8", "edad": "72"}
    answer = await reader.send("/", **form, tabaquismo="on")
    page = answer.body.decode()
    assert (answer.code, answer.headers["RateLimit"].split(";")[1]) == (200, "r=4")
    assert "S\u00ed hay riesgo, seg\u00fan la red: 100\N{NO-BREAK SPACE}%" in page
    assert "la subieron" in page
    assert "quedan en este minuto: 4" in page
    assert re.search(r'name="tabaquismo"[^>]* checked', page)
    assert not re.search(r'name="sobrepeso"[^>]* checked', page)
    assert (bitacora.last()["route"], bitacora.last()["riesgo_cardiaco"]) == ("/", True)


@pytest.mark.gen_test
async def test_what_is_wrong_in_a_bare_form_stands_at_its_field(stranger: Caller) -> None:
    reader = await registered(stranger)
    answer = await reader.send("/", edad='400"><b>', nivel_colesterol="1e999", azucar="")
    page = answer.body.decode()
    assert answer.code == 422
    assert 'id="error-edad">Debe ser un entero de 0 a 99<' in page
    assert 'id="error-nivel_colesterol">Debe ser un n\u00famero de 1 a 3<' in page
    assert 'id="error-azucar">Debe ser un n\u00famero de 0,5 a 2<' in page
    assert "<b>" not in page


@pytest.mark.gen_test
async def test_a_bare_form_beyond_the_minute_is_told_so(stranger: Caller) -> None:
    reader = await registered(stranger)
    for _ in range(5):
        await reader.send("/")
    answer = await reader.send("/", edad="61")
    page = answer.body.decode()
    assert (answer.code, answer.headers["Retry-After"]) == (429, "48")
    assert "se han agotado. Podrás volver a preguntar en 48 s.</p>" in page
    assert 'name="edad" min="0" max="99" step="1" value="61"' in page


@pytest.mark.gen_test
async def test_a_bare_form_may_have_a_decimal_comma(stranger: Caller) -> None:
    reader = await registered(stranger)
    form = {"nivel_colesterol": "2,4", "presion_arterial": "1,4", "azucar": "1,8", "edad": "72"}
    assert "la subieron edad = 72" in (await reader.send("/", **form)).body.decode()


@pytest.mark.gen_test
async def test_a_bare_form_of_nobody_leads_to_the_login(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.open("/entrar")
    answer = await reader.send("/")
    assert (answer.code, answer.headers["Location"]) == (303, "entrar")
