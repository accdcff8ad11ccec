"""Accounts and keys in a real file: what is stored, what is refused, what is told."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import StatementError

from cardiorisk.errors import Conflict, StoreUnavailable, UnknownAccount, UnknownKey
from cardiorisk.identity.keys import Principal, digest, is_well_formed
from cardiorisk.store.records import Records
from cardiorisk.store.tables import Account

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.store.values import Credential
    from tests.store.conftest import SettableMoment

MONTH = timedelta(days=30)


def _credential(records: Records, key: str) -> Credential | None:
    return records.find_credential(digest(key))


# Making keys


def test_principal_knows_whether_the_account_is_an_operators(records: Records) -> None:
    key = records.create_key("ana", "premium", lifetime=None).key
    answers = []
    for is_operator in (False, True):
        records.set_operator("ana", is_operator=is_operator)
        credential = records.find_credential(digest(key))
        assert credential is not None
        answers.append(credential.principal.is_operator)
    assert answers == [False, True]


def test_a_new_key_is_well_formed(records: Records) -> None:
    assert is_well_formed(records.create_key("ana", None, None).key)


def test_a_new_key_makes_its_account_on_freemium(records: Records) -> None:
    records.create_key("ana", None, None)
    assert [(a.name, a.plan, a.is_operator) for a in records.list_accounts()] == [
        ("ana", "freemium", False)
    ]


def test_a_new_account_gets_the_plan_that_was_asked_for(records: Records) -> None:
    assert records.create_key("ana", "premium", None).record.plan == "premium"


def test_a_second_key_joins_the_account_and_its_plan(records: Records) -> None:
    records.create_key("ana", "premium", None)
    assert records.create_key("ana", None, None).record.plan == "premium"
    assert len(records.list_accounts()) == 1


def test_naming_the_plan_the_account_is_on_is_fine(records: Records) -> None:
    records.create_key("ana", "premium", None)
    assert records.create_key("ana", "premium", None).record.account == "ana"


def test_another_plan_than_the_accounts_is_a_conflict_that_names_the_command(
    records: Records,
) -> None:
    records.create_key("ana maría", None, None)
    with pytest.raises(Conflict, match="cardiorisk accounts plan 'ana maría' premium"):
        records.create_key("ana maría", "premium", None)


def test_a_conflict_makes_no_key(records: Records) -> None:
    records.create_key("ana", None, None)
    with pytest.raises(Conflict):
        records.create_key("ana", "premium", None)
    assert len(records.list_keys()) == 1


def test_the_keys_text_is_nowhere_in_the_files(records: Records, path: Path) -> None:
    key = records.create_key("ana", None, None).key
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert key[10:].encode() not in stored


def test_what_is_printed_of_a_minted_key_does_not_show_it(records: Records) -> None:
    minted = records.create_key("ana", None, None)
    assert minted.key not in repr(minted)


def test_the_first_key_is_a_demo_accounts_on_freemium(records: Records) -> None:
    minted = records.create_first_key()
    assert minted is not None
    assert (minted.record.account, minted.record.plan) == ("demo", "freemium")


def test_there_is_no_first_key_where_there_is_an_account(records: Records) -> None:
    records.create_key("ana", None, None)
    assert records.create_first_key() is None


# Finding whom a key stands for


def test_a_key_stands_for_its_account_and_plan(records: Records) -> None:
    minted = records.create_key("ana", "premium", None)
    credential = _credential(records, minted.key)
    assert credential is not None
    assert credential.principal == Principal(1, minted.record.key_id, "premium")


def test_a_key_without_an_expiry_lives_for_ever(records: Records) -> None:
    credential = _credential(records, records.create_key("ana", None, None).key)
    assert credential is not None
    assert credential.lifetime_seconds == math.inf


def test_a_key_tells_how_long_it_still_lives(records: Records, now: SettableMoment) -> None:
    key = records.create_key("ana", None, timedelta(seconds=90)).key
    now.advance(seconds=60)
    credential = _credential(records, key)
    assert credential is not None
    assert credential.lifetime_seconds == 30.0


def test_an_unknown_key_stands_for_nobody(records: Records) -> None:
    assert _credential(records, "crk_unknown") is None


@pytest.mark.parametrize(("age_seconds", "is_found"), [(89.999, True), (90.0, False)])
def test_a_key_ends_at_its_expiry_to_the_moment(
    records: Records, now: SettableMoment, *, age_seconds: float, is_found: bool
) -> None:
    key = records.create_key("ana", None, timedelta(seconds=90)).key
    now.advance(seconds=age_seconds)
    assert (_credential(records, key) is not None) is is_found


def test_a_revoked_key_stands_for_nobody(records: Records) -> None:
    minted = records.create_key("ana", None, None)
    records.revoke_key(minted.record.key_id)
    assert _credential(records, minted.key) is None


# Revoking


def test_revoking_keeps_the_moment(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    assert records.revoke_key(key_id).revoked_at == now()


def test_revoking_again_keeps_the_first_moment(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    first = records.revoke_key(key_id).revoked_at
    now.advance(hours=1)
    assert records.revoke_key(key_id).revoked_at == first


def test_revoking_an_unknown_key_says_so(records: Records) -> None:
    with pytest.raises(UnknownKey, match="there is no key key_none"):
        records.revoke_key("key_none")


# Rotating


def test_without_grace_the_old_key_ends_at_once(records: Records) -> None:
    minted = records.create_key("ana", None, None)
    records.rotate_key(minted.record.key_id, timedelta())
    assert _credential(records, minted.key) is None


def test_the_new_key_opens_the_same_account(records: Records) -> None:
    minted = records.create_key("ana", "premium", None)
    new = records.rotate_key(minted.record.key_id, timedelta()).new
    credential = _credential(records, new.key)
    assert credential is not None
    assert credential.principal == Principal(1, new.record.key_id, "premium")


@pytest.mark.parametrize(("minutes", "is_found"), [(4, True), (5, False)])
def test_with_grace_the_old_key_works_until_the_grace_is_over(
    records: Records, now: SettableMoment, *, minutes: int, is_found: bool
) -> None:
    minted = records.create_key("ana", None, None)
    records.rotate_key(minted.record.key_id, timedelta(minutes=5))
    now.advance(minutes=minutes)
    assert (_credential(records, minted.key) is not None) is is_found


def test_grace_does_not_lengthen_the_old_keys_life(records: Records, now: SettableMoment) -> None:
    minted = records.create_key("ana", None, timedelta(minutes=3))
    rotation = records.rotate_key(minted.record.key_id, timedelta(minutes=60))
    assert rotation.old.expires_at == now() + timedelta(minutes=3)


def test_the_new_key_lives_as_long_as_the_old_one_was_meant_to(
    records: Records, now: SettableMoment
) -> None:
    minted = records.create_key("ana", None, MONTH)
    now.advance(days=20)
    new = records.rotate_key(minted.record.key_id, timedelta()).new
    assert new.record.expires_at == now() + MONTH


def test_a_key_without_an_expiry_is_replaced_by_one_without(records: Records) -> None:
    minted = records.create_key("ana", None, None)
    assert records.rotate_key(minted.record.key_id, timedelta()).new.record.expires_at is None


def test_a_revoked_key_cannot_be_rotated(records: Records) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    records.revoke_key(key_id)
    with pytest.raises(Conflict, match="is revoked; make another with"):
        records.rotate_key(key_id, timedelta())


def test_an_expired_key_cannot_be_rotated(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, MONTH).record.key_id
    now.advance(days=31)
    with pytest.raises(Conflict, match="is expired"):
        records.rotate_key(key_id, timedelta())


def test_rotating_an_unknown_key_says_so(records: Records) -> None:
    with pytest.raises(UnknownKey):
        records.rotate_key("key_none", timedelta())


# Listing


def test_keys_are_listed_oldest_first(records: Records, now: SettableMoment) -> None:
    for name in ("bruno", "ana", "carla"):
        records.create_key(name, None, None)
        now.advance(seconds=1)
    assert [key.account for key in records.list_keys()] == ["bruno", "ana", "carla"]


def test_a_listed_key_has_its_moments_in_utc(records: Records) -> None:
    records.create_key("ana", None, MONTH)
    (key,) = records.list_keys()
    assert key.created_at == datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)
    assert key.expires_at == datetime(2026, 12, 22, 20, 47, 23, tzinfo=UTC)


def test_a_listed_key_shows_ten_characters_of_the_key(records: Records) -> None:
    key = records.create_key("ana", None, None).key
    assert records.list_keys()[0].prefix == key[:10]


def test_a_keys_status_is_active_until_it_ends(records: Records, now: SettableMoment) -> None:
    record = records.create_key("ana", None, MONTH).record
    assert [record.status(now() + age) for age in (timedelta(), MONTH)] == ["active", "expired"]


def test_a_revoked_keys_status_is_revoked(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    assert records.revoke_key(key_id).status(now()) == "revoked"


def test_accounts_are_listed_by_name(records: Records) -> None:
    for name in ("bruno", "ana", "carla"):
        records.create_key(name, None, None)
    assert [account.name for account in records.list_accounts()] == ["ana", "bruno", "carla"]


def test_an_account_counts_its_active_keys_only(records: Records, now: SettableMoment) -> None:
    records.create_key("ana", None, None)
    records.create_key("ana", None, MONTH)
    records.create_key("ana", None, timedelta(days=1))
    records.revoke_key(records.create_key("ana", None, None).record.key_id)
    now.advance(days=2)
    assert [account.active_keys for account in records.list_accounts()] == [2]


def test_an_account_whose_keys_have_all_ended_is_listed_with_none(records: Records) -> None:
    records.revoke_key(records.create_key("ana", None, None).record.key_id)
    assert [account.active_keys for account in records.list_accounts()] == [0]


# Changing accounts


def test_a_plan_change_is_told_and_kept(records: Records) -> None:
    records.create_key("ana", None, None)
    assert records.set_plan("ana", "premium").plan == "premium"
    assert records.list_accounts()[0].plan == "premium"


def test_a_plan_change_touches_no_other_account(records: Records) -> None:
    records.create_key("ana", None, None)
    records.create_key("bruno", None, None)
    records.set_plan("ana", "premium")
    assert records.list_accounts()[1].plan == "freemium"


def test_an_unknown_account_has_no_plan_to_change(records: Records) -> None:
    with pytest.raises(UnknownAccount, match="there is no account nobody"):
        records.set_plan("nobody", "premium")


@pytest.mark.parametrize("is_operator", [True, False])
def test_an_account_is_made_an_operator_and_unmade(records: Records, *, is_operator: bool) -> None:
    records.create_key("ana", None, None)
    records.set_operator("ana", is_operator=True)
    assert records.set_operator("ana", is_operator=is_operator).is_operator is is_operator


def test_a_deleted_accounts_number_is_never_used_again(records: Records, path: Path) -> None:
    records.create_key("ana", None, None)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM account")
    records.create_key("bruno", None, None)
    assert records.list_accounts()[0].account_id == 2


# Last use


def test_the_last_use_is_kept(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    records.note_last_used({key_id: now()})
    assert records.list_keys()[0].last_used_at == now()


def test_an_earlier_use_does_not_replace_a_later_one(records: Records, now: SettableMoment) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    records.note_last_used({key_id: now()})
    records.note_last_used({key_id: now() - MONTH})
    assert records.list_keys()[0].last_used_at == now()


# The tables' own rules


def test_a_moment_without_a_time_zone_is_refused(records: Records) -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - the fault under test
    values = {"name": "ana", "plan": "premium", "is_operator": False, "created_at": naive}
    with pytest.raises(StoreUnavailable) as refused, records.database.writing() as connection:
        connection.execute(insert(Account).values(values))
    assert isinstance(refused.value.__cause__, StatementError)


def test_a_moment_from_another_time_zone_is_stored_in_utc(records: Records, path: Path) -> None:
    key_id = records.create_key("ana", None, None).record.key_id
    at = datetime.fromisoformat("2026-11-22T22:00:00+05:00")
    records.note_last_used({key_id: at})
    with closing(sqlite3.connect(path)) as connection:
        stored = connection.execute("SELECT last_used_at FROM api_key").fetchone()
    assert stored == ("2026-11-22 17:00:00.000000",)


# Opening


def test_an_open_of_an_existing_file_makes_none(url: str, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"there is no database at .*keys\.db"):
        Records.open_existing(url)
    assert not path.exists()


def test_an_open_of_an_existing_file_refuses_one_without_tables(url: str, path: Path) -> None:
    path.touch()
    with pytest.raises(StoreUnavailable, match="has no tables; run `cardiorisk db upgrade`"):
        Records.open_existing(url)


def test_what_one_opening_stores_the_next_one_finds(url: str, now: SettableMoment) -> None:
    with Records.open(url, now) as records:
        key = records.create_key("ana", None, None).key
    with Records.open_existing(url, now) as records:
        assert _credential(records, key) is not None
