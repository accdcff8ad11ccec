"""Operators find every account by what they know of it, and always one of them is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import Conflict, UnknownAccount, UnknownKey
from cardiorisk.store.account_records import AccountRecords
from cardiorisk.store.operator_records import OperatorRecords

if TYPE_CHECKING:
    from cardiorisk.store.records import Records
    from tests.store.conftest import SettableMoment


@pytest.fixture
def operated(records: Records, now: SettableMoment) -> OperatorRecords:
    accounts = AccountRecords(records.database, now)
    accounts.register("Ana", "ana@example.org", "hash", "freemium")
    accounts.register("José_1", "jo@example.org", "hash", "premium")
    records.create_key("100% clinic", None, None)
    return OperatorRecords(records.database, now)


def found(operated: OperatorRecords, text: str) -> list[str]:
    return [account.name for account in operated.search(text, 0, 10)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["Ana", "José_1", "100% clinic"]),
        ("ana", ["Ana"]),
        ("ANA@EXAMPLE", ["Ana"]),
        ("jose\u0301", ["José_1"]),
        ("%", ["100% clinic"]),
        ("_", ["José_1"]),
        ("' OR 1=1 --", []),
    ],
)
def test_an_account_is_found_by_a_part_of_its_name_or_address(
    operated: OperatorRecords, text: str, names: list[str]
) -> None:
    assert found(operated, text) == names


def test_an_account_is_found_by_a_key_of_it(operated: OperatorRecords, records: Records) -> None:
    (key,) = records.list_keys()
    assert found(operated, key.key_id) == found(operated, key.prefix) == ["100% clinic"]


def test_a_page_goes_on_after_the_one_before(operated: OperatorRecords) -> None:
    first = operated.search("", 0, 2)
    second = operated.search("", first[-1].account_id, 2)
    assert [account.name for account in (*first, *second)] == ["Ana", "José_1", "100% clinic"]


def test_an_account_is_shown_with_its_keys(operated: OperatorRecords) -> None:
    account, keys = operated.load(3)
    assert (account.name, len(keys)) == ("100% clinic", 1)


def test_the_keys_of_a_name_are_found(operated: OperatorRecords, records: Records) -> None:
    assert operated.find_key_ids("100% CLINIC") == frozenset({records.list_keys()[0].key_id})
    assert operated.find_key_ids("ana") == frozenset()
    assert operated.find_key_ids("nobody") is None


def test_a_plan_is_changed(operated: OperatorRecords) -> None:
    assert operated.set_plan(1, "premium").plan == "premium"


def test_a_suspension_keeps_its_first_moment(
    operated: OperatorRecords, now: SettableMoment
) -> None:
    first = operated.suspend(1).suspended_at
    now.advance(minutes=5)
    assert operated.suspend(1).suspended_at == first is not None
    assert operated.resume(1).suspended_at is None


def test_a_revoked_key_keeps_its_first_moment(
    operated: OperatorRecords, records: Records, now: SettableMoment
) -> None:
    key_id = records.list_keys()[0].key_id
    first = operated.revoke_key(3, key_id).revoked_at
    now.advance(minutes=5)
    assert operated.revoke_key(3, key_id).revoked_at == first is not None


def test_a_key_of_another_account_is_not_revoked(
    operated: OperatorRecords, records: Records
) -> None:
    key_id = records.list_keys()[0].key_id
    with pytest.raises(UnknownKey):
        operated.revoke_key(1, key_id)
    with pytest.raises(UnknownAccount):
        operated.revoke_key(99, key_id)
    assert records.list_keys()[0].revoked_at is None


@pytest.mark.parametrize("method", ["load", "suspend", "resume"])
def test_an_account_that_is_not_there_is_unknown(operated: OperatorRecords, method: str) -> None:
    with pytest.raises(UnknownAccount):
        getattr(operated, method)(99)


def test_of_two_operators_who_suspend_each_other_one_is_left(
    operated: OperatorRecords, records: Records
) -> None:
    for name in ("Ana", "José_1"):
        records.set_operator(name, is_operator=True)
    operated.suspend(1)
    with pytest.raises(Conflict, match="another operator"):
        operated.suspend(2)
