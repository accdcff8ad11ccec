"""The panel's pages: for operators alone, in step with the API, and never a step too quick."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest

from cardiorisk.config import Settings
from cardiorisk.routes import ROUTES, CardioriskApplication
from cardiorisk.store import rows_keys
from cardiorisk.web.documents import ASSETS_ROUTE
from tests.pages.browsing import Reader, text
from tests.support import Caller, SettableClock, changing, create_key, document
from tests.web.test_events import watching


async def test_who_is_no_operator_sees_nothing_and_does_nothing_to_others(
    ana: Reader, premium: Caller, operator: Caller
) -> None:
    for page in ("/panel", "/panel/cuentas", "/panel/eventos"):
        answer = await ana.open(page)
        assert (answer.code, "Esta página es para operadores." in text(answer)) == (403, True)
    (key,) = document(await premium.send("GET", "/account/keys"))["items"]
    for deed in ("suspender", "reanudar", "plan", "revocar"):
        fields = {"cuenta": "2", "hacer": deed, "plan": "freemium", "clave": key["key_id"]}
        assert (await ana.send("/panel/cuentas", **fields)).code == 403
    bruno = document(await operator.send("GET", "/operator/accounts/2"))
    assert bruno["username"] == "bruno"
    assert (bruno["plan"], bruno["suspended_at"]) == ("premium", None)
    assert (await premium.assess()).code == 200


async def test_known_routes_are_offered(boss: Reader) -> None:
    offered = re.findall(r'<option value="([^"]+)"></option>', await boss.read("/panel"))
    assert offered == [*(route.template for route in ROUTES), "*"]


async def test_what_drifts_is_called_as_the_reader_does(boss: Reader) -> None:
    for language, probability, pressure in (
        ("es", "Probabilidad", "Presión arterial sistólica"),
        ("en", "Probability", "Systolic blood pressure"),
    ):
        page = await boss.read(f"/panel?idioma={language}")
        names = json.loads(unescape(re.findall(r'data-names="([^"]+)"', page)[0]))
        assert (names["probabilidad"], names["presion_arterial"]) == (probability, pressure)


async def test_a_whole_key_is_no_search_and_is_not_shown_again(
    boss: Reader, settings: Settings
) -> None:
    key = create_key(settings, "bruno", "freemium")
    answer = await boss.open(f"/panel/cuentas?buscar={key}")
    assert (answer.code, "nunca una clave entera" in text(answer)) == (422, True)
    assert key not in text(answer)


async def test_an_account_s_keys_are_listed_with_their_limits(
    boss: Reader, operator: Caller, settings: Settings
) -> None:
    create_key(settings, "carla", "freemium", limit=3)
    (carla,) = document(await operator.send("GET", "/operator/accounts?search=carla"))["items"]
    shown = document(await operator.send("GET", f"/operator/accounts/{carla['account_id']}"))
    assert [key["limit"] for key in shown["keys"]] == [3]
    page = await boss.read(f"/panel/cuentas?cuenta={carla['account_id']}")
    assert ('<th scope="col">Límite por minuto</th>' in page, "<td>3</td>" in page) == (True, True)


async def test_a_search_that_finds_nothing_says_so_and_a_long_list_goes_on(
    boss: Reader, settings: Settings
) -> None:
    assert "No hay cuentas así." in await boss.read("/panel/cuentas?buscar=nadie")
    for number in range(21):
        create_key(settings, f"account {number:02}", "freemium")
    page = await boss.read("/panel/cuentas?buscar=COUNT")
    assert (page.count("<h2"), ">account 20<" in page) == (20, False)
    (more,) = re.findall(r'href="\.\./(panel/cuentas\?buscar=COUNT&amp;despues=\d+)"', page)
    page = await boss.read("/" + more.replace("&amp;", "&"))
    assert (page.count("<h2"), ">account 20<" in page) == (1, True)


async def test_one_s_own_account_is_not_suspended(boss: Reader) -> None:
    page = await boss.read("/panel/cuentas?cuenta=1")
    assert ("Suspender…" in page, "Es tu propia cuenta" in page) == (False, True)
    answer = await boss.send("/panel/cuentas", cuenta="1", hacer="suspender")
    assert (answer.code, "No puede ser" in text(answer)) == (409, True)
    assert (await boss.open("/panel")).code == 200


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"cuenta": "99", "hacer": "suspender"}, 404, "No existe esa cuenta."),
        ({"cuenta": "2' --", "hacer": "reanudar"}, 404, "No existe esa cuenta."),
        ({"cuenta": "2", "hacer": "revocar", "clave": "key_1"}, 404, "No existe esa clave."),
        ({"cuenta": "2", "hacer": "plan", "plan": "oro"}, 422, "El formulario no se puede aceptar"),
        ({}, 404, "No existe esa cuenta."),
    ],
)
async def test_a_form_that_cannot_be_meant_is_refused(
    boss: Reader, fields: dict[str, str], code: int, said: str
) -> None:
    answer = await boss.send("/panel/cuentas", **fields)
    assert (answer.code, said in text(answer)) == (code, True)


@pytest.mark.parametrize(
    ("query", "has_pages", "has_files"),
    [("", True, False), ("route=%2Fstatic%2F%7Bversion%7D%2F%7Bfile%7D", False, True)],
)
async def test_the_events_of_a_page_leave_its_files_out_unless_they_are_asked_for(
    boss: Reader, query: str, *, has_pages: bool, has_files: bool
) -> None:
    (file,) = re.findall(r'href="(static/[^"]+css)"', await boss.read("/panel"))
    assert (await boss.open(f"/{file}")).code == 200
    cookie = f"sesion={boss.cookies['sesion']}"
    async with watching(boss.caller, query, "/panel/eventos", Cookie=cookie) as events:
        await events.headers()
        told = dict([await events.event() for _ in range(2)])
    routes = {line["route"] for line in told["lines"]}
    assert ("/panel" in routes, ASSETS_ROUTE in routes) == (has_pages, has_files)


async def test_the_events_of_a_page_go_on_whatever_a_proxy_is_told(
    boss: Reader, app: CardioriskApplication
) -> None:
    app.services.broadcast.every_seconds = 0.01
    cookie = f"sesion={boss.cookies['sesion']}"
    sent = {"Cookie": cookie, "Authorization": "Basic eDp5"}
    async with watching(boss.caller, path="/panel/eventos", **sent) as events:
        assert "200 OK" in await events.headers()
        told = [(await events.event())[0] for _ in range(6)]
    assert told.count("overview") > 2


async def test_another_s_account_is_deleted_by_its_name_and_one_s_own_is_not(boss: Reader) -> None:
    assert 'value="borrar"' in await boss.read("/panel/cuentas?cuenta=2")
    for name in ({}, {"nombre": "brun"}):
        answer = await boss.send("/panel/cuentas", cuenta="2", hacer="borrar", **name)
        assert (answer.code, "No se ha borrado nada" in text(answer)) == (422, True)
    answer = await boss.send("/panel/cuentas", cuenta="2", hacer="borrar", nombre=" bruno ")
    assert answer.headers["Location"] == "../panel/cuentas?hecho=borrar"
    page = await boss.read("/panel/cuentas?hecho=borrar")
    assert ("La cuenta se ha borrado" in page, "bruno" in page) == (True, False)
    assert 'value="borrar"' not in await boss.read("/panel/cuentas?cuenta=1")
    answer = await boss.send("/panel/cuentas", cuenta="1", hacer="borrar", nombre="ana")
    assert (answer.code, "No puede ser: es tu propia cuenta" in text(answer)) == (409, True)


async def test_an_account_shows_its_calls_a_day_and_its_keys_lead_to_their_lines(
    boss: Reader, settings: Settings
) -> None:
    caller = Caller(
        boss.caller.client, boss.caller.base_url, create_key(settings, "bruno", "freemium")
    )
    assert (await caller.assess()).code == 200
    page = await boss.read("/panel/cuentas?cuenta=2")
    assert "<td>1</td></tr>" in page.partition('id="days"')[2].partition("</table>")[0]
    (key_id, *_) = re.findall(r'href="\.\./panel\?key=(key_\w+)#lineas"', page)
    found = await boss.read(f"/panel/cuentas?buscar={key_id}")
    assert ">bruno</a>" in found


async def test_keys_that_nobody_has_used_for_long_are_listed(
    boss: Reader, settings: Settings, clock: SettableClock
) -> None:
    with changing(settings) as rows:
        made = clock.now() - timedelta(days=91)
        old = rows_keys.create(rows, 2, made, name="vieja").record.key_id
        used = rows_keys.create(rows, 2, made, name="usada").record.key_id
        ended = rows_keys.create(rows, 2, made, timedelta(days=1)).record.key_id
        rows_keys.note_last_used(rows, {used: clock.now_seconds - 1})
    page = await boss.read("/panel/cuentas?olvidadas=1")
    assert [key_id in page for key_id in (old, used, ended)] == [True, False, False]
    assert ("vieja" in page, ">bruno<" in page) == (True, True)
