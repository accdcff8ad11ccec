"""The page to register where registration is closed, and the panel that makes accounts for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cardiorisk.config import Settings, load_settings
from cardiorisk.store import rows_accounts
from tests.pages.browsing import REGISTRATION, Reader, faults, text
from tests.support import change_account, create_key, document


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {
            "engine": "litert",
            "database_url": f"sqlite:///{tmp_path / 'keys.db'}",
            "log_dir": tmp_path / "logs",
            "registration": "closed",
        }
    )


async def test_a_closed_registration_says_whom_to_ask_and_takes_a_key(
    reader: Reader, settings: Settings
) -> None:
    page = await reader.open("/registro")
    assert (page.code, "El registro está cerrado. Pide una clave" in text(page)) == (403, True)
    assert (await reader.send("/registro", **REGISTRATION)).code == 403
    key = create_key(settings, "bruno", "premium")
    wrong = await reader.send("/registro", key=f"{key}x", **REGISTRATION)
    assert faults(wrong) == {"key": "Ninguna cuenta espera esta clave."}
    assert key not in text(wrong)
    answer = await reader.send("/registro", key=key, **REGISTRATION)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta")
    assert "ana@example.org" in await reader.read("/cuenta")
    again = await reader.send("/registro", key=key, **REGISTRATION | {"username": "eva"})
    said = "La cuenta de esta clave ya tiene contraseña: entra con ella."
    assert faults(again) == {"key": said}


async def test_an_operator_makes_an_account_and_is_shown_its_key_once(
    reader: Reader, settings: Settings
) -> None:
    await reader.open("/registro")
    key = create_key(settings, "jefa", "freemium")
    await reader.send("/registro", key=key, **REGISTRATION)
    change_account(settings, "ana", rows_accounts.set_operator, is_operator=True)
    await reader.open("/cuenta")
    fields = {"hacer": "crear", "username": "sala 2", "plan": "premium"}
    made = text(await reader.send("/panel/cuentas", **fields))
    (shown,) = re.findall(r'id="new-key">(crk_\w+)<', made)
    assert shown not in await reader.read("/panel/cuentas?buscar=sala")
    reader.caller.key = shown
    assert document(await reader.caller.send("GET", "/account"))["username"] == "sala 2"
    for name, said in (("SALA 2", "Pertenece a otra cuenta."), ("", "Deben ser de 1 a 80")):
        answer = await reader.send("/panel/cuentas", **fields | {"username": name})
        assert (answer.code, said in faults(answer)["username"]) == (422, True)
