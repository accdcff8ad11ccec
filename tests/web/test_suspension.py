"""A suspended account is told so, opens nothing, and loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cardiorisk.store import rows_accounts, rows_keys
from tests.pages.browsing import registered
from tests.support import Caller, change_account, changing, create_key, document

if TYPE_CHECKING:
    from tornado.httpclient import HTTPResponse

    from cardiorisk.config import Settings
    from cardiorisk.routes import CardioriskApplication

ANA = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
LOGIN = {"username": ANA["username"], "password": ANA["password"]}
SUSPENDED = (403, "suspended")


def told(response: HTTPResponse) -> tuple[int, str]:
    return response.code, document(response)["code"]


async def suspend(settings: Settings, app: CardioriskApplication) -> None:
    change_account(settings, "ana", rows_accounts.suspend)
    await app.services.store.refresh()  # what the watcher does four times a second


async def tokens_of_ana(stranger: Caller) -> tuple[Caller, Caller]:
    """Register Ana; return a caller with her access token and one with her refresh token."""
    await stranger.send("POST", "/register", ANA)
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    access, refresh = (
        Caller(stranger.client, stranger.base_url, f"Bearer {tokens[name]}")
        for name in ("access_token", "refresh_token")
    )
    return access, refresh


@pytest.mark.gen_test
async def test_a_known_key_is_refused_when_a_command_has_suspended_its_account(
    freemium: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    assert (await freemium.assess()).code == 200
    await suspend(settings, app)
    assert told(await freemium.assess()) == SUSPENDED


@pytest.mark.gen_test
async def test_a_refusal_for_a_suspension_is_not_counted(
    freemium: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    await suspend(settings, app)
    for _ in range(7):
        assert told(await freemium.assess()) == SUSPENDED
    change_account(settings, "ana", rows_accounts.resume)
    await app.services.store.refresh()
    assert "r=4;" in (await freemium.assess()).headers["RateLimit"]


@pytest.mark.gen_test
async def test_another_account_is_served_meanwhile(
    freemium: Caller, premium: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    assert freemium.key
    await suspend(settings, app)
    assert (await premium.assess()).code == 200


@pytest.mark.gen_test
async def test_tokens_are_refused_too(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    access, refresh = await tokens_of_ana(stranger)
    await suspend(settings, app)
    assert told(await access.send("GET", "/account")) == SUSPENDED
    assert told(await refresh.send("POST", "/refresh")) == SUSPENDED


@pytest.mark.gen_test
async def test_a_refresh_token_is_not_used_up_by_a_suspension(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    _, refresh = await tokens_of_ana(stranger)
    await suspend(settings, app)
    await refresh.send("POST", "/refresh")
    change_account(settings, "ana", rows_accounts.resume)
    assert (await refresh.send("POST", "/refresh")).code == 200


@pytest.mark.gen_test
async def test_who_knows_the_password_is_told_of_the_suspension(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    await tokens_of_ana(stranger)
    await suspend(settings, app)
    for path in ("/login", "/SwitchToPremium"):
        assert told(await stranger.send("POST", path, LOGIN)) == SUSPENDED
    change = LOGIN | {"new_password": "another good sentence"}
    assert told(await stranger.send("POST", "/account/password", change)) == SUSPENDED


@pytest.mark.gen_test
async def test_who_does_not_know_the_password_is_not(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    await tokens_of_ana(stranger)
    await suspend(settings, app)
    wrong = LOGIN | {"password": "a guess"}
    assert told(await stranger.send("POST", "/login", wrong)) == (401, "invalid-login")


@pytest.mark.gen_test
async def test_a_revoked_key_of_a_suspended_account_is_just_invalid(
    stranger: Caller, settings: Settings
) -> None:
    key = create_key(settings, "ana", "freemium")
    with changing(settings) as rows:
        rows_keys.revoke(rows, rows_keys.list_keys(rows)[0].key_id, datetime.now(UTC))
    change_account(settings, "ana", rows_accounts.suspend)
    caller = Caller(stranger.client, stranger.base_url, key)
    assert told(await caller.assess()) == (401, "invalid-key")


@pytest.mark.gen_test
async def test_a_resumed_account_has_its_keys_and_tokens_back(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    access, _ = await tokens_of_ana(stranger)
    key = Caller(stranger.client, stranger.base_url, create_key(settings, "ana", "freemium"))
    await suspend(settings, app)
    assert told(await key.assess()) == SUSPENDED
    change_account(settings, "ana", rows_accounts.resume)
    await app.services.store.refresh()
    assert [(await caller.assess()).code for caller in (key, access)] == [200, 200]


@pytest.mark.gen_test
async def test_a_browser_s_session_is_as_good_as_none(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await registered(stranger)
    assert (await reader.call("GET", "/account")).code == 200
    await suspend(settings, app)
    assert told(await reader.call("GET", "/account")) == SUSPENDED
    page = await reader.open("/")
    assert (page.code, "Entrar" in page.body.decode()) == (200, True)
