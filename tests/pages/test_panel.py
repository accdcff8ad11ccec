"""The panel's pages: for operators alone, in step with the API, and never a step too quick."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING

import pytest

from cardiorisk.routes import ROUTES
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.web.files import ASSETS_ROUTE
from tests.pages.browsing import NAME, PASSWORD, Reader, operating, registered
from tests.support import change_account, changing, create_key
from tests.web.test_events import watching

if TYPE_CHECKING:
    from tornado.httpclient import HTTPResponse

    from cardiorisk.config import Settings
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Bitacora, Caller

PAGES = ("/panel", "/panel/cuentas", "/panel/eventos")


def text(response: HTTPResponse) -> str:
    return response.body.decode()


def only_key_id(settings: Settings) -> str:
    with changing(settings) as rows:
        (key,) = rows_keys.list_keys(rows)
    return key.key_id


@pytest.mark.gen_test
@pytest.mark.parametrize("page", PAGES)
async def test_who_has_not_logged_in_is_sent_to_do_so(stranger: Caller, page: str) -> None:
    answer = await Reader(stranger).open(page)
    assert answer.code == 303
    assert answer.headers["Location"].endswith(f"entrar?siguiente={page[1:]}")


@pytest.mark.gen_test
async def test_a_view_that_was_sent_is_there_after_the_login(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    await operating(stranger, settings, app)
    view = "panel?status=4xx&account=ana%20%26"
    reader = Reader(stranger)
    answer = await reader.open(f"/{view}")
    page = await reader.open("/" + answer.headers["Location"])
    form = re.search(r'<form [^>]*action="([^"]+)"', text(page))
    assert form
    answer = await reader.send(f"/{form[1]}", username=NAME, password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, view)


@pytest.mark.gen_test
@pytest.mark.parametrize("page", PAGES)
async def test_who_is_no_operator_is_refused(stranger: Caller, page: str) -> None:
    reader = await registered(stranger)
    answer = await reader.open(page)
    assert (answer.code, "Esta página es para operadores." in text(answer)) == (403, True)


@pytest.mark.gen_test
@pytest.mark.parametrize("deed", ["suspender", "reanudar", "plan", "revocar"])
async def test_who_is_no_operator_does_nothing_to_others(
    stranger: Caller, settings: Settings, deed: str
) -> None:
    reader = await registered(stranger)
    create_key(settings, "bruno", "freemium")
    fields = {"plan": "premium", "clave": only_key_id(settings)}
    answer = await reader.send("/panel/cuentas", cuenta="2", hacer=deed, **fields)
    assert answer.code == 403
    with changing(settings) as rows:
        bruno = rows_accounts.load(rows, 2, datetime.now(UTC))
    assert (bruno.plan, bruno.suspended_at, bruno.active_keys) == ("freemium", None, 1)


@pytest.mark.gen_test
async def test_the_panel_is_linked_for_operators_alone(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await registered(stranger)
    assert 'href="panel"' not in text(await reader.open("/"))
    change_account(settings, NAME, rows_accounts.set_operator, is_operator=True)
    await app.services.store.refresh()
    assert 'href="panel"' in text(await reader.open("/"))


@pytest.mark.gen_test
@pytest.mark.parametrize(("page", "mark"), [("/panel", "page"), ("/panel/cuentas", "true")])
async def test_the_panel_is_marked_on_its_pages_alone(
    stranger: Caller, settings: Settings, app: CardioriskApplication, page: str, mark: str
) -> None:
    reader = await operating(stranger, settings, app)
    marked = re.findall(r'aria-current="(\w+)">(\w+)', text(await reader.open(page)))
    assert marked == [(mark, "Panel")]


@pytest.mark.gen_test
async def test_the_chosen_lines_are_in_the_form(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    page = text(await reader.open("/panel?status=5xx&account=%22%3E%3Cb%3E"))
    assert "<option selected>5xx</option>" in page
    assert 'type="text" value="&quot;&gt;&lt;b&gt;"' in page


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("language", "probability", "pressure"),
    [
        ("es", "Probabilidad", "Presión arterial sistólica"),
        ("en", "Probability", "Systolic blood pressure"),
    ],
)
async def test_what_drifts_is_called_as_the_reader_does(
    stranger: Caller,
    settings: Settings,
    app: CardioriskApplication,
    language: str,
    probability: str,
    pressure: str,
) -> None:
    reader = await operating(stranger, settings, app)
    page = text(await reader.open(f"/panel?idioma={language}"))
    found = re.search(r'data-names="([^"]+)"', page)
    assert found
    names = json.loads(unescape(found[1]))
    assert (names["probabilidad"], names["presion_arterial"]) == (probability, pressure)


@pytest.mark.gen_test
async def test_accounts_are_found(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    everybody = text(await reader.open("/panel/cuentas"))
    assert ("ana" in everybody, "bruno" in everybody) == (True, True)
    found = text(await reader.open("/panel/cuentas?buscar=BRU"))
    assert (">ana<" in found, ">bruno<" in found) == (False, True)
    assert "No hay cuentas así." in text(await reader.open("/panel/cuentas?buscar=nadie"))


@pytest.mark.gen_test
async def test_a_whole_key_is_no_search_and_is_not_shown_again(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    key = create_key(settings, "bruno", "freemium")
    answer = await reader.open(f"/panel/cuentas?buscar={key}")
    assert (answer.code, "nunca una clave entera" in text(answer), key in text(answer)) == (
        422,
        True,
        False,
    )


@pytest.mark.gen_test
async def test_an_account_is_suspended_and_resumed(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    for deed, said in (("suspender", "está suspendida"), ("reanudar", "ya no está suspendida")):
        answer = await reader.send("/panel/cuentas", cuenta="2", hacer=deed)
        assert answer.code == 303
        page = await reader.open("/panel/" + answer.headers["Location"].removeprefix("../panel/"))
        assert f"La cuenta {said}." in text(page)


@pytest.mark.gen_test
async def test_one_key_is_revoked(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    key_id = only_key_id(settings)
    answer = await reader.send("/panel/cuentas", cuenta="2", hacer="revocar", clave=key_id)
    assert answer.headers["Location"].endswith("?cuenta=2&hecho=revocar")
    page = text(await reader.open("/panel/cuentas?cuenta=2&hecho=revocar"))
    assert "La clave se ha revocado." in page
    assert ("<td>revocada" in page, "Revocar para siempre" in page) == (True, False)


@pytest.mark.gen_test
async def test_a_plan_is_changed(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    page = text(await reader.open("/panel/cuentas?cuenta=2"))
    assert '<option value="premium" selected>' in page
    for said in ("está ahora en", "ya estaba en"):
        answer = await reader.send("/panel/cuentas", cuenta="2", hacer="plan", plan="premium")
        assert answer.code == 303
        page = text(
            await reader.open("/panel/" + answer.headers["Location"].removeprefix("../panel/"))
        )
        assert f"La cuenta {said} el plan premium." in page
    assert ("<dd>premium</dd>" in page, '<option value="freemium" selected>' in page) == (
        True,
        True,
    )


@pytest.mark.gen_test
async def test_one_s_own_account_is_not_suspended(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    answer = await reader.send("/panel/cuentas", cuenta="1", hacer="suspender")
    assert (answer.code, "No se puede suspender" in text(answer)) == (409, True)
    assert (await reader.open("/panel")).code == 200


@pytest.mark.gen_test
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
    stranger: Caller,
    settings: Settings,
    app: CardioriskApplication,
    fields: dict[str, str],
    code: int,
    said: str,
) -> None:
    reader = await operating(stranger, settings, app)
    answer = await reader.send("/panel/cuentas", **fields)
    assert (answer.code, said in text(answer)) == (code, True)


@pytest.mark.gen_test
async def test_a_form_of_another_site_changes_nothing(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    reader.token = "0" * 64
    answer = await reader.send("/panel/cuentas", cuenta="2", hacer="suspender")
    assert answer.code == 403
    with changing(settings) as rows:
        assert rows_accounts.load(rows, 2, datetime.now(UTC)).suspended_at is None


@pytest.mark.gen_test
async def test_the_events_of_a_page_need_no_header_but_the_cookie(
    stranger: Caller, settings: Settings, app: CardioriskApplication, bitacora: Bitacora
) -> None:
    reader = await operating(stranger, settings, app)
    app.services.broadcast.close()
    answer = await reader.open("/panel/eventos")
    assert (answer.code, bitacora.last()["code"]) == (503, "not-ready")
    assert bitacora.last()["route"] == "/panel/eventos"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("query", "has_pages", "has_files"),
    [("", True, False), ("route=%2Fstatic%2F%7Bversion%7D%2F%7Bfile%7D", False, True)],
)
async def test_the_events_of_a_page_leave_its_files_out_unless_they_are_asked_for(
    *,
    stranger: Caller,
    settings: Settings,
    app: CardioriskApplication,
    query: str,
    has_pages: bool,
    has_files: bool,
) -> None:
    reader = await operating(stranger, settings, app)
    page = text(await reader.open("/panel"))
    file = re.search(r'href="(static/[^"]+css)"', page)
    assert file
    assert (await reader.open(f"/{file[1]}")).code == 200
    cookie = f"sesion={reader.cookies['sesion']}"
    async with watching(stranger, query, "/panel/eventos", Cookie=cookie) as events:
        await events.headers()
        told = dict([await events.event() for _ in range(2)])
    routes = {line["route"] for line in told["lines"]}
    assert ("/panel" in routes, ASSETS_ROUTE in routes) == (has_pages, has_files)
    log = await app.services.log_watch.search(lambda _entry: True, 50)
    assert ASSETS_ROUTE in {line.entry.route for line in log.lines}


@pytest.mark.gen_test
async def test_known_routes_are_offered(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    page = text(await reader.open("/panel"))
    offered = re.findall(r'<option value="([^"]+)"></option>', page)
    assert offered == [*(route.template for route in ROUTES), "*"]


@pytest.mark.gen_test
async def test_the_events_of_a_page_go_on_whatever_a_proxy_is_told(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await operating(stranger, settings, app)
    app.services.broadcast.every_seconds = 0.01
    cookie = f"sesion={reader.cookies['sesion']}"
    sent = {"Cookie": cookie, "Authorization": "Basic eDp5"}
    async with watching(stranger, path="/panel/eventos", **sent) as events:
        assert "200 OK" in await events.headers()
        told = [(await events.event())[0] for _ in range(6)]
    assert told.count("overview") > 2
