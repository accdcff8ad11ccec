"""Accounts over HTTP: registered, logged in, switched, and in charge of their own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest

from cardiorisk.config import load_settings
from tests.support import EXAMPLE, Caller, create_key, document

if TYPE_CHECKING:
    from pathlib import Path

    from tornado.httpclient import HTTPResponse

    from cardiorisk.config import Settings
    from tests.support import Bitacora, SettableClock

ANA = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
LOGIN = {"username": ANA["username"], "password": ANA["password"]}


async def registered(stranger: Caller) -> Caller:
    """Register Ana and log her in."""
    assert (await stranger.send("POST", "/register", ANA)).code == 201
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    return Caller(stranger.client, stranger.base_url, f"Bearer {tokens['access_token']}")


async def change_password(caller: Caller) -> HTTPResponse:
    body = LOGIN | {"new_password": "another good sentence"}
    return await caller.send("POST", "/account/password", body)


@pytest.mark.gen_test
async def test_a_new_account_is_freemium(stranger: Caller) -> None:
    response = await stranger.send("POST", "/register", ANA)
    account = document(response)
    assert response.code == 201
    assert account.pop("created_at")
    assert account == {
        "username": "ana",
        "email": "ana@example.org",
        "plan": "freemium",
        "requests_per_minute": 5,
        "active_keys": 0,
        "operator": False,
    }


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"email": "other@example.org"}, "username"), ({"username": "bea"}, "email")],
)
async def test_a_name_or_an_address_is_taken_once(
    stranger: Caller, changes: dict[str, str], field: str
) -> None:
    await stranger.send("POST", "/register", ANA)
    response = await stranger.send("POST", "/register", ANA | changes)
    assert response.code == 409
    assert [fault["field"] for fault in document(response)["errors"]] == [field]


@pytest.mark.gen_test
async def test_all_faults_of_a_registration_are_named_at_once(stranger: Caller) -> None:
    response = await stranger.send("POST", "/register", {"username": "", "password": "x", "a": 1})
    assert response.code == 422
    faults = {fault["field"] for fault in document(response)["errors"]}
    assert faults == {"username", "password", "email", "a"}


@pytest.mark.gen_test
@pytest.mark.parametrize("body", [b"", b"[]", b'{"username": "a", "username": "b"}'])
async def test_a_form_that_is_no_plain_object_is_malformed(stranger: Caller, body: bytes) -> None:
    assert (await stranger.send("POST", "/login", body)).code == 400


@pytest.mark.gen_test
async def test_a_wrong_name_and_a_wrong_password_look_the_same(stranger: Caller) -> None:
    await stranger.send("POST", "/register", ANA)
    answers = [
        await stranger.send("POST", "/login", LOGIN | wrong, {"X-Request-ID": "same"})
        for wrong in ({"password": "wrong"}, {"username": "nobody"})
    ]
    assert [answer.code for answer in answers] == [401, 401]
    assert answers[0].body == answers[1].body


@pytest.mark.gen_test
async def test_guessing_a_password_is_stopped(stranger: Caller) -> None:
    await stranger.send("POST", "/register", ANA)
    wrong = LOGIN | {"password": "wrong guess"}
    codes = [(await stranger.send("POST", "/login", wrong)).code for _ in range(11)]
    assert codes[0] == 401
    assert codes[-1] == 429
    response = await stranger.send("POST", "/login", LOGIN)
    assert document(response)["code"] == "too-many-attempts"
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.gen_test
async def test_a_token_opens_the_service_and_draws_on_the_account_s_window(
    stranger: Caller, settings: Settings
) -> None:
    ana = await registered(stranger)
    key = Caller(ana.client, ana.base_url, create_key(settings, "ana", "freemium"))
    codes = [(await caller.assess()).code for caller in (ana, key) * 3]
    assert codes == [200] * 5 + [429]


@pytest.mark.gen_test
async def test_a_token_s_line_in_the_log_names_no_token(
    stranger: Caller, bitacora: Bitacora
) -> None:
    ana = await registered(stranger)
    await ana.assess()
    assert bitacora.last()["key_id"].startswith("jwt_")
    text = bitacora.path.read_text()
    assert ana.key is not None
    assert ana.key.removeprefix("Bearer ") not in text
    assert ANA["password"] not in text
    assert ANA["email"] not in text


@pytest.mark.gen_test
async def test_the_account_routes_do_not_draw_on_the_window(stranger: Caller) -> None:
    ana = await registered(stranger)
    for _ in range(7):
        response = await ana.send("GET", "/account")
    assert response.code == 200
    assert "RateLimit" not in response.headers
    assert (await ana.assess()).headers["RateLimit"] == '"freemium";r=4;t=48'


@pytest.mark.gen_test
async def test_a_plan_change_holds_for_what_is_already_issued(stranger: Caller) -> None:
    ana = await registered(stranger)
    await ana.assess()
    response = await stranger.send("POST", "/SwitchToPremium", LOGIN)
    assert document(response)["plan"] == "premium"
    assert (await ana.assess()).headers["RateLimit"] == '"premium";r=48;t=48'
    await stranger.send("POST", "/SwitchToFreemium", LOGIN)
    assert (await ana.assess()).headers["RateLimit"] == '"freemium";r=2;t=48'


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["/SwitchToPremium", "/SwitchToFreemium"])
async def test_nobody_switches_another_s_plan(stranger: Caller, path: str) -> None:
    await stranger.send("POST", "/register", ANA)
    response = await stranger.send("POST", path, LOGIN | {"password": "not hers"})
    assert response.code == 401


@pytest.mark.gen_test
async def test_a_password_change_ends_every_token_at_once(stranger: Caller) -> None:
    ana = await registered(stranger)
    assert (await ana.assess()).code == 200
    assert (await change_password(stranger)).code == 204
    assert (await ana.assess()).code == 401
    assert (await stranger.send("POST", "/login", LOGIN)).code == 401


@pytest.mark.gen_test
async def test_a_refresh_token_is_used_once(stranger: Caller) -> None:
    await stranger.send("POST", "/register", ANA)
    first = document(await stranger.send("POST", "/login", LOGIN))
    headers = {"Authorization": f"Bearer {first['refresh_token']}"}
    second = document(await stranger.send("POST", "/refresh", b"", headers))
    access = Caller(stranger.client, stranger.base_url, second["access_token"])
    assert (await access.send("GET", "/account")).code == 200
    assert (await stranger.send("POST", "/refresh", b"", headers)).code == 401
    # A token that is used twice was stolen by somebody: its whole session ends.
    assert (await access.send("GET", "/account")).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_neither_token_does_for_the_other(stranger: Caller, kind: str) -> None:
    await stranger.send("POST", "/register", ANA)
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    wrong_door = ("GET", "/account") if kind == "refresh_token" else ("POST", "/refresh")
    caller = Caller(stranger.client, stranger.base_url, tokens[kind])
    assert (await caller.send(*wrong_door, b"")).code == 401


@pytest.mark.gen_test
async def test_an_access_token_expires(stranger: Caller, clock: SettableClock) -> None:
    ana = await registered(stranger)
    clock.now_seconds += 15 * 60 + 60
    assert (await ana.assess()).code == 401


@pytest.mark.gen_test
async def test_logging_out_ends_the_session(stranger: Caller) -> None:
    ana = await registered(stranger)
    assert (await ana.send("POST", "/logout", b"")).code == 204
    assert (await ana.send("GET", "/account")).code == 401


@pytest.mark.gen_test
async def test_a_key_is_shown_once_and_works(stranger: Caller) -> None:
    ana = await registered(stranger)
    made = await ana.send("POST", "/account/keys", {"expires_days": 30})
    assert made.code == 201
    key = document(made).pop("key")
    assert (await Caller(ana.client, ana.base_url, key).assess()).code == 200
    listing = await ana.send("GET", "/account/keys")
    assert key.encode() not in listing.body
    assert [item["status"] for item in document(listing)["items"]] == ["active"]


@pytest.mark.gen_test
@pytest.mark.parametrize("days", [0, 1.5, "7", True, 10**6])
async def test_a_lifetime_that_cannot_be_is_refused(stranger: Caller, days: Any) -> None:
    ana = await registered(stranger)
    response = await ana.send("POST", "/account/keys", {"expires_days": days})
    assert response.code == 422
    assert [fault["field"] for fault in document(response)["errors"]] == ["expires_days"]


@pytest.mark.gen_test
async def test_a_revoked_key_opens_nothing_from_the_next_request_on(stranger: Caller) -> None:
    ana = await registered(stranger)
    made = document(await ana.send("POST", "/account/keys", b""))
    keyed = Caller(ana.client, ana.base_url, made["key"])
    assert (await keyed.assess()).code == 200
    assert (await ana.send("DELETE", f"/account/keys/{made['key_id']}")).code == 204
    assert (await keyed.assess()).code == 401


@pytest.mark.gen_test
async def test_rotating_with_a_grace_lets_both_keys_work(stranger: Caller) -> None:
    ana = await registered(stranger)
    old = document(await ana.send("POST", "/account/keys", b""))
    path = f"/account/keys/{old['key_id']}/rotate"
    response = await ana.send("POST", path, {"grace_minutes": 10})
    assert response.code == 201
    for key in (old["key"], document(response)["key"]):
        assert (await Caller(ana.client, ana.base_url, key).assess()).code == 200


@pytest.mark.gen_test
async def test_rotating_without_a_grace_ends_the_old_key(stranger: Caller) -> None:
    ana = await registered(stranger)
    old = document(await ana.send("POST", "/account/keys", b""))
    await ana.send("POST", f"/account/keys/{old['key_id']}/rotate", b"")
    assert (await Caller(ana.client, ana.base_url, old["key"]).assess()).code == 401


@pytest.mark.gen_test
@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/rotate")])
async def test_another_s_key_does_not_exist(
    stranger: Caller, settings: Settings, method: str, suffix: str
) -> None:
    ana = await registered(stranger)
    bea = Caller(ana.client, ana.base_url, create_key(settings, "bea", "freemium"))
    key_id = document(await bea.send("GET", "/account/keys"))["items"][0]["key_id"]
    response = await ana.send(method, f"/account/keys/{key_id}{suffix}", b"")
    assert response.code == 404
    assert (await bea.send("POST", "/service", EXAMPLE)).code == 200


class TestForgedTokens:
    """Tokens that somebody makes who knows all but what the case is about."""

    SECRET = "a secret that the test knows, 64 bytes long, as the settings want"

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return load_settings(
            {
                "engine": "litert",
                "database_url": f"sqlite:///{tmp_path / 'keys.db'}",
                "log_dir": tmp_path / "logs",
                "token_secret": self.SECRET,
            }
        )

    @pytest.mark.gen_test
    @pytest.mark.parametrize(
        ("changes", "algorithm", "secret"),
        [
            ({}, "HS256", "another secret, which is just as long as the right one is"),
            ({}, "none", ""),
            ({}, "HS512", SECRET),
            ({"aud": "another service"}, "HS256", SECRET),
            ({"iss": "another service"}, "HS256", SECRET),
            ({"exp": 1}, "HS256", SECRET),
            ({"use": "refresh"}, "HS256", SECRET),
        ],
        ids=["secret", "none", "HS512", "aud", "iss", "expired", "refresh"],
    )
    async def test_a_token_that_is_not_ours_opens_nothing(
        self, stranger: Caller, changes: dict[str, Any], algorithm: str, secret: str
    ) -> None:
        ana = await registered(stranger)
        assert ana.key is not None
        claims = jwt.decode(
            ana.key.removeprefix("Bearer "),
            self.SECRET,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
        )
        genuine = jwt.encode(claims, self.SECRET, algorithm="HS256")
        forged = jwt.encode(claims | changes, secret or None, algorithm=algorithm)
        answers = [
            await stranger.send(
                "GET", "/account", None, {"Authorization": f"Bearer {token}", "X-Request-ID": "x"}
            )
            for token in (genuine, forged, "no token at all")
        ]
        assert [answer.code for answer in answers] == [200, 401, 401]
        assert document(answers[1])["code"] == "invalid-key"
        assert 'error="invalid_token"' in answers[1].headers["WWW-Authenticate"]
        assert answers[1].body == answers[2].body


@pytest.mark.gen_test
async def test_a_key_has_the_name_it_was_given_and_so_has_its_successor(stranger: Caller) -> None:
    ana = await registered(stranger)
    made = document(await ana.send("POST", "/account/keys", {"name": "Recepci\u00f3n"}))
    assert made["name"] == "Recepci\u00f3n"
    rotated = document(await ana.send("POST", f"/account/keys/{made['key_id']}/rotate"))
    assert (rotated["name"], rotated["replaces"]["name"]) == ("Recepci\u00f3n", "Recepci\u00f3n")
    bare = document(await ana.send("POST", "/account/keys"))
    assert bare["name"] is None


@pytest.mark.gen_test
async def test_an_account_is_told_what_it_has_used(freemium: Caller, clock: SettableClock) -> None:
    for _ in range(7):
        await freemium.assess()
    account = document(await freemium.send("GET", "/account"))
    assert account["used_this_minute"] == 5
    assert account["calls_by_day"][-1] == {"day": "2025-11-24", "calls": 5}
    assert [day["calls"] for day in account["calls_by_day"][:-1]] == [0] * 29
    clock.now_seconds += 24 * 3600
    await freemium.assess()
    account = document(await freemium.send("GET", "/account"))
    assert [day["calls"] for day in account["calls_by_day"][-2:]] == [5, 1]
    assert account["used_this_minute"] == 1


@pytest.mark.gen_test
async def test_a_browser_is_sent_from_the_account_to_its_page(
    stranger: Caller, freemium: Caller
) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    sent_on = await stranger.send("GET", "/account", headers=browser)
    assert (sent_on.code, sent_on.headers["Location"]) == (303, "cuenta")
    assert (await freemium.send("GET", "/account", headers=browser)).code == 200
    assert (await stranger.send("GET", "/account")).code == 401
