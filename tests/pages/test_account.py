"""The pages of an account, as a browser without scripts uses them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from cardiorisk.config import Settings
from cardiorisk.store import rows_accounts
from tests.pages.browsing import NAME, PASSWORD, REGISTRATION, Reader, faults, text
from tests.support import Caller, SettableClock, change_account, changing, document

NEW_PASSWORD = "another good sentence"
NO_NAME = "Deben ser de 1 a 80 caracteres imprimibles."
NO_ADDRESS = "Debe ser una dirección de correo."
NO_PASSWORD = "Debe tener de 8 a 128 caracteres y no ser el nombre."
NO_PLAN = "Elige uno de los planes."
WRONG = "La contraseña no es correcta."
LONG = {"username": "n" * 200, "password": "p" * 200, "email": f"{'e' * 260}@example.org"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"username": "<b>", "password": "shorted", "email": "nobody"},
            {"email": NO_ADDRESS, "password": NO_PASSWORD},
        ),
        (
            {"username": "", "password": "", "email": ""},
            {"username": NO_NAME, "email": NO_ADDRESS, "password": NO_PASSWORD},
        ),
        (LONG, {"username": NO_NAME, "email": NO_ADDRESS, "password": NO_PASSWORD}),
        (REGISTRATION | {"email": "b@example.org"}, {"username": "Pertenece a otra cuenta."}),
    ],
)
async def test_every_fault_of_a_registration_stands_at_its_field(
    ana: Reader, fields: dict[str, str], said: dict[str, str]
) -> None:
    page = await ana.read("/registro")
    assert "maxlength" not in page  # a text that is too long is refused and not cut
    answer = await ana.send("/registro", **fields)
    assert (answer.code, faults(answer)) == (422, said)
    name = fields["username"].replace("<b>", "&lt;b&gt;")
    assert f'value="{name}"' in text(answer) or not name
    assert not fields["password"] or fields["password"] not in text(answer)


@pytest.mark.parametrize(
    ("action", "places"),
    [("plan", ["plan-password"]), ("clave", ["clave-password", "clave-new_password"])],
)
async def test_an_empty_password_is_asked_for_and_never_counted(
    ana: Reader, action: str, places: list[str]
) -> None:
    await ana.open("/cuenta")
    for _ in range(11):
        answer = await ana.send("/cuenta", accion=action, plan="premium")
        assert answer.code == 422
    assert faults(answer) == dict.fromkeys(places, "Rellena este campo.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"accion": "plan", "plan": "premium", "password": "wrong"}, {"plan-password": WRONG}),
        ({"accion": "plan", "plan": "bench", "password": PASSWORD}, {"plan-plan": NO_PLAN}),
        ({"accion": "plan", "password": PASSWORD}, {"plan-plan": NO_PLAN}),
        (
            {"accion": "clave", "password": "wrong", "new_password": NEW_PASSWORD},
            {"clave-password": WRONG},
        ),
        (
            {"accion": "clave", "password": PASSWORD, "new_password": "x"},
            {"clave-new_password": NO_PASSWORD},
        ),
    ],
)
async def test_what_is_wrong_stands_in_the_form_that_was_sent_and_changes_nothing(
    ana: Reader, fields: dict[str, str], said: dict[str, str]
) -> None:
    page = await ana.read("/cuenta")
    assert re.findall(r'value="(\w+)" checked', page) == ["freemium"]
    answer = await ana.send("/cuenta", **fields)
    assert (answer.code, faults(answer)) == (422, said)
    chosen = "premium" if fields.get("plan") == "premium" else "freemium"
    assert re.findall(r'value="(\w+)" checked', text(answer)) == [chosen]
    assert document(await ana.call("GET", "/account"))["plan"] == "freemium"


async def test_the_plan_that_one_is_on_is_not_said_to_have_changed(ana: Reader) -> None:
    await ana.open("/cuenta")
    for plan, word, said in (
        ("freemium", "mismo", "La cuenta ya tiene este plan; no ha cambiado nada."),
        ("premium", "plan", "El plan se ha cambiado."),
    ):
        answer = await ana.send("/cuenta", accion="plan", plan=plan, password=PASSWORD)
        assert (answer.code, answer.headers["Location"]) == (303, f"cuenta?hecho={word}")
        assert f'role="status">{said}<' in await ana.read(f"/cuenta?hecho={word}")
    assert 'role="status"' not in await ana.read("/cuenta?hecho=otra")


async def test_another_password_ends_all_sessions_but_this_one(
    ana: Reader, stranger: Caller
) -> None:
    other = Reader(stranger)
    await other.log_in()
    await ana.open("/cuenta")
    fields = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = await ana.send("/cuenta", accion="clave", **fields)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta?hecho=clave")
    assert (await ana.open("/cuenta")).code == 200
    assert (await other.open("/cuenta")).code == 303
    assert (await other.log_in(NAME, PASSWORD)).code == 401


async def test_the_use_of_the_minute_and_of_the_days_is_shown(
    ana: Reader, clock: SettableClock
) -> None:
    for _ in range(2):
        await ana.call("GET", "/predictions")
    page = await ana.read("/cuenta")
    assert "2 de 5 llamadas" in page
    assert page.count('<th scope="row">') == 30
    assert '<th scope="row">2025-11-24</th><td>2</td>' in page
    clock.now_seconds += 60
    assert "0 de 5 llamadas" in await ana.read("/cuenta")


async def test_an_account_is_deleted_with_its_password_and_its_reader_logged_out(
    ana: Reader, settings: Settings
) -> None:
    assert "Las líneas de la bitácora se quedan" in await ana.read("/cuenta")
    answer = await ana.send("/cuenta", accion="borrar", password="wrong")
    assert (answer.code, faults(answer)) == (422, {"borrar-password": WRONG})
    change_account(settings, NAME, rows_accounts.set_operator, is_operator=True)
    answer = await ana.send("/cuenta", accion="borrar", password=PASSWORD)
    said = "Es la del último operador. Nombra antes a otro."
    assert (answer.code, faults(answer)) == (409, {"borrar-password": said})
    with changing(settings) as rows:
        other = rows_accounts.find_or_create(rows, "olga", None, datetime.now(UTC))
        rows_accounts.set_operator(rows, other, datetime.now(UTC), is_operator=True)
    answer = await ana.send("/cuenta", accion="borrar", password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, "entrar?hecho=borrada")
    assert "La cuenta se ha borrado" in await ana.read("/entrar?hecho=borrada")
    assert (await ana.log_in()).code == 401
