"""The pages of an account, as a browser without scripts uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.pages.browsing import NAME, PASSWORD, REGISTRATION, Reader, registered
from tests.support import document

if TYPE_CHECKING:
    from tornado.httpclient import HTTPResponse

    from tests.support import Caller, SettableClock

NEW_PASSWORD = "another good sentence"


def faults(response: HTTPResponse) -> dict[str, str]:
    """Read what is said at each field, by its id."""
    found = re.findall(r'id="error-([a-z_-]+)">([^<]+)<', response.body.decode())
    return dict(found)


@pytest.mark.gen_test
async def test_a_registration_makes_an_account_and_a_session(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.open("/registro")
    answer = await reader.send("/registro", **REGISTRATION)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta")
    page = (await reader.open("/cuenta")).body.decode()
    assert "<h1>ana</h1>" in page
    assert "ana@example.org" in page


@pytest.mark.gen_test
async def test_every_fault_of_a_registration_stands_at_its_field(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.open("/registro")
    answer = await reader.send("/registro", username="<b>", password="short", email="nobody")
    assert answer.code == 422
    assert faults(answer) == {
        "email": "Debe ser una direcci\u00f3n de correo.",
        "password": "Debe tener de 8 a 128 caracteres y no ser el nombre.",
    }
    page = answer.body.decode()
    assert 'value="&lt;b&gt;"' in page
    assert "short" not in page


@pytest.mark.gen_test
async def test_an_empty_registration_is_told_at_every_field(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.open("/registro")
    answer = await reader.send("/registro", username="", password="", email="")
    assert answer.code == 422
    assert set(faults(answer)) == {"username", "password", "email"}


@pytest.mark.gen_test
async def test_a_text_that_is_too_long_is_refused_and_not_cut(stranger: Caller) -> None:
    reader = Reader(stranger)
    page = (await reader.open("/registro")).body.decode()
    assert "maxlength" not in page
    long = {"username": "n" * 200, "password": "p" * 200, "email": f"{'e' * 260}@example.org"}
    answer = await reader.send("/registro", **long)
    assert faults(answer) == {
        "username": "Deben ser de 1 a 80 caracteres imprimibles.",
        "email": "Debe ser una direcci\u00f3n de correo.",
        "password": "Debe tener de 8 a 128 caracteres y no ser el nombre.",
    }
    assert f'value="{"n" * 200}"' in answer.body.decode()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("action", "places"),
    [("plan", ["plan-password"]), ("clave", ["clave-password", "clave-new_password"])],
)
async def test_an_empty_password_is_asked_for_and_never_counted(
    stranger: Caller, action: str, places: list[str]
) -> None:
    reader = await registered(stranger)
    await reader.open("/cuenta")
    for _ in range(11):
        answer = await reader.send("/cuenta", accion=action, plan="premium")
        assert answer.code == 422
    assert faults(answer) == dict.fromkeys(places, "Rellena este campo.")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("path", "forms"), [("/entrar", 1), ("/registro", 1), ("/cuenta", 2), ("/claves", 1)]
)
async def test_the_service_s_own_words_stand_at_the_fields(
    stranger: Caller, path: str, forms: int
) -> None:
    reader = Reader(stranger) if path in {"/entrar", "/registro"} else await registered(stranger)
    page = (await reader.open(path)).body.decode()
    assert len(re.findall(r"<form [^>]*\bnovalidate\b", page)) == forms


@pytest.mark.gen_test
async def test_a_name_that_is_taken_is_told_at_the_name(stranger: Caller) -> None:
    await registered(stranger)
    reader = Reader(stranger)
    await reader.open("/registro")
    answer = await reader.send("/registro", **(REGISTRATION | {"email": "other@example.org"}))
    assert faults(answer) == {"username": "Pertenece a otra cuenta."}


@pytest.mark.gen_test
@pytest.mark.parametrize("page", ["cuenta", "claves", "evaluaciones"])
async def test_who_has_not_logged_in_is_sent_to_and_back(stranger: Caller, page: str) -> None:
    await stranger.send("POST", "/register", dict(REGISTRATION))
    reader = Reader(stranger)
    answer = await reader.open(f"/{page}")
    assert (answer.code, answer.headers["Location"]) == (303, f"entrar?siguiente={page}")
    await reader.open(f"/entrar?siguiente={page}")
    login = {"username": NAME, "password": PASSWORD}
    answer = await reader.send(f"/entrar?siguiente={page}", **login)
    assert answer.headers["Location"] == page


@pytest.mark.gen_test
async def test_the_plan_is_changed_with_the_password(stranger: Caller) -> None:
    reader = await registered(stranger)
    await reader.open("/cuenta")
    answer = await reader.send("/cuenta", accion="plan", plan="premium", password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta?hecho=plan")
    assert "El plan se ha cambiado." in (await reader.open("/cuenta?hecho=plan")).body.decode()
    assert document(await reader.call("GET", "/account"))["plan"] == "premium"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"accion": "plan", "plan": "premium", "password": "wrong"}, "plan-password"),
        (
            {"accion": "clave", "password": "wrong", "new_password": NEW_PASSWORD},
            "clave-password",
        ),
        ({"accion": "clave", "password": PASSWORD, "new_password": "x"}, "clave-new_password"),
    ],
)
async def test_what_is_wrong_stands_in_the_form_that_was_sent(
    stranger: Caller, fields: dict[str, str], place: str
) -> None:
    reader = await registered(stranger)
    await reader.open("/cuenta")
    answer = await reader.send("/cuenta", **fields)
    assert answer.code == 422
    assert list(faults(answer)) == [place]
    assert document(await reader.call("GET", "/account"))["plan"] == "freemium"


@pytest.mark.gen_test
@pytest.mark.parametrize("chosen", [{"plan": "bench"}, {}])
async def test_a_plan_that_is_not_sold_changes_nothing_and_is_told(
    stranger: Caller, chosen: dict[str, str]
) -> None:
    reader = await registered(stranger)
    await reader.open("/cuenta")
    answer = await reader.send("/cuenta", accion="plan", password=PASSWORD, **chosen)
    assert answer.code == 422
    assert faults(answer) == {"plan-plan": "Elige uno de los planes."}
    assert document(await reader.call("GET", "/account"))["plan"] == "freemium"


@pytest.mark.gen_test
async def test_a_plan_stays_chosen_where_the_password_is_wrong(stranger: Caller) -> None:
    reader = await registered(stranger)
    page = (await reader.open("/cuenta")).body.decode()
    assert re.findall(r'value="(\w+)" checked', page) == ["freemium"]
    answer = await reader.send("/cuenta", accion="plan", plan="premium", password="wrong")
    assert re.findall(r'value="(\w+)" checked', answer.body.decode()) == ["premium"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "La cuenta ya tiene este plan; no ha cambiado nada."),
        ("en", "The account is on this plan already; nothing has changed."),
    ],
)
async def test_the_plan_that_one_is_on_is_not_said_to_have_changed(
    stranger: Caller, language: str, said: str
) -> None:
    reader = await registered(stranger)
    await reader.open(f"/cuenta?idioma={language}")
    answer = await reader.send("/cuenta", accion="plan", plan="freemium", password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta?hecho=mismo")
    assert f'role="status">{said}<' in (await reader.open("/cuenta?hecho=mismo")).body.decode()


@pytest.mark.gen_test
async def test_another_password_ends_all_sessions_but_this_one(stranger: Caller) -> None:
    reader = await registered(stranger)
    other = Reader(stranger)
    await other.log_in()
    await reader.open("/cuenta")
    fields = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = await reader.send("/cuenta", accion="clave", **fields)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta?hecho=clave")
    assert (await reader.open("/cuenta")).code == 200
    assert (await other.open("/cuenta")).code == 303
    assert (await other.log_in(NAME, PASSWORD)).code == 401


@pytest.mark.gen_test
async def test_the_use_of_the_minute_and_of_the_days_is_shown(
    stranger: Caller, clock: SettableClock
) -> None:
    reader = await registered(stranger)
    for _ in range(2):
        await reader.call("GET", "/predictions")
    page = (await reader.open("/cuenta")).body.decode()
    assert "2 de 5 llamadas" in page
    assert page.count('<th scope="row">') == 30
    assert re.search(r'<th scope="row">2025-11-24</th><td>2</td>', page)
    clock.now_seconds += 60
    assert "0 de 5 llamadas" in (await reader.open("/cuenta")).body.decode()
