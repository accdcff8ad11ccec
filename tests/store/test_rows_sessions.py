"""Sessions in a real file: begun, renewed once a token, ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cardiorisk.errors import AccountSuspended
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.tokens import Claims
from cardiorisk.store import rows_accounts, rows_changes, rows_sessions
from cardiorisk.store.database import Rows
from cardiorisk.store.rows_sessions import MOST_SESSIONS
from cardiorisk.store.sqlite import SqliteDatabase
from cardiorisk.store.tables import Session
from cardiorisk.store.values import Renewal
from tests.store.conftest import NOW
from tests.support import SettableClock

ANA = 1
TOKEN_ID = "0123456789abcdef"


@pytest.fixture
def rows(rows: Rows) -> Rows:
    """Hold a session s of the account ana, which waits for the refresh token r0."""
    rows_accounts.register(rows, "ana", "a@example.org", "hash", NOW)
    rows_sessions.begin(rows, ANA, "s", "r0", NOW)
    return rows


@pytest.fixture
def access() -> Claims:
    return Claims(ANA, "s", 0, TOKEN_ID, NOW + timedelta(minutes=15))


def _renew(rows: Rows, now: datetime, used: str, following: str, generation: int = 0) -> Renewal:
    claims = Claims(ANA, "s", generation, used, now + timedelta(days=30))
    return rows_sessions.renew(rows, claims, following, now)


def _count(rows: Rows) -> int:
    return rows.execute(select(func.count()).select_from(Session)).scalar_one()


def test_the_secret_is_made_once(database: SqliteDatabase) -> None:
    first = rows_sessions.load_secret(database)
    assert (len(first), rows_sessions.load_secret(database)) == (32, first)


# What a token stands for


def test_a_token_stands_for_its_account(rows: Rows, access: Claims) -> None:
    found = rows_sessions.find_credential(rows, access, NOW)
    assert found is not None
    assert found.principal == Principal(ANA, "jwt_0123456789ab", "freemium", "s", name="ana")


def test_a_token_knows_whether_its_account_is_an_operators_or_suspended(
    rows: Rows, access: Claims
) -> None:
    other = rows_accounts.find_or_create(rows, "other", None, NOW)
    for account_id in (ANA, other):
        rows_accounts.set_operator(rows, account_id, NOW, is_operator=True)
    rows_accounts.suspend(rows, ANA, NOW)
    found = rows_sessions.find_credential(rows, access, NOW)
    assert found is not None
    assert (found.principal.is_operator, found.principal.is_suspended) == (True, True)


@pytest.mark.parametrize(("minutes", "left_seconds"), [(15, 5.0), (15.075, 0.5), (15.1, None)])
def test_a_token_lives_five_seconds_past_its_expiry_and_no_longer(
    rows: Rows, access: Claims, clock: SettableClock, minutes: float, left_seconds: float | None
) -> None:
    clock.advance(minutes=minutes)
    found = rows_sessions.find_credential(rows, access, clock.now())
    assert (found and found.lifetime_seconds) == left_seconds


@pytest.mark.parametrize(
    "change", [{"account_id": 2}, {"session_id": "other"}, {"generation": 1}], ids=str
)
def test_a_token_of_another_account_session_or_password_stands_for_nobody(
    rows: Rows, access: Claims, change: dict[str, Any]
) -> None:
    assert rows_sessions.find_credential(rows, replace(access, **change), NOW) is None


def test_a_session_is_ended_by_its_own_account_alone(rows: Rows, access: Claims) -> None:
    rows_sessions.end(rows, 2, "s")
    assert rows_sessions.find_credential(rows, access, NOW) is not None
    rows_sessions.end(rows, ANA, "s")
    assert rows_sessions.find_credential(rows, access, NOW) is None


def test_a_new_password_ends_the_accounts_sessions_and_no_other(rows: Rows) -> None:
    other = rows_accounts.find_or_create(rows, "other", None, NOW)
    rows_sessions.begin(rows, other, "other", "r0", NOW)
    rows_accounts.set_password(rows, ANA, 0, "hash-2")
    assert rows.execute(select(Session.id)).scalars().all() == ["other"]


# Renewing


def test_a_refresh_token_is_used_up_for_the_next_one(rows: Rows) -> None:
    for number in range(10):
        assert _renew(rows, NOW, f"r{number}", f"r{number + 1}") == "renewed"
    assert _count(rows) == 1


def test_one_that_was_used_before_ends_the_session(rows: Rows, access: Claims) -> None:
    _renew(rows, NOW, "r0", "r1")
    assert _renew(rows, NOW, "r0", "stolen") == "ended"
    assert _renew(rows, NOW, "r1", "r2") == "refused"
    assert rows_sessions.find_credential(rows, access, NOW) is None


def test_one_from_before_a_new_password_cannot_be_used(rows: Rows) -> None:
    assert _renew(rows, NOW, "r0", "r1", generation=1) == "refused"


def test_a_suspension_uses_no_refresh_token_up(rows: Rows) -> None:
    rows_accounts.suspend(rows, ANA, NOW)
    with pytest.raises(AccountSuspended):
        _renew(rows, NOW, "r0", "r1")
    rows_accounts.resume(rows, ANA, NOW)
    assert _renew(rows, NOW, "r0", "r1") == "renewed"


def test_a_session_ends_a_month_after_it_was_last_renewed(rows: Rows, clock: SettableClock) -> None:
    clock.advance(days=29)
    assert _renew(rows, clock.now(), "r0", "r1") == "renewed"
    clock.advance(days=29)
    assert _renew(rows, clock.now(), "r1", "r2") == "renewed"
    clock.advance(days=30)
    assert _renew(rows, clock.now(), "r2", "r3") == "refused"


# Room


def test_expired_sessions_are_swept_when_one_is_begun(rows: Rows, clock: SettableClock) -> None:
    clock.advance(days=30)
    rows_sessions.begin(rows, ANA, "short", "r0", clock.now(), timedelta(hours=12))
    assert _count(rows) == 1
    clock.advance(hours=12)
    rows_sessions.begin(rows, ANA, "new", "r0", clock.now())
    assert _count(rows) == 1


def test_the_session_unused_for_longest_makes_room(
    rows: Rows, access: Claims, clock: SettableClock
) -> None:
    other = rows_accounts.find_or_create(rows, "other", None, clock.now())
    rows_sessions.begin(rows, other, "other", "r0", clock.now())
    for number in range(MOST_SESSIONS):
        clock.advance(seconds=1)
        rows_changes.start(rows)
        rows_sessions.begin(rows, ANA, f"s{number}", "r0", clock.now())
    assert rows_changes.noted(rows) == {ANA}
    assert _count(rows) == MOST_SESSIONS + 1
    assert rows_sessions.find_credential(rows, access, clock.now()) is None
