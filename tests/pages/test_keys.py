"""The page of one's keys, as a browser without scripts uses it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from threading import Event

import pytest

from cardiorisk.config import Settings
from cardiorisk.monitoring.log_watch import MOST_JOBS
from cardiorisk.routes import CardioriskApplication
from cardiorisk.store import rows_keys
from tests.pages.browsing import Reader, faults, text
from tests.support import Bitacora, Caller, changing, document

KEY = re.compile(r"crk_[0-9A-Za-z]{36}")
MADE = datetime(2025, 11, 1, tzinfo=UTC)


async def make(reader: Reader, action: str = "crear", **fields: str) -> Caller:
    """Make a key on the page and return a caller with it."""
    await reader.open("/claves")
    answer = await reader.send("/claves", accion=action, **fields)
    assert answer.code == 200
    (key,) = set(KEY.findall(text(answer)))
    return Caller(reader.caller.client, reader.caller.base_url, key)


async def first_id(reader: Reader) -> str:
    return str(document(await reader.call("GET", "/account/keys"))["items"][0]["key_id"])


async def test_a_key_is_shown_once_and_works(ana: Reader, bitacora: Bitacora) -> None:
    made = await make(ana, name="Recepción", expires_days="30")
    assert made.key
    page = await ana.read("/claves")
    assert made.key not in page
    assert f"{made.key[:10]}…" in page
    assert "Recepción" in page
    ends = page.partition("<dt>Termina</dt>")[2]
    assert re.match(r'<dd><time datetime="2025-12-24T16:00:12[^"]*">2025-12-24 16:00 UTC<', ends)
    assert (await made.assess()).code == 200
    assert made.key not in bitacora.path.read_text()


@pytest.mark.parametrize(
    ("place", "typed", "said"),
    [
        ("name", "n" * 200, "Deben ser de 1 a 80 caracteres imprimibles."),
        ("expires_days", "0", "Debe ser un número entero de días de 1 a 36500."),
        ("expires_days", "1.5", "Debe ser un número entero de días de 1 a 36500."),
        ("limit", "0", "Debe ser un número entero, 1 al menos y menor que el de tu plan."),
        ("limit", "5", "Debe ser un número entero, 1 al menos y menor que el de tu plan."),
    ],
)
async def test_what_cannot_be_is_told_at_its_field_and_stays_there(
    ana: Reader, place: str, typed: str, said: str
) -> None:
    await ana.open("/claves")
    answer = await ana.send("/claves", accion="crear", **{place: typed})
    assert (answer.code, faults(answer)) == (422, {place: said})
    assert f'name="{place}" value="{typed}"' in text(answer)


async def test_a_key_with_a_limit_shows_it_and_has_it(ana: Reader) -> None:
    assert "Menos que los 5 de tu plan" in await ana.read("/claves")
    made = await make(ana, limit=" 1 ")
    assert "<dt>Límite por minuto</dt><dd>1</dd>" in await ana.read("/claves")
    assert [(await made.assess()).code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(("action", "status"), [("rotar", 401), ("rotar-hora", 200)])
async def test_a_replaced_key_ends_now_or_in_an_hour(ana: Reader, action: str, status: int) -> None:
    old = await make(ana, name="desk")
    new = await make(ana, action, clave=await first_id(ana))
    assert (await old.assess()).code == status
    assert (await new.assess()).code == 200


async def test_another_tab_that_replaces_the_same_key_is_told_that_it_has_ended(
    ana: Reader,
) -> None:
    await make(ana)
    key_id = await first_id(ana)
    new = await make(ana, "rotar", clave=key_id)
    answer = await ana.send("/claves", accion="rotar", clave=key_id)
    assert (answer.code, "ya se había sustituido o revocado" in text(answer)) == (409, True)
    assert (await new.assess()).code == 200


async def test_nobody_else_s_key_is_there(ana: Reader, reader: Reader) -> None:
    made = await make(ana)
    await reader.register("bea")
    answer = await reader.send("/claves", accion="revocar", clave=await first_id(ana))
    assert (answer.code, "No existe esa clave." in text(answer)) == (404, True)
    assert (await made.assess()).code == 200


async def test_a_twenty_first_key_is_refused_on_the_page(ana: Reader) -> None:
    for _ in range(20):
        await make(ana)
    answer = await ana.send("/claves", accion="crear")
    assert (answer.code, "20 claves activas" in text(answer)) == (409, True)


async def test_a_new_key_comes_with_its_first_call_and_the_page_hears_of_it(
    ana: Reader, reader: Reader
) -> None:
    assert await first_call(ana, "key_1") is None
    await ana.open("/claves")
    page = text(await ana.send("/claves", accion="crear"))
    (key,) = KEY.findall(page.partition('id="first-call"')[2])[:1]
    made = Caller(ana.caller.client, ana.caller.base_url, key)
    assert f"curl {made.base_url}/service -H 'Authorization: {key}'" in unescape(page)
    key_id = await first_id(ana)
    assert await first_call(ana, key_id) is None
    assert (await made.assess(edad=200)).code == 422
    call = await first_call(ana, key_id)
    assert call
    assert (call["estado"], call["ms"] > 0) == (422, True)
    await reader.register("bea")
    assert await first_call(reader, key_id) is None


async def test_first_calls_are_looked_for_while_operators_keep_room_to_search(
    ana: Reader, app: CardioriskApplication
) -> None:
    made = document(await ana.call("POST", "/account/keys", b"{}"))
    await Caller(ana.caller.client, ana.caller.base_url, made["key"]).assess()
    watch, may_end = app.services.log_watch, Event()
    searches = [watch.search(lambda _: may_end.wait(60), 1) for _ in range(MOST_JOBS // 2)]
    running = asyncio.gather(*searches)
    try:
        assert await first_call(ana, made["key_id"]) is None
    finally:
        may_end.set()
    await running
    assert await first_call(ana, made["key_id"])


async def first_call(reader: Reader, key_id: str) -> dict[str, float] | None:
    answer = await reader.open(f"/claves/uso?clave={key_id}")
    assert answer.headers["Content-Type"] == "application/json"
    call: dict[str, float] | None = document(answer)["llamada"]
    return call


async def test_many_keys_are_in_pages_and_are_searched_without_accents(
    ana: Reader, settings: Settings
) -> None:
    with changing(settings) as rows:
        for number in range(45):
            name = f"Unidad {number:02}" if number else "Recepción"
            rows_keys.create(rows, 1, MADE + timedelta(seconds=number), name=name)
    page = await ana.read("/claves")
    assert (page.count("<h3>Unidad"), "Claves activas</h2>" in page) == (20, False)
    assert "Página 1 de 3" in page
    (last,) = re.findall(r'href="(\?[^"]*)">Última', page)
    assert "<h3>Recepción" in await ana.read(f"/claves{last}")
    assert "<h3>Recepción" in await ana.read("/claves?pagina=999")
    page = await ana.read("/claves?buscar=RECEPCION")
    assert (page.count("<h3>"), "<h3>Recepción" in page, "(1)" in page) == (1, True, True)
    assert "Ninguna clave es así." in await ana.read("/claves?buscar=zz+zz")
