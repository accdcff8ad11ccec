"""A suspended account is told so, opens nothing, and loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.store import rows_accounts
from tests.pages.browsing import registered
from tests.support import Caller, change_account, create_key, document, told

if TYPE_CHECKING:
    from cardiorisk.config import Settings
    from cardiorisk.routes import CardioriskApplication

ANA = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
LOGIN = {"username": ANA["username"], "password": ANA["password"]}
SUSPENDED = (403, "suspended")


async def suspend(settings: Settings, app: CardioriskApplication) -> None:
    change_account(settings, "ana", rows_accounts.suspend)
    await app.services.store.refresh()  # what the watcher does four times a second


async def resume(settings: Settings, app: CardioriskApplication) -> None:
    change_account(settings, "ana", rows_accounts.resume)
    await app.services.store.refresh()


async def test_a_refusal_for_a_suspension_is_not_counted_and_is_its_account_s_alone(
    freemium: Caller, premium: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    assert (await freemium.assess()).code == 200
    await suspend(settings, app)
    for _ in range(7):
        assert told(await freemium.assess()) == SUSPENDED
    assert (await premium.assess()).code == 200
    await resume(settings, app)
    assert "r=3;" in (await freemium.assess()).headers["RateLimit"]


async def test_keys_and_tokens_are_refused_and_good_again_when_it_ends(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    await stranger.send("POST", "/register", ANA)
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    key = create_key(settings, "ana", "freemium")
    doors = [
        (Caller(stranger.client, stranger.base_url, credential), method, path)
        for credential, method, path in (
            (key, "GET", "/account/keys"),
            (f"Bearer {tokens['access_token']}", "GET", "/account"),
            (f"Bearer {tokens['refresh_token']}", "POST", "/refresh"),
        )
    ]
    await suspend(settings, app)
    for caller, method, path in doors:
        assert told(await caller.send(method, path)) == SUSPENDED
    await resume(settings, app)
    assert [(await caller.send(method, path)).code for caller, method, path in doors] == [200] * 3


async def test_a_browser_s_session_is_as_good_as_none(
    stranger: Caller, settings: Settings, app: CardioriskApplication
) -> None:
    reader = await registered(stranger)
    assert (await reader.call("GET", "/account")).code == 200
    await suspend(settings, app)
    assert told(await reader.call("GET", "/account")) == SUSPENDED
    page = await reader.open("/")
    assert (page.code, "Entrar" in page.body.decode()) == (200, True)
