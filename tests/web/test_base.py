"""What every request is checked for, its plan's limit too, and how it is told."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest
from tornado.httpclient import HTTPResponse
from tornado.tcpclient import TCPClient

from cardiorisk.config import Settings
from cardiorisk.routes import ROUTES, CardioriskApplication
from cardiorisk.web.handlers import to_json
from tests.support import (
    EXAMPLE,
    Bitacora,
    Caller,
    SettableClock,
    create_key,
    document,
    told,
)


async def at_once(caller: Caller, times: int) -> list[HTTPResponse]:
    """Have patients assessed at the same moment, each over a connection of its own."""
    caller.client.max_clients = times  # type: ignore[attr-defined]  # of what the client really is
    return await asyncio.gather(*(caller.assess() for _ in range(times)))


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "BEARER  {}"])
async def test_the_key_is_taken_with_and_without_bearer(premium: Caller, form: str) -> None:
    headers = {"Authorization": form.format(premium.key)}
    assert (await premium.send("POST", "/service", EXAMPLE, headers)).code == 200


async def test_no_key_gets_a_challenge_whatever_the_body(stranger: Caller) -> None:
    response = await stranger.send("POST", "/service", b"{")
    assert told(response) == (401, "missing-key")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="cardiorisk"'


@pytest.mark.parametrize(
    "authorization",
    ["nonsense", "Basic YTpi", "Bearer", "Bearer ", "crk_" + "a" * 36, "ñandú", "x" * 4000],
)
async def test_a_key_that_is_none_is_invalid(stranger: Caller, authorization: str) -> None:
    response = await stranger.send("POST", "/service", EXAMPLE, {"Authorization": authorization})
    assert told(response) == (401, "invalid-key")
    challenge = 'Bearer realm="cardiorisk", error="invalid_token"'
    assert response.headers["WWW-Authenticate"] == challenge
    assert "RateLimit" not in response.headers


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("/service?explicr=1", {"explicr": "is not a parameter; did you mean `explicar`?"}),
        ("/service?explicar=1&explicar=1", {"explicar": "is given more than once"}),
        ("/predictions?page=2", {"page": "is not a parameter; did you mean `after`?"}),
        (
            "/premium/predict?Limit=5&limit=0&after=x&after=y&color=red",
            {
                "limit": "must be an integer from 1 to 100",
                "after": "is given more than once",
                "Limit": "is not a parameter; did you mean `limit`?",
                "color": "is not a parameter here",
            },
        ),
        ("/account?x=", {"x": "is not a parameter here"}),
        ("/healthz?x=1", {"x": "is not a parameter here"}),
        ("/service?%FF%3Cb=1", {"\u00ff<b": "is not a parameter here"}),
    ],
)
async def test_a_parameter_that_the_request_does_not_have_is_refused(
    premium: Caller, bitacora: Bitacora, path: str, faults: dict[str, str]
) -> None:
    response = await premium.send("GET", path, json.dumps(EXAMPLE).encode())
    assert told(response) == (422, "invalid-query")
    assert {one["field"]: one["detail"] for one in document(response)["errors"]} == faults
    assert bitacora.last()["code"] == "invalid-query"


async def test_who_is_not_known_is_told_of_no_parameter(stranger: Caller) -> None:
    assert told(await stranger.send("GET", "/account?x=1")) == (401, "missing-key")


@pytest.mark.parametrize(
    ("place", "headers", "query"),
    [
        ("X-API-Key", {"X-API-Key": "{}"}, ""),
        ("API-Key", {"api-key": "{}"}, ""),
        ("X-Auth-Token", {"x-auth-token": "anything"}, ""),
        ("another header", {"X-Secret": "Bearer {}"}, ""),
        ("a cookie", {"Cookie": "a=1; session={}"}, ""),
        ("a cookie", {"Cookie": "a=1; api_key=anything"}, ""),
        ("the URL", {}, "?Authorization={}"),
        ("the URL", {}, "?a=1&api_key=anything"),
        ("the URL", {}, "?{}"),
        ("the URL", {}, "?q=eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"),
    ],
)
async def test_a_key_that_is_sent_elsewhere_opens_nothing_and_is_told_where_to(
    premium: Caller,
    stranger: Caller,
    bitacora: Bitacora,
    place: str,
    headers: dict[str, str],
    query: str,
) -> None:
    key = str(premium.key)
    sent = {name: value.format(key) for name, value in headers.items()}
    response = await stranger.send("POST", "/service" + query.format(key), EXAMPLE, sent)
    assert told(response) == (401, "missing-key")
    assert document(response)["detail"] == (
        f"a key in {place} is not looked at: send `Authorization: <key>` or "
        "`Authorization: Bearer <key>`"
    )
    assert key not in response.body.decode() + bitacora.path.read_text() + str(response.headers)


async def test_a_key_in_the_url_beside_the_right_one_is_not_repeated(
    premium: Caller, bitacora: Bitacora
) -> None:
    response = await premium.send("GET", f"/account?{premium.key}=1&api_key={premium.key}")
    assert told(response) == (422, "invalid-query")
    assert str(premium.key) not in response.body.decode() + bitacora.path.read_text()


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        ("ApiKey", "in the form of ApiKey is not understood: send `Authorization: <key>`"),
        ("Basic", "POST /login takes a name and a password"),
        ("Bearer:", "in the form of this is not understood"),
        ("<script>", "in the form of this is not understood"),
    ],
)
async def test_another_form_of_authorization_is_told_which_is_right(
    premium: Caller, scheme: str, says: str
) -> None:
    headers = {"Authorization": f"{scheme} {premium.key}"}
    response = await premium.send("POST", "/service", EXAMPLE, headers)
    assert told(response) == (401, "invalid-key")
    assert says in document(response)["detail"]
    assert str(premium.key) not in response.body.decode()


async def test_a_wrong_method_is_told_which_are_right(stranger: Caller) -> None:
    response = await stranger.send("DELETE", "/service")
    assert response.headers["Allow"] == "GET, POST, QUERY, OPTIONS"
    assert (await stranger.send("POST", "/healthz", b"")).headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_anybody_may_ask_any_path_which_methods_it_answers(
    freemium: Caller, stranger: Caller, bitacora: Bitacora
) -> None:
    for route in ROUTES:
        path = route.template.replace("{", "").replace("}", "")
        for caller in (stranger, freemium):
            response = await caller.send("OPTIONS", path)
            assert (response.code, response.body) == (204, b"")
            assert response.headers["Allow"] == ", ".join(
                (*route.handler.allowed_methods, "OPTIONS")
            )
            line = bitacora.last()
            told_of = (line["method"], line["route"], line["status"], line["key_id"])
            assert told_of == ("OPTIONS", route.template, 204, None)
    assert "r=4;" in (await freemium.assess()).headers["RateLimit"]
    assert told(await stranger.send("OPTIONS", "/nowhere")) == (404, "not-found")


async def test_a_balancer_may_ask_about_the_whole_service(stranger: Caller) -> None:
    host, _, port = stranger.base_url.removeprefix("http://").partition(":")
    stream = await TCPClient().connect(host, int(port))
    for method, status in ((b"OPTIONS", b"204"), (b"GET", b"404")):
        await stream.write(b"%b * HTTP/1.1\r\nHost: x\r\n\r\n" % method)
        head = await stream.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status)
        if status == b"204":
            methods = {method for route in ROUTES for method in route.handler.allowed_methods}
            told_of = re.findall(r"Allow: (.*)\r\n", head.decode())
            assert set(told_of[0].split(", ")) == methods | {"OPTIONS"}
    stream.close()


async def test_the_unexpected_is_answered_without_showing_the_inside(
    premium: Caller,
    app: CardioriskApplication,
    bitacora: Bitacora,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.services.predictor, "assess", None)
    response = await premium.assess()
    assert response.code == 500
    assert document(response)["code"] == bitacora.last()["code"] == "internal"
    assert b"NoneType" not in response.body
    assert "NoneType" in caplog.text
    assert "crk_" not in caplog.text


async def test_a_path_that_is_not_text_is_malformed(premium: Caller) -> None:
    assert (await premium.send("GET", "/predictions/%ff")).code == 400


async def test_forty_simultaneous_calls_get_exactly_five_answers(freemium: Caller) -> None:
    codes = [answer.code for answer in await at_once(freemium, 40)]
    assert sorted(codes) == [200] * 5 + [429] * 35


async def test_every_answer_says_what_is_left_until_when(freemium: Caller) -> None:
    response = await freemium.assess()
    assert response.headers["RateLimit-Policy"] == '"freemium";q=5;w=60'
    # The test's clock stands 12.25 s into a minute, so 47.75 s are left.
    assert response.headers["RateLimit"] == '"freemium";r=4;t=48'


async def test_a_refusal_says_when_to_come_back(freemium: Caller, clock: SettableClock) -> None:
    for _ in range(5):
        await freemium.assess()
    clock.now_seconds += 30
    response = await freemium.assess()
    assert told(response) == (429, "rate-limited")
    assert response.headers["Retry-After"] == "18"
    assert response.headers["RateLimit"] == '"freemium";r=0;t=18'
    clock.now_seconds += 18
    assert (await freemium.assess()).code == 200


async def test_a_key_with_a_limit_draws_on_a_window_of_its_own_too(
    premium: Caller, settings: Settings
) -> None:
    ward = Caller(premium.client, premium.base_url, create_key(settings, "bruno", "premium", 3))
    answers = await at_once(ward, 40)
    assert sorted(answer.code for answer in answers) == [200] * 3 + [429] * 37
    refused = next(answer for answer in answers if answer.code == 429)
    assert refused.headers["RateLimit-Policy"] == '"key";q=3;w=60'
    assert refused.headers["RateLimit"] == '"key";r=0;t=48'
    assert refused.headers["Retry-After"] == "48"
    assert "this key allows 3 requests a minute" in document(refused)["detail"]
    codes = [(await premium.assess()).code for _ in range(48)]
    assert codes == [200] * 47 + [429]


async def test_the_tighter_of_the_two_limits_is_told_and_holds(
    freemium: Caller, settings: Settings, clock: SettableClock
) -> None:
    ward = Caller(freemium.client, freemium.base_url, create_key(settings, "ana", "freemium", 3))
    told_of = [(await caller.assess()).headers["RateLimit"] for caller in (ward, freemium) * 3]
    assert told_of == [
        '"key";r=2;t=48',
        '"freemium";r=3;t=48',
        '"key";r=1;t=48',
        '"freemium";r=1;t=48',
        '"key";r=0;t=48',  # neither has anything left, and this one is the smaller
        '"freemium";r=0;t=48',
    ]
    clock.now_seconds += 60
    assert (await ward.assess()).headers["RateLimit"].startswith('"key";r=2')


async def test_an_invalid_request_is_counted(freemium: Caller) -> None:
    await freemium.send("POST", "/service", b"{")
    response = await freemium.send("GET", "/service", {"edad": 1})
    assert response.headers["RateLimit"] == '"freemium";r=3;t=48'


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/service"), ("BREW", "/service")]
)
async def test_a_wrong_path_or_method_is_not_counted(
    freemium: Caller, method: str, path: str
) -> None:
    await freemium.send(method, path)
    assert (await freemium.assess()).headers["RateLimit"] == '"freemium";r=4;t=48'


def test_an_answer_is_written_as_json_with_a_line_end() -> None:
    moment = datetime(2026, 11, 22, 20, 47, tzinfo=UTC)
    assert to_json({"a": [1.0, "ñ"], "b": moment}) == (
        '{"a":[1.0,"ñ"],"b":"2026-11-22T20:47:00+00:00"}\n'.encode()
    )


def test_half_a_surrogate_pair_does_not_stop_an_answer() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    assert json.loads(to_json({"a": "\ud800ñ", "b": moment}))["a"] == "?ñ"
