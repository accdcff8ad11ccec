"""Accounts as their owners see them, in a real file: names, passwords, keys of one's own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import Conflict, Taken, UnknownAccount, UnknownKey
from cardiorisk.identity.keys import digest
from cardiorisk.store.account_records import MOST_ACTIVE_KEYS, MOST_ENDED_KEYS, AccountRecords
from cardiorisk.store.values import StoredLogin

if TYPE_CHECKING:
    from cardiorisk.store.records import Records
    from tests.store.conftest import SettableMoment

ANA, BRUNO = 1, 2


@pytest.fixture
def accounts(records: Records, now: SettableMoment) -> AccountRecords:
    """The accounts of ana and bruno."""
    opened = AccountRecords(records.database, now)
    opened.register("Ana", "ana@example.org", "hash-a", "freemium")
    opened.register("bruno", "bruno@example.org", "hash-b", "freemium")
    return opened


# Registering


def test_a_registered_account_is_as_it_was_asked_for(
    accounts: AccountRecords, now: SettableMoment
) -> None:
    record = accounts.load_account(ANA)
    assert (record.name, record.email, record.plan) == ("Ana", "ana@example.org", "freemium")
    assert (record.is_operator, record.active_keys, record.created_at) == (False, 0, now())


@pytest.mark.parametrize(
    ("name", "email", "faulty"),
    [
        ("Ana", "new@example.org", ["username"]),
        ("ANA", "new@example.org", ["username"]),
        ("new", "bruno@example.org", ["email"]),
        ("ana", "bruno@example.org", ["username", "email"]),
    ],
)
def test_what_is_taken_is_named(
    accounts: AccountRecords, name: str, email: str, faulty: list[str]
) -> None:
    with pytest.raises(Taken) as refusal:
        accounts.register(name, email, "hash", "freemium")
    assert [fault.field for fault in refusal.value.faults] == faulty


def test_what_is_taken_leaves_nothing(accounts: AccountRecords, records: Records) -> None:
    with pytest.raises(Taken):
        accounts.register("new", "ana@example.org", "hash", "freemium")
    assert [account.name for account in records.list_accounts()] == ["Ana", "bruno"]


def test_the_name_of_an_account_made_by_a_command_is_taken(
    accounts: AccountRecords, records: Records
) -> None:
    records.create_key("Hospital", None, None)
    with pytest.raises(Taken):
        accounts.register("hospital", "h@example.org", "hash", "freemium")


def test_a_command_finds_a_registered_account_in_whatever_case(
    accounts: AccountRecords, records: Records
) -> None:
    assert records.create_key("BRUNO", None, None).record.account == "bruno"
    assert records.set_plan("aNa", "premium").name == accounts.load_account(ANA).name


# Logging in


@pytest.mark.parametrize("name", ["Ana", "ana", "ANA"])
def test_a_login_is_found_in_whatever_case(accounts: AccountRecords, name: str) -> None:
    assert accounts.find_login(name) == StoredLogin(ANA, "Ana", "hash-a", 0)


def test_a_name_nobody_has_is_not_found(accounts: AccountRecords) -> None:
    assert accounts.find_login("nobody") is None


def test_an_account_made_by_a_command_has_no_password(
    accounts: AccountRecords, records: Records
) -> None:
    records.create_key("hospital", None, None)
    found = accounts.find_login("hospital")
    assert found is not None
    assert found.password_hash is None


def test_a_hash_is_replaced(accounts: AccountRecords) -> None:
    accounts.replace_hash(ANA, "hash-a", "hash-new")
    assert accounts.find_login("ana") == StoredLogin(ANA, "Ana", "hash-new", 0)


def test_a_hash_is_not_replaced_once_the_password_has_changed(accounts: AccountRecords) -> None:
    accounts.set_password(ANA, 0, "hash-changed")
    accounts.replace_hash(ANA, "hash-a", "hash-new")
    assert accounts.find_login("ana") == StoredLogin(ANA, "Ana", "hash-changed", 1)


def test_of_two_password_changes_at_the_same_moment_one_holds(accounts: AccountRecords) -> None:
    assert accounts.set_password(ANA, 0, "hash-1")
    assert not accounts.set_password(ANA, 0, "hash-2")
    assert accounts.find_login("ana") == StoredLogin(ANA, "Ana", "hash-1", 1)


def test_a_plan_change_is_told_and_touches_nobody_else(accounts: AccountRecords) -> None:
    assert accounts.set_plan(ANA, "premium").plan == "premium"
    assert accounts.load_account(BRUNO).plan == "freemium"


def test_an_account_that_is_gone_is_unknown(accounts: AccountRecords) -> None:
    with pytest.raises(UnknownAccount):
        accounts.load_account(99)
    with pytest.raises(UnknownAccount):
        accounts.set_plan(99, "premium")


# Keys of one's own


def test_a_new_key_opens_its_account(accounts: AccountRecords, records: Records) -> None:
    minted = accounts.create_key(BRUNO, None)
    credential = records.find_credential(digest(minted.key))
    assert credential is not None
    assert credential.principal.account_id == BRUNO


def test_a_list_holds_ones_own_keys_only(accounts: AccountRecords) -> None:
    mine = accounts.create_key(ANA, None).record
    accounts.create_key(BRUNO, None)
    assert accounts.list_keys(ANA) == (mine,)


def test_a_list_holds_ended_keys_too(accounts: AccountRecords, now: SettableMoment) -> None:
    key_id = accounts.create_key(ANA, None).record.key_id
    accounts.revoke_key(ANA, key_id)
    assert [key.status(now()) for key in accounts.list_keys(ANA)] == ["revoked"]


def test_a_revoked_key_opens_nothing(accounts: AccountRecords, records: Records) -> None:
    minted = accounts.create_key(ANA, None)
    accounts.revoke_key(ANA, minted.record.key_id)
    assert records.find_credential(digest(minted.key)) is None


def test_another_accounts_key_cannot_be_revoked(accounts: AccountRecords, records: Records) -> None:
    minted = accounts.create_key(ANA, None)
    with pytest.raises(UnknownKey):
        accounts.revoke_key(BRUNO, minted.record.key_id)
    assert records.find_credential(digest(minted.key)) is not None


def test_another_accounts_key_cannot_be_rotated(accounts: AccountRecords) -> None:
    key_id = accounts.create_key(ANA, None).record.key_id
    with pytest.raises(UnknownKey):
        accounts.rotate_key(BRUNO, key_id, timedelta())
    assert len(accounts.list_keys(ANA)) == 1


def test_another_accounts_key_is_as_unknown_as_none(accounts: AccountRecords) -> None:
    messages = set()
    for key_id in (accounts.create_key(ANA, None).record.key_id, "key_none"):
        with pytest.raises(UnknownKey) as refusal:
            accounts.revoke_key(BRUNO, key_id)
        messages.add(str(refusal.value))
    assert len(messages) == 1


@pytest.mark.parametrize(("minutes", "is_found"), [(4, True), (5, False)])
def test_a_rotated_key_works_until_its_grace_is_over(
    accounts: AccountRecords,
    records: Records,
    now: SettableMoment,
    *,
    minutes: int,
    is_found: bool,
) -> None:
    minted = accounts.create_key(ANA, None)
    accounts.rotate_key(ANA, minted.record.key_id, timedelta(minutes=5))
    now.advance(minutes=minutes)
    assert (records.find_credential(digest(minted.key)) is not None) is is_found


def test_a_key_that_has_ended_cannot_be_rotated(accounts: AccountRecords) -> None:
    key_id = accounts.create_key(ANA, None).record.key_id
    accounts.revoke_key(ANA, key_id)
    with pytest.raises(Conflict, match="is revoked"):
        accounts.rotate_key(ANA, key_id, timedelta())


def test_an_account_has_twenty_active_keys_at_most(accounts: AccountRecords) -> None:
    for _ in range(MOST_ACTIVE_KEYS):
        accounts.create_key(ANA, None)
    with pytest.raises(Conflict, match="20 active keys"):
        accounts.create_key(ANA, None)
    assert accounts.create_key(BRUNO, None).record.account == "bruno"


def test_a_full_account_may_rotate_without_grace_only(accounts: AccountRecords) -> None:
    made = [accounts.create_key(ANA, None).record for _ in range(MOST_ACTIVE_KEYS)]
    key_id = made[0].key_id
    with pytest.raises(Conflict):
        accounts.rotate_key(ANA, key_id, timedelta(minutes=5))
    accounts.rotate_key(ANA, key_id, timedelta())
    assert accounts.load_account(ANA).active_keys == MOST_ACTIVE_KEYS


def test_an_ended_key_makes_room(accounts: AccountRecords, now: SettableMoment) -> None:
    for _ in range(MOST_ACTIVE_KEYS):
        accounts.create_key(ANA, timedelta(days=1))
    now.advance(days=1)
    accounts.create_key(ANA, None)
    assert accounts.load_account(ANA).active_keys == 1


def test_of_ended_keys_the_newest_hundred_are_kept(
    accounts: AccountRecords, now: SettableMoment
) -> None:
    made = []
    for _ in range(MOST_ENDED_KEYS + 2):
        made.append(accounts.create_key(ANA, None).record.key_id)
        accounts.revoke_key(ANA, made[-1])
        now.advance(seconds=1)
    last = accounts.create_key(ANA, None).record.key_id
    assert [key.key_id for key in accounts.list_keys(ANA)] == [*made[2:], last]
