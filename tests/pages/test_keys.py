"""The page of one's keys, as a browser without scripts uses it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.pages.browsing import REGISTRATION, Reader, registered
from tests.support import Caller, document

if TYPE_CHECKING:
    from tests.support import Bitacora

KEY = re.compile(r"crk_[0-9A-Za-z]{36}")


async def make(reader: Reader, **fields: str) -> str:
    """Make a key on the page and return it."""
    await reader.open("/claves")
    answer = await reader.send("/claves", accion="crear", **fields)
    assert answer.code == 200
    (key,) = KEY.findall(answer.body.decode())
    return str(key)


async def first_id(reader: Reader) -> str:
    items = document(await reader.call("GET", "/account/keys"))["items"]
    return str(items[0]["key_id"])


@pytest.mark.gen_test
async def test_a_key_is_shown_once_and_works(stranger: Caller, bitacora: Bitacora) -> None:
    reader = await registered(stranger)
    key = await make(reader, name="Recepci\u00f3n", expires_days="30")
    page = (await reader.open("/claves")).body.decode()
    assert key not in page
    assert f"{key[:10]}\u2026" in page
    assert "Recepci\u00f3n" in page
    assert (await Caller(stranger.client, stranger.base_url, key).assess()).code == 200
    assert key not in bitacora.path.read_text()


@pytest.mark.gen_test
async def test_what_a_key_is_called_is_shown_as_text(stranger: Caller) -> None:
    reader = await registered(stranger)
    await make(reader, name="<img src=x onerror=alert(1)>")
    page = (await reader.open("/claves")).body.decode()
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.gen_test
@pytest.mark.parametrize("days", ["0", "36501", "a", "1.5", "-1", "\u0663"])
async def test_days_that_cannot_be_are_told_at_their_field(stranger: Caller, days: str) -> None:
    reader = await registered(stranger)
    await reader.open("/claves")
    answer = await reader.send("/claves", accion="crear", name="mine", expires_days=days)
    assert answer.code == 422
    page = answer.body.decode()
    assert "Debe ser un n\u00famero entero de d\u00edas de 1 a 36500." in page
    assert 'value="mine"' in page


@pytest.mark.gen_test
async def test_a_name_that_is_too_long_is_told_at_its_field(stranger: Caller) -> None:
    reader = await registered(stranger)
    await reader.open("/claves")
    answer = await reader.send("/claves", accion="crear", name="n" * 200, expires_days="")
    assert answer.code == 422
    assert 'id="error-name">Deben ser de 1 a 80 caracteres imprimibles.<' in answer.body.decode()


@pytest.mark.gen_test
async def test_what_is_typed_for_the_days_reaches_the_service(stranger: Caller) -> None:
    reader = await registered(stranger)
    page = (await reader.open("/claves")).body.decode()
    # A browser sends nothing for a number that it cannot read, and the key would never end.
    assert re.search(r'<input type="text" id="expires_days"[^>]* inputmode="numeric"', page)


@pytest.mark.gen_test
async def test_a_revoked_key_opens_nothing(stranger: Caller) -> None:
    reader = await registered(stranger)
    key = await make(reader)
    fields = {"clave": await first_id(reader)}
    await reader.open("/claves")
    answer = await reader.send("/claves", accion="revocar", **fields)
    assert (answer.code, answer.headers["Location"]) == (303, "claves?hecho=revocada")
    assert (await Caller(stranger.client, stranger.base_url, key).assess()).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize(("action", "status"), [("rotar", 401), ("rotar-hora", 200)])
async def test_a_replaced_key_ends_now_or_in_an_hour(
    stranger: Caller, action: str, status: int
) -> None:
    reader = await registered(stranger)
    old = await make(reader, name="desk")
    fields = {"clave": await first_id(reader)}
    await reader.open("/claves")
    page = (await reader.send("/claves", accion=action, **fields)).body.decode()
    (new,) = KEY.findall(page)
    assert (await Caller(stranger.client, stranger.base_url, old).assess()).code == status
    assert (await Caller(stranger.client, stranger.base_url, new).assess()).code == 200


@pytest.mark.gen_test
async def test_nobody_else_s_key_is_there(stranger: Caller) -> None:
    ana = await registered(stranger)
    await make(ana)
    key_id = await first_id(ana)
    bea = Reader(stranger)
    await bea.open("/registro")
    fields = REGISTRATION | {"username": "bea", "email": "bea@example.org"}
    await bea.send("/registro", **fields)
    await bea.open("/claves")
    answer = await bea.send("/claves", accion="revocar", clave=key_id)
    assert answer.code == 404
    assert "No existe esa clave." in answer.body.decode()


@pytest.mark.gen_test
async def test_a_twenty_first_key_is_refused_on_the_page(stranger: Caller) -> None:
    reader = await registered(stranger)
    for _ in range(20):
        await make(reader)
    answer = await reader.send("/claves", accion="crear")
    assert answer.code == 409
    assert "20 claves activas" in answer.body.decode()
