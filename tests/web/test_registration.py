"""Registering with a key that an operator gave, and where registration is closed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cardiorisk.config import Settings, load_settings
from cardiorisk.store import rows_accounts, rows_keys
from tests.support import Bitacora, Caller, changing, create_key, document, told

ANA = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
LOGIN = {"username": "ana", "password": ANA["password"]}


@pytest.fixture(params=["open", "closed"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return load_settings(
        {
            "engine": "litert",
            "database_url": f"sqlite:///{tmp_path / 'keys.db'}",
            "log_dir": tmp_path / "logs",
            "registration": request.param,
        }
    )


async def test_without_a_key_only_an_open_registration_makes_an_account(
    stranger: Caller, settings: Settings
) -> None:
    answer = await stranger.send("POST", "/register", ANA)
    if settings.registration == "open":
        assert answer.code == 201
    else:
        assert told(answer) == (403, "registration-closed")
        assert "ask them for a key" in document(answer)["detail"]


async def test_who_holds_a_key_names_its_account_once_and_logs_in(
    premium: Caller, stranger: Caller, bitacora: Bitacora
) -> None:
    before = document(await premium.send("GET", "/account"))
    key_id = bitacora.last()["key_id"]
    answer = await premium.send("POST", "/register", ANA)
    assert (answer.code, bitacora.last()["key_id"]) == (201, key_id)
    assert document(answer) == before_with(document(answer), before)
    tokens = document(await stranger.send("POST", "/login", LOGIN))
    token = Caller(stranger.client, stranger.base_url, f"Bearer {tokens['access_token']}")
    for holder in (premium, token):
        assert document(await holder.send("GET", "/account"))["plan"] == "premium"
        assert told(await holder.send("POST", "/register", ANA)) == (409, "conflict")


def before_with(now: dict[str, object], before: dict[str, object]) -> dict[str, object]:
    """Return the account as it was, with the name and the address of now and without its use."""
    same = {name: value for name, value in before.items() if name in now}
    return same | {"username": ANA["username"], "email": ANA["email"]}


async def test_a_name_is_kept_or_is_nobody_else_s(premium: Caller, settings: Settings) -> None:
    create_key(settings, "olga", "freemium")
    taken = await premium.send("POST", "/register", ANA | {"username": "OLGA"})
    assert told(taken) == (409, "taken")
    kept = await premium.send("POST", "/register", ANA | {"username": "Bruno"})
    assert (kept.code, document(kept)["username"]) == (201, "Bruno")


async def test_a_key_that_is_none_or_was_given_away_registers_nobody(
    stranger: Caller, premium: Caller
) -> None:
    limited = document(await premium.send("POST", "/account/keys", {"limit": 3}))["key"]
    for key, refusal in (("crk_none", (401, "invalid-key")), (limited, (403, "limited-key"))):
        caller = Caller(stranger.client, stranger.base_url, key)
        assert told(await caller.send("POST", "/register", ANA)) == refusal


async def test_an_operator_makes_an_account_that_its_holder_registers(
    operator: Caller, stranger: Caller
) -> None:
    wish = {"username": "ward 2", "plan": "premium"}
    made = await operator.send("POST", "/operator/accounts", wish)
    account = document(made)
    assert (made.code, account["plan"], account["active_keys"]) == (201, "premium", 1)
    holder = Caller(stranger.client, stranger.base_url, account["new_key"]["key"])
    assert (await holder.assess()).headers["RateLimit-Policy"] == '"premium";q=50;w=60'
    assert document(await holder.send("POST", "/register", ANA))["username"] == "ana"
    for wrong, refusal in (
        ({"username": "ana"}, (409, "taken")),
        ({"username": "x", "plan": "gold"}, (422, "invalid-account")),
        ({"plan": "premium"}, (422, "invalid-account")),
    ):
        assert told(await operator.send("POST", "/operator/accounts", wrong)) == refusal
    assert told(await holder.send("POST", "/operator/accounts", wish)) == (403, "operator-only")


async def test_an_imported_key_opens_what_one_of_ours_does(
    stranger: Caller, settings: Settings
) -> None:
    key = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    with changing(settings) as rows:
        now = datetime.now(UTC)
        account_id = rows_accounts.find_or_create(rows, "ana", None, now)
        rows_keys.create(rows, account_id, now, imported=key)
    for sent, code in ((key, 200), (f"Bearer {key}", 200), (key[::-1], 401)):
        assert (await Caller(stranger.client, stranger.base_url, sent).assess()).code == code
