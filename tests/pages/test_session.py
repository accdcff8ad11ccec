"""Sessions in a browser: what a cookie opens, and what it must not."""

from __future__ import annotations

import json

import pytest

from cardiorisk.pages.base import local_page
from cardiorisk.routes import CardioriskApplication
from cardiorisk.web.credentials import MOST_COOKIES
from tests.pages.browsing import NAME, PASSWORD, Reader, text
from tests.support import EXAMPLE, Bitacora, Caller, SettableClock, document

PATIENT = json.dumps(EXAMPLE).encode()
TWELVE_HOURS, ONE_YEAR = 12 * 3600, 365 * 24 * 3600


async def test_logging_in_gives_a_cookie_that_no_script_and_no_other_site_can_use(
    ana: Reader, stranger: Caller
) -> None:
    reader = Reader(stranger)
    await reader.open("/entrar")
    answer = await reader.send("/entrar", username=NAME, password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, "cuenta")
    lasts = {"sesion": TWELVE_HOURS, "dispositivo": ONE_YEAR}
    for line in answer.headers.get_list("Set-Cookie"):
        cookie, *attributes = line.split("; ")
        name, _, value = cookie.partition("=")
        assert value != ana.cookies[name]
        expected = {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={lasts.pop(name)}"}
        assert expected <= set(attributes)
    assert not lasts


@pytest.mark.parametrize(
    ("name", "password"), [(NAME, "wrong"), ("bea", PASSWORD), ("<script>", PASSWORD)]
)
async def test_a_wrong_login_is_told_on_the_page_and_gives_no_cookie(
    ana: Reader, reader: Reader, name: str, password: str
) -> None:
    answer = await reader.log_in(name, password)
    assert answer.code == 401
    assert "El nombre o la contraseña no son correctos." in text(answer)
    assert f'value="{name}"'.replace("<script>", "&lt;script&gt;") in text(answer)
    assert password not in text(answer)
    assert set(reader.cookies) == {"visita"}
    assert (await ana.open("/cuenta")).code == 200


async def test_an_empty_login_is_asked_for_and_never_counted(reader: Reader) -> None:
    await reader.open("/entrar")
    for _ in range(31):
        answer = await reader.send("/entrar", username="", password="")
        assert answer.code == 422
    assert text(answer).count("Rellena este campo.") == 2


async def test_ten_wrong_passwords_close_the_page_s_door_too(
    reader: Reader, clock: SettableClock
) -> None:
    await reader.open("/entrar")
    for _ in range(10):
        assert (await reader.send("/entrar", username=NAME, password="wrong")).code == 401
    clock.now_seconds += 70
    answer = await reader.send("/entrar", username=NAME, password="wrong")
    assert (answer.code, answer.headers["Retry-After"]) == (429, "230")
    said = "Ha habido demasiados intentos. Vuelve a probar en 4 min."
    assert f'role="alert">{said}<' in text(answer)
    assert f'name="username" value="{NAME}"' in text(answer)


async def test_a_suspended_account_is_told_so_above_the_form(ana: Reader, operator: Caller) -> None:
    assert (await operator.send("POST", "/operator/accounts/1/suspend")).code == 200
    assert (await ana.call("GET", "/account")).code == 403
    assert "Entrar" in text(await ana.open("/"))
    await ana.open("/entrar?siguiente=claves&idioma=en")
    answer = await ana.send("/entrar?siguiente=claves", username=NAME, password=PASSWORD)
    assert answer.code == 403
    said = "The account is suspended. Ask who runs the service."
    assert f'role="alert">{said}<' in text(answer)
    assert 'action="entrar?siguiente=claves"' in text(answer)
    assert PASSWORD not in text(answer)
    assert "Set-Cookie" not in answer.headers


async def test_what_comes_after_a_login_is_read_before_it_counts(reader: Reader) -> None:
    await reader.open("/entrar")
    for _ in range(11):
        answer = await reader.send("/entrar?siguiente=%ff", username=NAME, password="wrong")
        assert answer.code == 400


async def test_a_session_draws_on_the_same_window_as_a_key(ana: Reader) -> None:
    made = document(await ana.call("POST", "/account/keys"))
    key = Caller(ana.caller.client, ana.caller.base_url, made["key"])
    for _ in range(3):
        assert (await key.assess()).code == 200
    for status in (200, 200, 429):
        assert (await ana.call("POST", "/service", PATIENT)).code == status


@pytest.mark.parametrize(
    ("says", "is_taken"),
    [
        ({}, True),
        ({"Origin": "{origin}"}, True),
        ({"Origin": "https://{host}", "Host": "{host}"}, True),  # behind a proxy with TLS
        ({"Origin": "https://clinica.example", "Host": "CLINICA.example:443"}, True),
        ({"Origin": "http://clinica.example:8080", "Host": "clinica.example"}, True),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://[", "Host": "["}, False),
        ({"Origin": "http://clinica.example:8081", "Host": "clinica.example:8080"}, False),
        ({"Origin": "https://clinica.example.org", "Host": "clinica.example"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://clinica.example"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{origin}"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
async def test_where_a_browser_says_it_comes_from_counts_beside_the_token(
    ana: Reader, says: dict[str, str], *, is_taken: bool
) -> None:
    origin = ana.caller.base_url
    host = origin.removeprefix("http://")
    ana.says = {name: text.format(origin=origin, host=host) for name, text in says.items()}
    called = await ana.call("GET", "/account")
    sent = await ana.send("/salir")
    assert (called.code, sent.code) == ((200, 303) if is_taken else (403, 403))


async def test_a_browser_may_have_so_many_cookies(ana: Reader) -> None:
    ana.cookies |= {f"other{number}": "x" for number in range(MOST_COOKIES - len(ana.cookies))}
    assert (await ana.call("GET", "/account")).code == 200
    ana.cookies["one-more"] = "x"
    assert (await ana.call("GET", "/account")).code == 401


async def test_a_cookie_without_the_page_s_token_opens_nothing(ana: Reader, reader: Reader) -> None:
    await reader.log_in()
    for token in ("", "00" * 32, "caf\xe9", reader.token):
        for method, path in (("POST", "/service"), ("GET", "/account/keys"), ("POST", "/logout")):
            answer = await ana.call(method, path, None, token)
            assert (answer.code, document(answer)["code"]) == (403, "wrong-xsrf-token")
            assert "RateLimit" not in answer.headers
    assert (await ana.call("GET", "/account")).code == 200


async def test_nobody_can_be_logged_in_by_another_site(ana: Reader, stranger: Caller) -> None:
    other = Reader(stranger, token=ana.token)
    answer = await other.send("/entrar", username=NAME, password=PASSWORD)
    assert answer.code == 403
    assert "sesion" not in other.cookies


async def test_nobody_can_be_logged_out_by_another_site(stranger: Caller) -> None:
    elsewhere = Reader(stranger, says={"Sec-Fetch-Site": "cross-site"})  # cookies stay at home
    answer = await elsewhere.send("/salir")
    assert (answer.code, answer.headers.get_list("Set-Cookie")) == (303, [])
    ended = Reader(stranger, {"sesion": "ended"})
    assert (await ended.send("/salir")).code == 303
    assert "sesion" not in ended.cookies


async def test_the_cookie_is_no_key_and_no_refresh_token(ana: Reader) -> None:
    thief = Caller(ana.caller.client, ana.caller.base_url, f"Bearer {ana.cookies['sesion']}")
    # The memo knows the cookie by now, and must not answer for a header.
    for method, path in (("GET", "/account"), ("POST", "/refresh")):
        answer = await thief.send(method, path)
        assert (answer.code, document(answer)["code"]) == (401, "invalid-key")


async def test_an_access_token_is_no_cookie(ana: Reader, app: CardioriskApplication) -> None:
    login = {"username": NAME, "password": PASSWORD}
    ana.cookies["sesion"] = document(await ana.caller.send("POST", "/login", login))["access_token"]
    assert (await ana.open("/entrar")).code == 200  # which is shown to who has not logged in
    token = app.services.store.tokens.xsrf_token(ana.cookies["sesion"])
    answer = await ana.call("GET", "/account", token=token)
    assert (answer.code, document(answer)["code"]) == (401, "invalid-key")


async def test_the_header_goes_before_the_cookie(ana: Reader, premium: Caller) -> None:
    cookie = {"Cookie": f"sesion={ana.cookies['sesion']}"}
    answer = await premium.send("GET", "/account", None, cookie)
    assert document(answer)["username"] == "bruno"
    wrong = Caller(ana.caller.client, ana.caller.base_url, "crk_no")
    assert (await wrong.send("GET", "/account", None, cookie)).code == 401


async def test_logging_out_ends_the_session_for_whoever_kept_its_cookie(ana: Reader) -> None:
    kept = Reader(ana.caller, dict(ana.cookies), ana.token)
    answer = await ana.send("/salir")
    assert (answer.code, answer.headers["Location"]) == (303, "entrar")
    assert "sesion" not in ana.cookies
    assert (await kept.call("GET", "/account")).code == 401


async def test_a_session_s_requests_are_in_the_log_without_its_cookie(
    ana: Reader, bitacora: Bitacora
) -> None:
    await ana.call("POST", "/service", PATIENT)
    assert bitacora.last()["key_id"].startswith("jwt_")
    log = bitacora.path.read_text()
    for secret in (ana.cookies["sesion"], ana.token, PASSWORD):
        assert secret not in log


async def test_who_has_logged_in_is_sent_on(ana: Reader) -> None:
    for given, expected in (("panel", "panel"), ("//evil.example", "cuenta"), ("", "cuenta")):
        answer = await ana.open(f"/entrar?siguiente={given}")
        assert (answer.code, answer.headers["Location"]) == (303, expected)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("cuenta", "cuenta"),
        ("claves", "claves"),
        ("evaluaciones", "evaluaciones"),
        ("evaluaciones.csv", "cuenta"),
        ("panel", "panel"),
        ("panel/cuentas", "panel/cuentas"),
        ("panel/eventos", "panel/eventos"),
        ("panel?status=4xx&account=ana%20%26", "panel?status=4xx&account=ana%20%26"),
        (f"panel/cuentas?buscar=crk_{'a' * 36}", "panel/cuentas"),
    ],
)
async def test_who_has_not_logged_in_is_sent_to_do_so_and_back(
    reader: Reader, path: str, wanted: str
) -> None:
    answer = await reader.open(f"/{path}")
    assert answer.code == 303
    assert answer.headers["Location"].startswith(("entrar?siguiente=", "../entrar?siguiente="))
    await reader.register()
    reader.cookies.pop("sesion")
    login = "/" + answer.headers["Location"].removeprefix("../")
    form = (await reader.read(login)).partition('method="post" action="')[2].partition('"')[0]
    answer = await reader.send(f"/{form}", username=NAME, password=PASSWORD)
    assert (answer.code, answer.headers["Location"]) == (303, wanted)


PAGES = "cuenta panel/cuentas panel?status=4xx&route=%2Fservice"
ELSEWHERE = (
    r"/ // //evil.example https://evil.example https:evil \\evil.example /\evil evil.example ?a=b "
    r"javascript:alert(1) ../cuenta a/b/c CUENTA cuenta?//evil.example"
)


@pytest.mark.parametrize("page", [*PAGES.split(), "a" * 20, "cuenta?" + "a" * 600])
def test_a_page_of_ours_is_let_through(page: str) -> None:
    assert local_page(page, "otra") == page


@pytest.mark.parametrize(
    "text", [*ELSEWHERE.split(), "", "c\n", "c?a\r\nX: 1", "a" * 21, "cuenta?" + "a" * 601]
)
def test_nothing_else_is(text: str) -> None:
    assert local_page(text, "cuenta") == "cuenta"
