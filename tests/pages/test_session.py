"""Sessions in a browser: what a cookie opens, and what it must not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tornado.httputil import HTTPServerRequest

from cardiorisk.store import rows_accounts
from tests.pages.browsing import NAME, PASSWORD, REGISTRATION, Reader, registered
from tests.support import EXAMPLE, Caller, change_account, document

if TYPE_CHECKING:
    from cardiorisk.config import Settings
    from tests.support import Bitacora, SettableClock

PATIENT = json.dumps(EXAMPLE).encode()
TWELVE_HOURS = 12 * 3600


@pytest.mark.gen_test
async def test_logging_in_gives_a_cookie_that_no_script_and_no_other_site_can_use(
    stranger: Caller,
) -> None:
    await stranger.send("POST", "/register", dict(REGISTRATION))
    reader = Reader(stranger)
    await reader.open("/entrar")
    answer = await reader.send("/entrar", username=NAME, password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("sesion=")
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={TWELVE_HOURS}"):
        assert attribute in cookie


@pytest.mark.gen_test
@pytest.mark.parametrize(("name", "password"), [(NAME, "wrong"), ("bea", PASSWORD)])
async def test_a_wrong_login_is_told_on_the_page_and_gives_no_cookie(
    stranger: Caller, name: str, password: str
) -> None:
    await stranger.send("POST", "/register", dict(REGISTRATION))
    reader = Reader(stranger)
    answer = await reader.log_in(name, password)
    assert answer.code == 401
    assert "El nombre o la contraseña no son correctos." in answer.body.decode()
    assert "sesion" not in reader.cookies


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("language", "said"), [("es", "Rellena este campo."), ("en", "Fill this in.")]
)
async def test_an_empty_login_is_asked_for_and_never_counted(
    stranger: Caller, language: str, said: str
) -> None:
    reader = Reader(stranger)
    await reader.open(f"/entrar?idioma={language}")
    for _ in range(31):
        answer = await reader.send("/entrar", username="", password="")
        assert answer.code == 422
    for place in ("username", "password"):
        assert f'id="error-{place}">{said}<' in answer.body.decode()


@pytest.mark.gen_test
async def test_the_name_that_was_typed_is_shown_as_text(stranger: Caller) -> None:
    answer = await Reader(stranger).log_in('"><script>alert(1)</script>', "wrong")
    assert "&quot;&gt;&lt;script&gt;" in answer.body.decode()
    assert "<script>alert" not in answer.body.decode()


@pytest.mark.gen_test
async def test_ten_wrong_passwords_close_the_page_s_door_too(
    stranger: Caller, clock: SettableClock, bitacora: Bitacora
) -> None:
    reader = Reader(stranger)
    for _ in range(10):
        assert (await reader.log_in(NAME, "wrong")).code == 401
    clock.now_seconds += 70
    answer = await reader.log_in(NAME, "wrong")
    assert (answer.code, answer.headers["Retry-After"]) == (429, "230")
    page = answer.body.decode()
    assert 'role="alert">Ha habido demasiados intentos. Vuelve a probar en 4 min.<' in page
    assert f'name="username" value="{NAME}"' in page
    refused = [line["status"] for line in bitacora.lines() if line["code"] == "too-many-attempts"]
    assert refused == [429]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "La cuenta está suspendida. Pregunta a quien lleva el servicio."),
        ("en", "The account is suspended. Ask who runs the service."),
    ],
)
async def test_a_suspended_account_is_told_so_above_the_form(
    stranger: Caller, settings: Settings, language: str, said: str
) -> None:
    await stranger.send("POST", "/register", dict(REGISTRATION))
    change_account(settings, NAME, rows_accounts.suspend)
    reader = Reader(stranger)
    await reader.open(f"/entrar?siguiente=claves&idioma={language}")
    answer = await reader.send("/entrar?siguiente=claves", username=NAME, password=PASSWORD)
    assert answer.code == 403
    page = answer.body.decode()
    assert f'role="alert">{said}<' in page
    assert 'action="entrar?siguiente=claves"' in page
    assert PASSWORD not in page
    assert "sesion" not in reader.cookies


@pytest.mark.gen_test
async def test_what_comes_after_a_login_is_read_before_it_counts(stranger: Caller) -> None:
    reader = Reader(stranger)
    await reader.open("/entrar")
    for _ in range(11):
        answer = await reader.send("/entrar?siguiente=%ff", username=NAME, password="wrong")
        assert answer.code == 400


@pytest.mark.gen_test
async def test_the_api_serves_a_page_with_its_cookie_and_token(stranger: Caller) -> None:
    reader = await registered(stranger)
    answer = await reader.call("POST", "/service", PATIENT)
    assert (answer.code, answer.headers["RateLimit"].split(";")[1]) == (200, "r=4")
    assert document(await reader.call("GET", "/account"))["username"] == NAME


@pytest.mark.gen_test
async def test_a_cookie_draws_on_the_same_window_as_a_key(stranger: Caller) -> None:
    reader = await registered(stranger)
    made = document(await reader.call("POST", "/account/keys"))
    key = Caller(stranger.client, stranger.base_url, made["key"])
    for _ in range(3):
        assert (await key.assess()).code == 200
    for status in (200, 200, 429):
        assert (await reader.call("POST", "/service", PATIENT)).code == status


@pytest.mark.gen_test
@pytest.mark.parametrize("token", ["", "00" * 32, "caf\xe9"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/service"), ("GET", "/account/keys"), ("POST", "/logout")]
)
async def test_a_cookie_without_the_page_s_token_opens_nothing(
    stranger: Caller, method: str, path: str, token: str
) -> None:
    reader = await registered(stranger)
    answer = await reader.call(method, path, None, token)
    assert (answer.code, document(answer)["code"]) == (403, "wrong-xsrf-token")
    assert "RateLimit" not in answer.headers


@pytest.mark.gen_test
async def test_the_token_of_another_session_is_refused(stranger: Caller) -> None:
    reader = await registered(stranger)
    other = Reader(stranger)
    await other.log_in()
    answer = await reader.call("GET", "/account", None, other.token)
    assert document(answer)["code"] == "wrong-xsrf-token"


@pytest.mark.gen_test
async def test_a_form_without_the_page_s_token_does_nothing(stranger: Caller) -> None:
    reader = await registered(stranger)
    reader.token = ""
    answer = await reader.send("/salir")
    assert answer.code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    await reader.open("/")
    assert (await reader.call("GET", "/account")).code == 200


@pytest.mark.gen_test
async def test_nobody_can_be_logged_in_by_another_site(stranger: Caller) -> None:
    await stranger.send("POST", "/register", dict(REGISTRATION))
    answer = await Reader(stranger).send("/entrar", username=NAME, password=PASSWORD)
    assert answer.code == 403
    assert "sesion" not in str(answer.headers.get_list("Set-Cookie"))


@pytest.mark.gen_test
async def test_the_cookie_is_no_key_and_no_refresh_token(stranger: Caller) -> None:
    reader = await registered(stranger)
    cookie = reader.cookies["sesion"]
    thief = Caller(stranger.client, stranger.base_url, f"Bearer {cookie}")
    # The memo knows the cookie by now, and must not answer for a header.
    for method, path in (("GET", "/account"), ("POST", "/refresh")):
        answer = await thief.send(method, path)
        assert (answer.code, document(answer)["code"]) == (401, "invalid-key")


@pytest.mark.gen_test
async def test_an_access_token_is_no_cookie(stranger: Caller) -> None:
    reader = await registered(stranger)
    login = {"username": NAME, "password": PASSWORD}
    token = document(await stranger.send("POST", "/login", login))["access_token"]
    reader.cookies["sesion"] = token
    assert (await reader.open("/entrar")).code == 200
    answer = await reader.call("GET", "/account")
    assert (answer.code, document(answer)["code"]) == (401, "invalid-key")


@pytest.mark.gen_test
async def test_the_header_goes_before_the_cookie(stranger: Caller, premium: Caller) -> None:
    reader = await registered(stranger)
    cookie = {"Cookie": f"sesion={reader.cookies['sesion']}"}
    answer = await premium.send("GET", "/account", None, cookie)
    assert document(answer)["username"] == "bruno"
    wrong = Caller(stranger.client, stranger.base_url, "crk_no")
    assert (await wrong.send("GET", "/account", None, cookie)).code == 401


@pytest.mark.gen_test
async def test_logging_out_ends_the_session_for_whoever_kept_its_cookie(stranger: Caller) -> None:
    reader = await registered(stranger)
    kept = dict(reader.cookies)
    answer = await reader.send("/salir")
    assert (answer.code, answer.headers["Location"]) == (303, "entrar")
    assert "sesion" not in reader.cookies
    copy = Reader(stranger, kept, reader.token)
    assert (await copy.call("GET", "/account")).code == 401


@pytest.mark.gen_test
async def test_another_password_ends_every_session(stranger: Caller) -> None:
    reader = await registered(stranger)
    body = {"username": NAME, "password": PASSWORD, "new_password": "another good sentence"}
    assert (await stranger.send("POST", "/account/password", body)).code == 204
    assert (await reader.call("GET", "/account")).code == 401


@pytest.mark.gen_test
async def test_a_session_s_requests_are_in_the_log_without_its_cookie(
    stranger: Caller, bitacora: Bitacora
) -> None:
    reader = await registered(stranger)
    await reader.call("POST", "/service", PATIENT)
    assert bitacora.last()["key_id"].startswith("jwt_")
    log = bitacora.path.read_text()
    assert reader.cookies["sesion"] not in log
    assert reader.token not in log
    assert PASSWORD not in log


@pytest.mark.gen_test
async def test_who_has_logged_in_is_sent_on_and_only_to_a_page_of_ours(stranger: Caller) -> None:
    reader = await registered(stranger)
    for given, expected in [("panel", "panel"), ("//evil.example", "cuenta"), ("", "cuenta")]:
        answer = await reader.open(f"/entrar?siguiente={given}")
        assert (answer.code, answer.headers["Location"]) == (303, expected)


@pytest.mark.gen_test
async def test_a_cookie_that_is_none_of_ours_is_no_login(stranger: Caller) -> None:
    reader = Reader(stranger, {"sesion": "no"})
    assert (await reader.open("/")).code == 200
    assert (await reader.open("/entrar")).code == 200


@pytest.mark.gen_test
async def test_an_operator_s_session_is_an_operator_s(stranger: Caller, settings: Settings) -> None:
    reader = await registered(stranger)
    answer = await reader.call("POST", "/model/reload")
    assert (answer.code, document(answer)["code"]) == (403, "operator-only")
    change_account(settings, NAME, rows_accounts.set_operator, is_operator=True)
    assert (await reader.call("POST", "/model/reload")).code == 403  # the memo has not looked yet
    again = Reader(stranger)
    await again.log_in()
    assert (await again.call("POST", "/model/reload")).code == 200


@pytest.mark.gen_test
async def test_a_request_with_a_key_is_let_in_without_a_look_at_its_cookies(
    freemium: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_: HTTPServerRequest) -> None:
        raise AssertionError("the cookies were looked at")

    monkeypatch.setattr(HTTPServerRequest, "cookies", property(look))
    answer = await freemium.send("POST", "/service", PATIENT, {"Cookie": "sesion=x; a=b"})
    assert answer.code == 200
