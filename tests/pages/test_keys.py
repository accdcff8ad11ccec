"""The page of one's keys, as a browser without scripts uses it."""

from __future__ import annotations

import re

import pytest

from tests.pages.browsing import Reader, faults, text
from tests.support import Bitacora, Caller, document

KEY = re.compile(r"crk_[0-9A-Za-z]{36}")


async def make(reader: Reader, action: str = "crear", **fields: str) -> Caller:
    """Make a key on the page and return a caller with it."""
    await reader.open("/claves")
    answer = await reader.send("/claves", accion=action, **fields)
    assert answer.code == 200
    (key,) = KEY.findall(text(answer))
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
