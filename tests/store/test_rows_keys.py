"""API keys in a real file: made, found, listed, ended and replaced."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cardiorisk.errors import Conflict, UnknownKey
from cardiorisk.identity.keys import KeyWindow, Principal, is_well_formed
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.memo import digest
from cardiorisk.store.rows_keys import MOST_ACTIVE_KEYS, MOST_ENDED_KEYS
from cardiorisk.store.values import Credential, MintedKey
from tests.support import SettableClock

MONTH = timedelta(days=30)


class Keys:
    """The functions under test, at the moment of the test's clock, for ana and bruno."""

    def __init__(self, rows: Rows, clock: SettableClock) -> None:
        self.rows = rows
        self.now = clock.now
        self.ana = rows_accounts.find_or_create(rows, "ana", "premium", clock.now())
        self.bruno = rows_accounts.find_or_create(rows, "bruno", None, clock.now())

    def create(self, lifetime: timedelta | None = None, name: str | None = None) -> MintedKey:
        return rows_keys.create(self.rows, self.ana, self.now(), lifetime, name)

    def find(self, key: str) -> Credential | None:
        return rows_keys.find_credential(self.rows, digest(key), self.now())

    def opens(self, key: str) -> bool:
        return self.find(key) is not None

    def make_room(self) -> None:
        rows_keys.make_room(self.rows, self.ana, self.now())


@pytest.fixture
def keys(rows: Rows, clock: SettableClock) -> Keys:
    return Keys(rows, clock)


# Making


def test_a_new_key_is_well_formed_and_listed_by_its_first_ten_characters(keys: Keys) -> None:
    minted = keys.create(MONTH, "front desk")
    assert is_well_formed(minted.key)
    assert minted.key not in repr(minted)
    (record,) = rows_keys.list_keys(keys.rows)
    assert record == minted.record
    assert (record.account, record.plan, record.name) == ("ana", "premium", "front desk")
    assert record.prefix == minted.key[:10]
    assert record.created_at == datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)
    assert record.expires_at == datetime(2026, 12, 22, 20, 47, 23, tzinfo=UTC)
    assert (record.revoked_at, record.last_used_at) == (None, None)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_keys_text_is_nowhere_in_the_files(
    database: Database, clock: SettableClock, path: Path
) -> None:
    with database.writing() as rows:
        key = Keys(rows, clock).create().key
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert key[:10].encode() in stored
    assert key[10:].encode() not in stored


# Whom a key stands for


def test_a_key_stands_for_its_account_for_ever(keys: Keys) -> None:
    minted = keys.create()
    found = keys.find(minted.key)
    assert found is not None
    assert found.principal == Principal(keys.ana, minted.record.key_id, "premium")
    assert found.lifetime_seconds == math.inf
    assert not keys.opens("crk_unknown")


def test_a_key_knows_whether_its_account_is_an_operators_or_suspended(keys: Keys) -> None:
    minted = keys.create()
    limited = rows_keys.create(keys.rows, keys.ana, keys.now(), limit=3)
    for account_id in (keys.ana, keys.bruno):
        rows_accounts.set_operator(keys.rows, account_id, keys.now(), is_operator=True)
    in_hand = keys.find(limited.key)
    assert in_hand is not None
    assert not in_hand.principal.is_operator
    rows_accounts.suspend(keys.rows, keys.ana, keys.now())
    found = keys.find(minted.key)
    assert found is not None
    assert (found.principal.is_operator, found.principal.is_suspended) == (True, True)


@pytest.mark.parametrize(
    ("age_seconds", "left_seconds"), [(60.0, 30.0), (89.5, 0.5), (90.0, None), (91.0, None)]
)
def test_a_key_tells_how_long_it_still_lives_and_ends_to_the_moment(
    keys: Keys, clock: SettableClock, age_seconds: float, left_seconds: float | None
) -> None:
    key = keys.create(timedelta(seconds=90)).key
    clock.advance(seconds=age_seconds)
    found = keys.find(key)
    assert (found and found.lifetime_seconds) == left_seconds


def test_a_key_with_a_limit_has_a_window_that_whoever_replaces_it_shares(keys: Keys) -> None:
    first = rows_keys.create(keys.rows, keys.ana, keys.now(), limit=3)
    following, grace = first, timedelta(minutes=5)
    for _ in range(2):
        following = rows_keys.rotate(keys.rows, following.record.key_id, grace, keys.now()).new
    other = rows_keys.create(keys.rows, keys.ana, keys.now(), limit=3)
    assert [record.limit for record in rows_keys.list_keys(keys.rows)] == [3] * 4
    windows = [
        found and found.principal.window
        for found in (keys.find(minted.key) for minted in (first, following, other))
    ]
    shared = KeyWindow(first.record.key_id, 3)
    assert windows == [shared, shared, KeyWindow(other.record.key_id, 3)]


# Listing


def test_keys_are_listed_oldest_first_and_of_one_account_where_it_is_named(
    keys: Keys, clock: SettableClock
) -> None:
    made = []
    for account_id in (keys.bruno, keys.ana, keys.bruno):
        made.append(rows_keys.create(keys.rows, account_id, clock.now()).record)
        clock.advance(seconds=1)
    assert rows_keys.list_keys(keys.rows) == tuple(made)
    assert rows_keys.list_keys(keys.rows, keys.bruno) == (made[0], made[2])


def test_a_keys_status_tells_whether_it_works(keys: Keys) -> None:
    record = keys.create(MONTH).record
    revoked = replace(record, revoked_at=keys.now())
    ages = (timedelta(), MONTH - timedelta(seconds=1), MONTH)
    assert [record.status(keys.now() + age) for age in ages] == ["active", "active", "expired"]
    assert [revoked.status(keys.now() + age) for age in ages] == ["revoked"] * 3


# Revoking


def test_a_revoked_key_is_listed_opens_nothing_and_keeps_its_first_moment(
    keys: Keys, clock: SettableClock
) -> None:
    minted, other = keys.create(), keys.create()
    revoked_at = clock.now()
    assert rows_keys.revoke(keys.rows, minted.record.key_id, clock.now()).revoked_at == revoked_at
    clock.advance(hours=1)
    record = rows_keys.revoke(keys.rows, minted.record.key_id, clock.now())
    assert record.revoked_at == revoked_at
    assert record in rows_keys.list_keys(keys.rows)
    assert (keys.opens(minted.key), keys.opens(other.key)) == (False, True)


@pytest.mark.parametrize("is_another_s", [True, False])
def test_another_accounts_key_is_as_unknown_as_none(keys: Keys, *, is_another_s: bool) -> None:
    minted = keys.create()
    key_id = minted.record.key_id if is_another_s else "key_none"
    with pytest.raises(UnknownKey, match="there is no such key"):
        rows_keys.revoke(keys.rows, key_id, keys.now(), keys.bruno)
    with pytest.raises(UnknownKey, match="there is no such key"):
        rows_keys.rotate(keys.rows, key_id, timedelta(), keys.now(), keys.bruno)
    assert len(rows_keys.list_keys(keys.rows)) == 1
    assert keys.opens(minted.key)


# Rotating


@pytest.mark.parametrize(("is_owner", "lifetime"), [(True, MONTH), (False, MONTH), (True, None)])
def test_without_grace_the_old_key_ends_at_once_for_one_like_it(
    keys: Keys, clock: SettableClock, lifetime: timedelta | None, *, is_owner: bool
) -> None:
    old = keys.create(lifetime, "front desk")
    clock.advance(days=20)
    rotation = rows_keys.rotate(
        keys.rows, old.record.key_id, timedelta(), clock.now(), keys.ana if is_owner else None
    )
    assert rotation.old.revoked_at == clock.now()
    assert not keys.opens(old.key)
    new = rotation.new.record
    assert (new.account, new.name) == ("ana", "front desk")
    # As long a life as the old one was meant to have.
    assert new.expires_at == (lifetime and clock.now() + lifetime)
    assert keys.opens(rotation.new.key)


@pytest.mark.parametrize(("minutes", "is_found"), [(4, True), (5, False)])
def test_with_grace_the_old_key_works_until_the_grace_is_over(
    keys: Keys, clock: SettableClock, *, minutes: int, is_found: bool
) -> None:
    old = keys.create()
    rows_keys.rotate(keys.rows, old.record.key_id, timedelta(minutes=5), clock.now())
    clock.advance(minutes=minutes)
    assert keys.opens(old.key) is is_found


def test_grace_does_not_lengthen_the_old_keys_life(keys: Keys) -> None:
    old = keys.create(timedelta(minutes=3)).record
    rotation = rows_keys.rotate(keys.rows, old.key_id, timedelta(hours=1), keys.now())
    assert rotation.old.expires_at == keys.now() + timedelta(minutes=3)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_key_that_has_ended_cannot_be_rotated(keys: Keys, clock: SettableClock, end: str) -> None:
    key_id = keys.create(MONTH).record.key_id
    if end == "revoked":
        rows_keys.revoke(keys.rows, key_id, clock.now())
    else:
        clock.advance(days=30)
    with pytest.raises(Conflict, match=f"{key_id} is {end}; make another key"):
        rows_keys.rotate(keys.rows, key_id, timedelta(), clock.now())


# Room


def test_an_owner_has_twenty_active_keys_at_most(keys: Keys, clock: SettableClock) -> None:
    for _ in range(MOST_ACTIVE_KEYS):
        keys.make_room()
        keys.create(timedelta(days=1))
    with pytest.raises(Conflict, match="20 active keys"):
        keys.make_room()
    rows_keys.make_room(keys.rows, keys.bruno, clock.now())
    clock.advance(days=1)
    keys.make_room()


def test_a_full_account_may_rotate_without_grace_only_and_a_command_may(keys: Keys) -> None:
    key_ids = [keys.create().record.key_id for _ in range(MOST_ACTIVE_KEYS)]
    grace = timedelta(minutes=5)
    with pytest.raises(Conflict, match="20 active keys"):
        rows_keys.rotate(keys.rows, key_ids[0], grace, keys.now(), keys.ana)
    rows_keys.rotate(keys.rows, key_ids[0], timedelta(), keys.now(), keys.ana)
    rows_keys.rotate(keys.rows, key_ids[1], grace, keys.now())
    assert rows_accounts.load(keys.rows, keys.ana, keys.now()).active_keys == MOST_ACTIVE_KEYS + 1


def test_of_ended_keys_the_newest_hundred_are_kept(keys: Keys, clock: SettableClock) -> None:
    others = rows_keys.create(keys.rows, keys.bruno, clock.now()).record.key_id
    rows_keys.revoke(keys.rows, others, clock.now())
    made = []
    for _ in range(MOST_ENDED_KEYS + 2):
        clock.advance(seconds=1)
        made.append(keys.create().record.key_id)
        rows_keys.revoke(keys.rows, made[-1], clock.now())
    keys.make_room()
    kept = [key.key_id for key in rows_keys.list_keys(keys.rows)]
    assert kept == [others, *made[2:]]


# Last use


def test_the_latest_use_is_kept(keys: Keys) -> None:
    key_id = keys.create().record.key_id
    for used_at in (keys.now(), keys.now() - MONTH):
        rows_keys.note_last_used(keys.rows, {key_id: used_at.timestamp()})
    assert rows_keys.list_keys(keys.rows)[0].last_used_at == keys.now()


def test_a_moment_from_another_time_zone_is_stored_in_utc(keys: Keys) -> None:
    at = datetime.fromisoformat("2026-11-22T22:00:00+05:00")
    rows_keys.revoke(keys.rows, keys.create().record.key_id, at)
    stored = keys.rows.exec_driver_sql("SELECT revoked_at FROM api_key").scalar_one()
    assert str(stored)[:19] == "2026-11-22 17:00:00"
