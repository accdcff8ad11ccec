"""A form that is sent twice is done once, and a form that cannot be taken says why."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from tornado.httpclient import HTTPResponse

from cardiorisk.errors import WrongXsrfToken
from cardiorisk.pages.deeds import Deeds, Outcome, digest
from tests.pages.browsing import NAME, PASSWORD, REGISTRATION, Reader, text
from tests.support import EXAMPLE, Bitacora, Caller, document

NEW_PASSWORD = "another battery horse"
KEY = re.compile(r'id="new-key">([^<]+)<')
AT_ONCE = pytest.mark.parametrize("at_once", [False, True], ids=["later", "at once"])


async def press_twice(
    reader: Reader, path: str, *, at_once: bool, **fields: str
) -> tuple[HTTPResponse, HTTPResponse]:
    """Send a form, and send it again from a browser that has not heard of the first answer."""
    await reader.open(path)
    impatient = replace(reader, cookies=dict(reader.cookies))
    first = reader.send(path, **fields)
    if at_once:
        running = asyncio.ensure_future(first)
        await asyncio.sleep(0)  # the form's key is made
        impatient.key = reader.key
        return await asyncio.gather(running, impatient.send_again(path, **fields))
    answer = await first
    impatient.key = reader.key
    return answer, await impatient.send_again(path, **fields)


async def keys(reader: Reader) -> list[str]:
    items = document(await reader.call("GET", "/account/keys"))["items"]
    return [key["key_id"] for key in items if key["revoked_at"] is None]


@AT_ONCE
async def test_an_account_is_made_once_and_both_presses_log_in(
    reader: Reader, *, at_once: bool
) -> None:
    answers = await press_twice(reader, "/registro", at_once=at_once, **REGISTRATION)
    assert [(a.code, a.headers["Location"]) for a in answers] == [(303, "cuenta")] * 2
    first, second = (
        [c for c in a.headers.get_list("Set-Cookie") if "sesion=" in c] for a in answers
    )
    assert first == second
    later = await reader.send_again("/registro", **REGISTRATION)  # with the session by now
    assert (later.code, later.headers["Location"]) == (303, "cuenta")


@AT_ONCE
@pytest.mark.parametrize("action", ["crear", "rotar", "rotar-hora"])
async def test_a_new_key_is_one_and_both_presses_show_it(
    ana: Reader, action: str, bitacora: Bitacora, *, at_once: bool
) -> None:
    made = document(await ana.call("POST", "/account/keys", b"{}"))
    fields = {"accion": action, "clave": made["key_id"]}
    answers = await press_twice(ana, "/claves", at_once=at_once, **fields)
    assert [answer.code for answer in answers] == [200, 200]
    (new,) = {key for answer in answers for key in KEY.findall(text(answer))}
    assert (await Caller(ana.caller.client, ana.caller.base_url, new).assess()).code == 200
    assert len(await keys(ana)) == (1 if action == "rotar" else 2)
    assert new not in bitacora.path.read_text()


@pytest.mark.parametrize(
    ("path", "fields", "place"),
    [
        (
            "/cuenta",
            {"accion": "plan", "plan": "premium", "password": PASSWORD},
            "cuenta?hecho=plan",
        ),
        (
            "/cuenta",
            {"accion": "clave", "password": PASSWORD, "new_password": NEW_PASSWORD},
            "cuenta?hecho=clave",
        ),
        ("/cuenta", {"accion": "borrar", "password": PASSWORD}, "entrar?hecho=borrada"),
        (
            "/panel/cuentas",
            {"hacer": "borrar", "cuenta": "2", "nombre": "bruno"},
            "../panel/cuentas?hecho=borrar",
        ),
        (
            "/panel/cuentas",
            {"hacer": "plan", "plan": "premium", "cuenta": "2"},
            "../panel/cuentas?cuenta=2&hecho=plan",
        ),
        ("/salir", {}, "entrar"),
    ],
)
@AT_ONCE
async def test_both_presses_lead_to_where_the_first_one_does(
    ana: Reader,
    boss: Reader,
    operator: Caller,
    path: str,
    fields: dict[str, str],
    place: str,
    *,
    at_once: bool,
) -> None:
    assert operator.key
    answers = await press_twice(boss, path, at_once=at_once, **fields)
    assert [(a.code, a.headers["Location"]) for a in answers] == [(303, place)] * 2
    if fields.get("accion") == "clave":
        assert (await ana.open("/cuenta")).code == 200


@AT_ONCE
async def test_a_patient_in_a_bare_form_costs_one_call(ana: Reader, *, at_once: bool) -> None:
    fields = {name: str(value) for name, value in EXAMPLE.items()}
    first, second = await press_twice(ana, "/", at_once=at_once, **fields)
    assert 'class="verdict"' in text(first)
    assert 'class="verdict"' in text(second)
    assert "1 de 5 llamadas" in await ana.read("/cuenta")


async def test_the_form_of_a_new_account_shows_its_key_again(boss: Reader) -> None:
    fields = {"hacer": "crear", "username": "carla", "plan": "premium"}
    answers = await press_twice(boss, "/panel/cuentas", at_once=False, **fields)
    assert len({key for answer in answers for key in KEY.findall(text(answer))}) == 1


async def test_other_values_in_a_form_that_was_sent_are_not_done_and_are_kept(ana: Reader) -> None:
    await ana.open("/claves")
    made = text(await ana.send("/claves", accion="crear", name="A"))
    again = text(await ana.send_again("/claves", accion="crear", name="B"))
    assert KEY.findall(again) == KEY.findall(made)
    assert "ya se había enviado" in again
    assert 'value="B"' in again
    assert len(await keys(ana)) == 1
    (key_id,) = await keys(ana)
    await ana.send("/claves", accion="revocar", clave=key_id)
    answer = await ana.send_again("/claves", accion="crear", name="C")
    assert (answer.code, "ya se había enviado" in text(answer)) == (403, True)
    assert '<a href="claves">Volver a la página</a>' in text(answer)
    assert 'name="name" value="C"' in await ana.read("/claves")
    assert 'value="C"' not in await ana.read("/claves")


async def test_a_refused_form_may_be_sent_again(ana: Reader) -> None:
    await ana.open("/cuenta")
    fields = {"accion": "plan", "plan": "premium"}
    assert (await ana.send("/cuenta", password="wrong", **fields)).code == 422
    answer = await ana.send_again("/cuenta", password=PASSWORD, **fields)
    assert answer.headers["Location"] == "cuenta?hecho=plan"


async def test_after_the_logout_no_key_is_shown_again(ana: Reader) -> None:
    await ana.open("/claves")
    await ana.send("/claves", accion="crear")
    sent, session = ana.key, ana.cookies["sesion"]
    await ana.send("/salir")
    for cookie in ({}, {"sesion": session}):
        ana.key = sent
        ana.cookies |= cookie
        answer = await ana.send_again("/claves", accion="crear")
        assert answer.code == 303
        assert answer.headers["Location"].startswith("entrar?siguiente=claves")


async def test_a_form_of_an_ended_session_leads_back_and_keeps_what_was_typed(
    ana: Reader,
) -> None:
    await ana.open("/claves")
    await ana.call("POST", "/logout", b"")
    answer = await ana.send("/claves", accion="crear", name="Recepción")
    assert answer.headers["Location"] == "entrar?siguiente=claves&hecho=escrito"
    assert "Tu sesión había terminado" in await ana.read("/entrar?siguiente=claves&hecho=escrito")
    await ana.send("/entrar?siguiente=claves", username=NAME, password=PASSWORD)
    assert 'value="Recepción"' in await ana.read("/claves")
    assert await keys(ana) == []


async def test_a_patient_of_an_ended_session_is_there_after_the_login(ana: Reader) -> None:
    await ana.open("/")
    await ana.call("POST", "/logout", b"")
    answer = await ana.send("/", **dict.fromkeys(EXAMPLE, "1,5"))
    assert answer.headers["Location"] == "entrar?siguiente=./&hecho=escrito"
    answer = await ana.send("/entrar?siguiente=./", username=NAME, password=PASSWORD)
    assert answer.headers["Location"] == "./"
    assert 'value="1.5"' in await ana.read("/")


async def test_a_form_of_another_login_says_whose_the_browser_is_now(
    ana: Reader, stranger: Caller
) -> None:
    other = Reader(stranger)
    await other.register("bea&co")
    await ana.open("/cuenta")
    ana.cookies["sesion"] = other.cookies["sesion"]
    answer = await ana.send("/claves", accion="crear", name="Mía")
    assert (answer.code, "ahora es la de bea&amp;co" in text(answer)) == (403, True)
    assert 'value="Mía"' in await ana.read("/claves")
    assert await keys(other) == []


async def test_a_form_of_an_earlier_session_of_the_same_account_is_an_old_one(ana: Reader) -> None:
    await ana.open("/claves")
    token = ana.token
    await ana.log_in()
    ana.token = token
    answer = await ana.send("/claves", accion="crear")
    assert (answer.code, "una sesión anterior" in text(answer)) == (403, True)


async def test_passwords_and_keys_are_never_kept(ana: Reader) -> None:
    await ana.open("/registro")
    fields = {
        "username": "u",
        "password": "secret-1",
        "key": "secret-2",
        "new_password": "secret-3",
    }
    ana.token = "0" * 64
    assert (await ana.send("/registro", **fields)).code == 403
    page = await ana.read("/registro")
    assert ('value="u"' in page, "secret-" in page) == (True, False)


def outcome(form: dict[str, str]) -> Outcome:
    return Outcome(digest(form), "cuenta", "", {}, ())


async def test_what_came_of_a_form_is_forgotten_in_time_and_the_form_is_not() -> None:
    deeds = Deeds(shown_seconds=0.01)
    deeds.begin("k")
    deeds.end("k", outcome({}))
    assert await deeds.outcome("k")
    await asyncio.sleep(0.1)
    with pytest.raises(WrongXsrfToken):
        await deeds.outcome("k")
    assert await deeds.outcome("other") is None


async def test_the_number_of_known_forms_is_bounded_and_nobody_waits_for_ever() -> None:
    deeds = Deeds(most=2)
    for key in ("1", "2", "3"):
        deeds.begin(key)
    waiting = asyncio.ensure_future(deeds.outcome("1"))
    await asyncio.sleep(0)
    for key in ("2", "3", "1"):
        deeds.end(key, outcome({"key": key}))
    known = await waiting
    assert known is not None
    assert known.form == digest({"key": "1"})
    assert [await deeds.outcome(key) is None for key in ("1", "2", "3")] == [False, True, False]


async def test_whoever_waited_for_a_form_that_was_refused_may_do_it() -> None:
    deeds = Deeds()
    deeds.begin("k")
    waiting = asyncio.ensure_future(deeds.outcome("k"))
    await asyncio.sleep(0)
    deeds.end("k", None)
    assert await waiting is None


async def test_what_was_typed_is_kept_once_for_one_browser_and_one_page() -> None:
    deeds = Deeds()
    assert deeds.keep_typed("visit", "/claves", {"name": "A"})
    assert not deeds.keep_typed("", "/claves", {"name": "A"})
    assert not deeds.keep_typed("visit", "/", {"name": "A" * 3_000})
    assert deeds.take_typed("visit", "/cuenta") == {}
    assert deeds.take_typed("other", "/claves") == {}
    assert deeds.take_typed("visit", "/claves") == {"name": "A"}
    assert deeds.take_typed("visit", "/claves") == {}
