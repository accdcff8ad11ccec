"""Accounts in a real file: found by name and by what is known of them, changed, suspended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from cardiorisk.errors import Conflict, StoreUnavailable, Taken, UnknownAccount
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store import rows_accounts, rows_keys, rows_sessions
from cardiorisk.store.database import Rows
from cardiorisk.store.sqlite import SqliteDatabase
from cardiorisk.store.tables import Account, ApiKey, AssessmentRow, Session, Usage
from cardiorisk.store.values import AccountRecord, StoredLogin
from tests.store.conftest import NOW
from tests.support import SettableClock

ANA, JOSE, CLINIC = 1, 2, 3


@pytest.fixture
def rows(rows: Rows) -> Rows:
    """Hold Ana and José, who have registered, and an account made by a command with a key."""
    rows_accounts.register(rows, "Ana", "ana@example.org", "hash-a", NOW)
    rows_accounts.register(rows, "José_1", "jo@example.org", "hash-j", NOW)
    clinic = rows_accounts.find_or_create(rows, "100% clinic", "premium", NOW)
    rows_keys.create(rows, clinic, NOW)
    return rows


# Registering


def test_a_registered_account_is_on_freemium_and_as_it_was_asked_for(rows: Rows) -> None:
    assert rows_accounts.load(rows, ANA, NOW) == AccountRecord(
        account_id=ANA,
        name="Ana",
        plan="freemium",
        is_operator=False,
        active_keys=0,
        created_at=NOW,
        email="ana@example.org",
        suspended_at=None,
        has_password=True,
    )


@pytest.mark.parametrize(
    ("name", "email", "faulty"),
    [
        ("Ana", "new@example.org", ["username"]),
        ("ANA", "new@example.org", ["username"]),
        ("100% Clinic", "new@example.org", ["username"]),
        ("new", "jo@example.org", ["email"]),
        ("ana", "jo@example.org", ["username", "email"]),
    ],
)
def test_what_is_taken_is_named_and_nothing_is_made(
    rows: Rows, name: str, email: str, faulty: list[str]
) -> None:
    with pytest.raises(Taken) as refusal:
        rows_accounts.register(rows, name, email, "hash", NOW)
    assert [fault.field for fault in refusal.value.faults] == faulty
    assert len(rows_accounts.list_accounts(rows, NOW)) == 3


def test_a_moment_without_a_time_zone_is_refused(database: SqliteDatabase) -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - the fault under test
    values = {"name": "ana", "plan": "premium", "is_operator": False, "created_at": naive}
    with pytest.raises(StoreUnavailable) as refused, database.writing() as rows:
        rows.execute(insert(Account).values(values))
    assert isinstance(refused.value.__cause__, StatementError)


# By name, as commands ask


def test_an_account_is_made_once_and_found_in_whatever_case(rows: Rows) -> None:
    assert rows_accounts.find_or_create(rows, "ana", None, NOW) == ANA
    assert rows_accounts.find_or_create(rows, "100% CLINIC", "premium", NOW) == CLINIC
    new = rows_accounts.find_or_create(rows, "new", None, NOW)
    assert rows_accounts.load(rows, new, NOW).plan == "freemium"


def test_another_plan_than_the_accounts_is_a_conflict_that_names_the_command(rows: Rows) -> None:
    with pytest.raises(Conflict, match="cardiorisk accounts plan '100% clinic' freemium"):
        rows_accounts.find_or_create(rows, "100% clinic", "freemium", NOW)


def test_of_two_names_that_differ_in_case_the_exact_one_is_found(rows: Rows) -> None:
    older = {
        "plan": "freemium",
        "is_operator": False,
        "created_at": datetime.fromtimestamp(0).astimezone(),
    }
    rows.execute(insert(Account).values(id=9, name="ana", folded_name=None, **older))
    assert rows_accounts.require_id(rows, "ana") == 9
    assert rows_accounts.require_id(rows, "Ana") == rows_accounts.require_id(rows, "ANA") == ANA


def test_a_name_that_nobody_has_is_unknown(rows: Rows) -> None:
    with pytest.raises(UnknownAccount, match="there is no account nobody"):
        rows_accounts.require_id(rows, "nobody")


def test_the_ids_of_the_keys_of_a_name_are_found(rows: Rows) -> None:
    (key,) = rows_keys.list_keys(rows)
    assert rows_accounts.find_key_ids(rows, "100% CLINIC") == frozenset({key.key_id})
    assert rows_accounts.find_key_ids(rows, "ana") == frozenset()
    assert rows_accounts.find_key_ids(rows, "nobody") is None


def test_an_empty_database_gets_one_demo_account_with_a_key(database: SqliteDatabase) -> None:
    with database.writing() as rows:
        minted = rows_accounts.create_demo(rows, NOW)
        assert minted is not None
        assert (minted.record.account, minted.record.plan) == ("demo", "freemium")
        assert rows_accounts.create_demo(rows, NOW) is None


# Listing and searching


def test_accounts_are_listed_by_name_and_count_their_active_keys_only(
    rows: Rows, clock: SettableClock
) -> None:
    for lifetime in (None, timedelta(days=30), timedelta(days=1)):
        rows_keys.create(rows, ANA, clock.now(), lifetime)
    rows_keys.revoke(rows, rows_keys.list_keys(rows, CLINIC)[0].key_id, clock.now())
    clock.advance(days=2)
    listed = rows_accounts.list_accounts(rows, clock.now())
    assert [(account.name, account.active_keys) for account in listed] == [
        ("100% clinic", 0),
        ("Ana", 2),
        ("José_1", 0),
    ]


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
    rows: Rows, text: str, names: list[str]
) -> None:
    found = rows_accounts.search(rows, text, 0, 10, NOW)
    assert [account.name for account in found] == names


def test_an_account_is_found_by_a_key_of_it(rows: Rows) -> None:
    (key,) = rows_keys.list_keys(rows)
    for text in (key.key_id, key.prefix):
        (found,) = rows_accounts.search(rows, text, 0, 10, NOW)
        assert found.account_id == CLINIC


def test_a_page_goes_on_after_the_one_before(rows: Rows) -> None:
    pages = [rows_accounts.search(rows, "", after, 2, NOW) for after in (0, JOSE)]
    assert [[account.account_id for account in page] for page in pages] == [[ANA, JOSE], [CLINIC]]


# Logging in


@pytest.mark.parametrize("name", ["Ana", "ana", "ANA"])
def test_a_login_is_found_in_whatever_case(rows: Rows, name: str) -> None:
    found = rows_accounts.find_login(rows, name)
    assert found == StoredLogin(ANA, "hash-a", 0)
    assert "hash-a" not in repr(found)


def test_without_a_password_there_is_no_hash_and_without_a_name_nothing(rows: Rows) -> None:
    found = rows_accounts.find_login(rows, "100% clinic")
    assert found is not None
    assert found.password_hash is None
    assert rows_accounts.find_login(rows, "nobody") is None


def test_of_two_password_changes_at_the_same_moment_one_holds(rows: Rows) -> None:
    assert rows_accounts.set_password(rows, ANA, 0, "hash-1")
    assert not rows_accounts.set_password(rows, ANA, 0, "hash-2")
    assert rows_accounts.find_login(rows, "ana") == StoredLogin(ANA, "hash-1", 1)


def test_a_hash_is_replaced_unless_the_password_has_changed(rows: Rows) -> None:
    rows_accounts.replace_hash(rows, ANA, "hash-a", "hash-new")
    assert rows_accounts.find_login(rows, "ana") == StoredLogin(ANA, "hash-new", 0)
    rows_accounts.replace_hash(rows, ANA, "hash-a", "hash-late")
    assert rows_accounts.find_login(rows, "ana") == StoredLogin(ANA, "hash-new", 0)


# Changing


def test_a_plan_change_touches_nobody_else(rows: Rows) -> None:
    assert rows_accounts.set_plan(rows, ANA, "premium", NOW).plan == "premium"
    plans = [account.plan for account in rows_accounts.search(rows, "", 0, 10, NOW)]
    assert plans == ["premium", "freemium", "premium"]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows, now: rows_accounts.load(rows, 99, now),
        lambda rows, now: rows_accounts.set_plan(rows, 99, "premium", now),
        lambda rows, now: rows_accounts.set_operator(rows, 99, now, is_operator=False),
        lambda rows, now: rows_accounts.suspend(rows, 99, now),
        lambda rows, now: rows_accounts.resume(rows, 99, now),
    ],
    ids=["load", "plan", "operator", "suspend", "resume"],
)
def test_an_account_that_is_not_there_is_unknown(
    rows: Rows, change: Callable[[Rows, datetime], object]
) -> None:
    with pytest.raises(UnknownAccount, match="there is no such account"):
        change(rows, NOW)


def test_a_suspension_keeps_its_first_moment_until_it_ends(
    rows: Rows, clock: SettableClock
) -> None:
    first = clock.now()
    for _ in range(2):
        assert rows_accounts.suspend(rows, ANA, clock.now()).suspended_at == first
        clock.advance(minutes=5)
    assert rows_accounts.load(rows, JOSE, clock.now()).suspended_at is None
    for _ in range(2):
        assert rows_accounts.resume(rows, ANA, clock.now()).suspended_at is None


# One operator is left


_set_operator = partial(rows_accounts.set_operator, is_operator=True)
_demote = partial(rows_accounts.set_operator, is_operator=False)


Undo: TypeAlias = "Callable[[Rows, int, datetime], AccountRecord]"
UNDO = pytest.mark.parametrize("undo", [rows_accounts.suspend, _demote])


@UNDO
def test_the_last_operator_is_neither_suspended_nor_demoted(rows: Rows, undo: Undo) -> None:
    _set_operator(rows, ANA, NOW)
    with pytest.raises(Conflict, match=r"Ana is the last operator .* make another one first"):
        undo(rows, ANA, NOW)
    account = rows_accounts.load(rows, ANA, NOW)
    assert (account.is_operator, account.suspended_at) == (True, None)


@UNDO
def test_a_suspended_operator_does_not_stand_in_for_the_last_one(rows: Rows, undo: Undo) -> None:
    for account_id in (ANA, JOSE):
        _set_operator(rows, account_id, NOW)
    rows_accounts.suspend(rows, JOSE, NOW)
    with pytest.raises(Conflict):
        undo(rows, ANA, NOW)
    undo(rows, JOSE, NOW)  # it is not missed


@UNDO
def test_who_is_no_operator_is_not_missed(rows: Rows, undo: Undo) -> None:
    _set_operator(rows, ANA, NOW)
    assert not undo(rows, JOSE, NOW).is_operator


# Deleting


def test_all_that_is_an_account_s_goes_with_it_and_nothing_else(rows: Rows) -> None:
    for account_id in (ANA, JOSE):
        rows_keys.create(rows, account_id, NOW)
        rows_sessions.begin(rows, account_id, f"session-{account_id}", "refresh", NOW)
        rows_accounts.add_calls(rows, {(account_id, NOW.date()): 1})
        values = {field.name: 1.0 for field in FIELDS} | {"probability": 0.5, "threshold": 0.5}
        rest = {"at_risk": True, "model_version": "m", "created_at": NOW}
        kept = {"id": f"pred_{account_id}", "account_id": account_id}
        rows.execute(insert(AssessmentRow).values(kept | values | rest))
    rows_accounts.remove(rows, ANA, NOW)
    tables = (ApiKey, Session, Usage, AssessmentRow)
    left = [set(rows.scalars(select(table.account_id))) for table in tables]
    assert left == [{JOSE, CLINIC}, {JOSE}, {JOSE}, {JOSE}]
    again = rows_accounts.register(rows, "ana", "ana@example.org", "hash", NOW)
    assert again.account_id not in {ANA, JOSE, CLINIC}


def test_the_last_operator_cannot_be_deleted(rows: Rows) -> None:
    rows_accounts.set_operator(rows, ANA, NOW, is_operator=True)
    with pytest.raises(Conflict, match="last operator"):
        rows_accounts.remove(rows, ANA, NOW)
    rows_accounts.set_operator(rows, JOSE, NOW, is_operator=True)
    rows_accounts.remove(rows, ANA, NOW)
