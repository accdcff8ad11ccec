"""Sessions in a real file: opened, renewed once a token, ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from cardiorisk.identity.keys import Principal
from cardiorisk.identity.tokens import Claims
from cardiorisk.store.account_records import AccountRecords
from cardiorisk.store.session_records import MOST_SESSIONS, SessionRecords
from cardiorisk.store.tables import Session

if TYPE_CHECKING:
    from cardiorisk.store.records import Records
    from tests.store.conftest import SettableMoment

ANA = 1


@pytest.fixture
def sessions(records: Records, now: SettableMoment) -> SessionRecords:
    """A session s of the account ana, which waits for the refresh token r0."""
    AccountRecords(records.database, now).register("ana", "a@example.org", "hash", "freemium")
    opened = SessionRecords(records.database, now)
    opened.open_session(ANA, "s", "r0")
    return opened


@pytest.fixture
def claims(now: SettableMoment) -> Claims:
    return Claims(ANA, "s", 0, "0123456789abcdef", now() + timedelta(minutes=15))


def _refresh(now: SettableMoment, token_id: str, generation: int = 0) -> Claims:
    return Claims(ANA, "s", generation, token_id, now() + timedelta(days=30))


def _count(records: Records) -> int:
    with records.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(Session)).scalar_one()


# The secret


def test_the_secret_is_made_once(sessions: SessionRecords) -> None:
    first = sessions.load_secret()
    assert (len(first), sessions.load_secret()) == (32, first)


# What a token stands for


def test_an_access_token_stands_for_its_account(sessions: SessionRecords, claims: Claims) -> None:
    found = sessions.find_credential(claims)
    assert found is not None
    assert found.principal == Principal(ANA, "jwt_0123456789ab", "freemium", "s")


def test_an_operators_access_token_stands_for_an_operator(
    sessions: SessionRecords, records: Records, claims: Claims
) -> None:
    records.set_operator("ana", is_operator=True)
    found = sessions.find_credential(claims)
    assert found is not None
    assert found.principal.is_operator


def test_an_access_token_lives_five_seconds_past_its_expiry(
    sessions: SessionRecords, claims: Claims, now: SettableMoment
) -> None:
    now.advance(minutes=15)
    found = sessions.find_credential(claims)
    assert found is not None
    assert found.lifetime_seconds == 5.0


@pytest.mark.parametrize(
    "change", [{"account_id": 2}, {"session_id": "other"}, {"generation": 1}], ids=str
)
def test_a_token_of_another_account_session_or_password_stands_for_nobody(
    sessions: SessionRecords, claims: Claims, change: dict[str, Any]
) -> None:
    assert sessions.find_credential(replace(claims, **change)) is None


def test_a_token_of_an_ended_session_stands_for_nobody(
    sessions: SessionRecords, claims: Claims
) -> None:
    sessions.end_session(ANA, "s")
    assert sessions.find_credential(claims) is None


def test_nobody_ends_another_accounts_session(sessions: SessionRecords, claims: Claims) -> None:
    sessions.end_session(2, "s")
    assert sessions.find_credential(claims) is not None


# Renewing


def test_a_refresh_token_is_used_up_for_the_next_one(
    sessions: SessionRecords, now: SettableMoment
) -> None:
    assert sessions.renew_session(_refresh(now, "r0"), "r1") == "renewed"
    assert sessions.renew_session(_refresh(now, "r1"), "r2") == "renewed"


def test_one_that_was_used_before_ends_the_session(
    sessions: SessionRecords, claims: Claims, now: SettableMoment
) -> None:
    sessions.renew_session(_refresh(now, "r0"), "r1")
    assert sessions.renew_session(_refresh(now, "r0"), "stolen") == "ended"
    assert sessions.renew_session(_refresh(now, "r1"), "r2") == "refused"
    assert sessions.find_credential(claims) is None


def test_one_from_before_a_new_password_cannot_be_used(
    sessions: SessionRecords, now: SettableMoment
) -> None:
    assert sessions.renew_session(_refresh(now, "r0", generation=1), "r1") == "refused"


def test_a_session_not_renewed_for_a_month_has_ended(
    sessions: SessionRecords, now: SettableMoment
) -> None:
    now.advance(days=30)
    assert sessions.renew_session(_refresh(now, "r0"), "r1") == "refused"


def test_renewing_gives_another_month(sessions: SessionRecords, now: SettableMoment) -> None:
    now.advance(days=29)
    sessions.renew_session(_refresh(now, "r0"), "r1")
    now.advance(days=29)
    assert sessions.renew_session(_refresh(now, "r1"), "r2") == "renewed"


# Room


def test_expired_sessions_are_swept_when_one_is_opened(
    sessions: SessionRecords, records: Records, now: SettableMoment
) -> None:
    now.advance(days=30)
    sessions.open_session(ANA, "new", "r0")
    assert _count(records) == 1


def test_a_session_is_one_row_however_often_it_is_renewed(
    sessions: SessionRecords, records: Records, now: SettableMoment
) -> None:
    for number in range(10):
        sessions.renew_session(_refresh(now, f"r{number}"), f"r{number + 1}")
    assert _count(records) == 1


def test_the_session_unused_for_longest_makes_room(
    sessions: SessionRecords, records: Records, claims: Claims, now: SettableMoment
) -> None:
    ended = []
    for number in range(MOST_SESSIONS):
        now.advance(seconds=1)
        ended.append(sessions.open_session(ANA, f"s{number}", "r0"))
    assert ended == [False] * (MOST_SESSIONS - 1) + [True]
    assert _count(records) == MOST_SESSIONS
    assert sessions.find_credential(claims) is None
