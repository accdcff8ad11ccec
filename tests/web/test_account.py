"""Accounts over HTTP: registered, logged in, switched, and in charge of their own keys."""

from __future__ import annotations

import pytest

from cardiorisk.config import Settings
from tests.support import Bitacora, Caller, SettableClock, create_key, document, told

ANA = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
LOGIN = {"username": ANA["username"], "password": ANA["password"]}


async def registered(stranger: Caller) -> Caller:
    """Register Ana and log her in."""
    assert (await stranger.send("POST", "/register", ANA)).code == 201
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    return Caller(stranger.client, stranger.base_url, f"Bearer {tokens['access_token']}")


async def test_a_new_account_is_freemium_and_its_name_taken(stranger: Caller) -> None:
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
    assert told(await stranger.send("POST", "/register", ANA)) == (409, "taken")


async def test_a_form_that_cannot_be_read_and_one_that_cannot_be_accepted(stranger: Caller) -> None:
    unreadable = await stranger.send("POST", "/login", b"[]")
    assert told(unreadable) == (400, "malformed-body")
    refused = await stranger.send("POST", "/register", {"username": "", "password": "x", "a": 1})
    assert told(refused) == (422, "invalid-account")
    faults = [fault["field"] for fault in document(refused)["errors"]]
    assert faults == ["username", "password", "email", "a"]


async def test_a_token_opens_the_service_and_draws_on_the_account_s_window(
    stranger: Caller, settings: Settings
) -> None:
    ana = await registered(stranger)
    key = Caller(ana.client, ana.base_url, create_key(settings, "ana", "freemium"))
    codes = [(await caller.assess()).code for caller in (ana, key) * 3]
    assert codes == [200] * 5 + [429]


async def test_a_token_s_line_in_the_log_names_no_token(
    stranger: Caller, bitacora: Bitacora
) -> None:
    ana = await registered(stranger)
    await ana.assess()
    assert bitacora.last()["key_id"].startswith("jwt_")
    text = bitacora.path.read_text()
    secrets = (str(ana.key).removeprefix("Bearer "), ANA["password"], ANA["email"])
    assert not [secret for secret in secrets if secret in text]


async def test_a_plan_change_holds_for_what_is_already_issued(stranger: Caller) -> None:
    ana = await registered(stranger)
    await ana.assess()
    response = await stranger.send("POST", "/SwitchToPremium", LOGIN)
    assert document(response)["plan"] == "premium"
    assert (await ana.assess()).headers["RateLimit"] == '"premium";r=48;t=48'
    await stranger.send("POST", "/SwitchToFreemium", LOGIN)
    assert (await ana.assess()).headers["RateLimit"] == '"freemium";r=2;t=48'


@pytest.mark.parametrize("path", ["/account/password", "/logout"])
async def test_a_session_ends_from_the_next_request_on(stranger: Caller, path: str) -> None:
    ana = await registered(stranger)
    assert (await ana.assess()).code == 200
    body = LOGIN | {"new_password": "another good sentence"} if path != "/logout" else b""
    assert (await ana.send("POST", path, body)).code == 204
    assert (await ana.assess()).code == 401


async def test_a_key_is_shown_once_replaced_and_ended(stranger: Caller) -> None:
    ana = await registered(stranger)
    made = await ana.send("POST", "/account/keys", {"expires_days": 30, "name": "Recepci\u00f3n"})
    old = document(made)
    path = f"/account/keys/{old['key_id']}/rotate"
    rotated = await ana.send("POST", path, {"grace_minutes": 10})
    assert (made.code, rotated.code) == (201, 201)
    new = document(rotated)
    assert (new["name"], new["replaces"]["name"]) == ("Recepci\u00f3n", "Recepci\u00f3n")
    callers = [Caller(ana.client, ana.base_url, shown["key"]) for shown in (old, new)]
    assert [(await caller.assess()).code for caller in callers] == [200, 200]
    listing = await ana.send("GET", "/account/keys")
    assert [item["status"] for item in document(listing)["items"]] == ["active", "active"]
    assert old["key"].encode() not in listing.body
    assert (await ana.send("DELETE", f"/account/keys/{new['key_id']}")).code == 204
    assert [(await caller.assess()).code for caller in callers] == [200, 401]


async def test_a_key_is_given_a_limit_below_its_account_s(stranger: Caller) -> None:
    ana = await registered(stranger)
    refused = await ana.send("POST", "/account/keys", {"limit": 5})
    assert told(refused) == (422, "invalid-account")
    detail = "must be less than the 5 requests a minute that the plan freemium allows"
    assert document(refused)["errors"] == [{"field": "limit", "detail": detail}]
    assert told(await ana.send("POST", "/account/keys", {"limit": 0})) == (422, "invalid-account")
    assert document(await ana.send("GET", "/account/keys"))["items"] == []
    await stranger.send("POST", "/SwitchToPremium", LOGIN)
    made = document(await ana.send("POST", "/account/keys", {"limit": 40}))
    (listed,) = document(await ana.send("GET", "/account/keys"))["items"]
    assert (made["limit"], listed["limit"]) == (40, 40)
    ward = Caller(ana.client, ana.base_url, made["key"])
    assert (await ward.assess()).headers["RateLimit"] == '"key";r=39;t=48'
    await stranger.send("POST", "/SwitchToFreemium", LOGIN)
    assert (await ward.assess()).headers["RateLimit"] == '"freemium";r=3;t=48'
    assert (await ana.assess()).headers["RateLimit"] == '"freemium";r=2;t=48'


async def test_a_key_with_a_limit_replaces_itself_alone_and_gains_nothing(
    stranger: Caller,
) -> None:
    ana = await registered(stranger)
    whole = document(await ana.send("POST", "/account/keys"))
    made = document(await ana.send("POST", "/account/keys", {"limit": 2}))
    ward = Caller(ana.client, ana.base_url, made["key"])
    for method, path in (
        ("POST", "/account/keys"),
        ("POST", f"/account/keys/{whole['key_id']}/rotate"),
        ("DELETE", f"/account/keys/{whole['key_id']}"),
    ):
        assert told(await ward.send(method, path)) == (403, "limited-key")
    path = f"/account/keys/{made['key_id']}/rotate"
    rotated = document(await ward.send("POST", path, {"grace_minutes": 10}))
    assert (rotated["limit"], rotated["replaces"]["limit"]) == (2, 2)
    new = Caller(ana.client, ana.base_url, rotated["key"])
    codes = [(await caller.assess()).code for caller in (ward, new, ward, new)]
    assert codes == [200, 200, 429, 429]
    assert (await ward.send("DELETE", f"/account/keys/{made['key_id']}")).code == 204


async def test_an_account_is_told_what_it_has_used(freemium: Caller, clock: SettableClock) -> None:
    for _ in range(7):
        await freemium.assess()
    clock.now_seconds += 24 * 3600
    await freemium.assess()
    account = document(await freemium.send("GET", "/account"))
    assert account["calls_by_day"][-1] == {"day": "2025-11-25", "calls": 1}
    assert [day["calls"] for day in account["calls_by_day"]] == [0] * 28 + [5, 1]
    assert account["used_this_minute"] == 1


async def test_a_deleted_account_opens_nothing_and_its_name_is_free(
    stranger: Caller, settings: Settings, bitacora: Bitacora
) -> None:
    ana = await registered(stranger)
    key = Caller(ana.client, ana.base_url, create_key(settings, "ana", "freemium"))
    assert [(await caller.assess()).code for caller in (ana, key)] == [200, 200]
    line = bitacora.last()
    wrong = await ana.send("DELETE", "/account", {"password": "wrong"})
    assert told(wrong) == (401, "invalid-login")
    assert told(await ana.send("DELETE", "/account", b"{}")) == (422, "invalid-account")
    password = {"password": ANA["password"]}
    browser = {"Accept": "text/html"}
    deleted = await key.send("DELETE", "/account", password, headers=browser)
    assert (deleted.code, deleted.body) == (204, b"")
    assert [told(await caller.assess()) for caller in (ana, key)] == [(401, "invalid-key")] * 2
    assert line in bitacora.lines()
    again = await registered(stranger)
    assert document(await again.send("GET", "/predictions"))["items"] == []
    assert [told(await caller.assess()) for caller in (ana, key)] == [(401, "invalid-key")] * 2


async def test_an_account_without_a_password_is_told_how_to_get_one(freemium: Caller) -> None:
    refused = await freemium.send("DELETE", "/account", {"password": "anything"})
    assert told(refused) == (409, "conflict")
    assert "/register" in document(refused)["detail"]
