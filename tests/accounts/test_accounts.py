"""What an account's owner can do, over a real database; argon2 runs at its least costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from tornado.ioloop import IOLoop

from cardiorisk.accounts.accounts import Accounts
from cardiorisk.errors import (
    AccountSuspended,
    Conflict,
    InvalidKey,
    InvalidLogin,
    Overloaded,
    ServiceError,
    Taken,
    TooManyAttempts,
    UnknownKey,
)
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.passwords import Passwords
from cardiorisk.identity.texts import Login, Registration
from cardiorisk.identity.tokens import TokenPair
from cardiorisk.limits.throttle import ADDRESSES, CHANGES, NAMES, Throttle, Tries
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import open_served
from cardiorisk.store.rows_keys import MOST_ACTIVE_KEYS
from cardiorisk.store.store import Store
from cardiorisk.workers import Rank
from tests.support import SettableClock

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PLANS = {"freemium": 5}
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
ANA = Registration("Ana", "correct horse", "ana@example.org")
RIGHT = Login("ana", "correct horse")
WRONG = Login("ana", "battery staple")
NOBODY = Login("nobody", "correct horse")


class InterruptedPasswords(Passwords):
    """Passwords before whose next check something else happens."""

    interruption: Awaitable[None] | None = None

    async def matches(
        self, password: str, password_hash: str | None, who: str = "", rank: Rank = Rank.STRANGER
    ) -> bool:
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            await interruption
        return await super().matches(password, password_hash, who, rank)


@dataclass
class House:
    """The use cases and what they stand on, with ana registered."""

    accounts: Accounts
    store: Store
    passwords: InterruptedPasswords
    limiter: Limiter
    clock: SettableClock

    async def principal(self, login: Login = RIGHT) -> Principal:
        pair = await self.accounts.login(login, HERE)
        return await self.store.principal(pair.access_token)


@pytest.fixture
def house(tmp_path: Path, clock: SettableClock, io_loop: IOLoop) -> Iterator[House]:
    limiter = Limiter(clock)
    database = open_served(f"sqlite:///{tmp_path / 'keys.db'}")
    store = Store(database, clock=clock, limiter=limiter)
    passwords = InterruptedPasswords(CHEAP)
    accounts = Accounts(store, passwords, Throttle(Tries(clock)), PLANS)
    io_loop.run_sync(partial(accounts.register, ANA, HERE))
    yield House(accounts, store, passwords, limiter, clock)
    passwords.close()
    io_loop.run_sync(store.close)


async def _failure(call: Awaitable[object]) -> type[ServiceError] | None:
    try:
        await call
    except ServiceError as error:
        return type(error)
    return None


# Registering


async def test_taken_names_leave_the_account_as_it_was_and_are_limited(house: House) -> None:
    thief = Registration("ANA", "battery staple", "new@example.org")
    for _ in range(ADDRESSES.most):
        assert await _failure(house.accounts.register(thief, HERE)) is Taken
    assert await _failure(house.accounts.register(thief, HERE)) is TooManyAttempts
    assert await _failure(house.accounts.login(WRONG, "192.0.2.2")) is InvalidLogin
    await house.accounts.login(RIGHT, "192.0.2.2")


# Logging in


async def test_every_wrong_login_is_refused_in_the_same_words(house: House) -> None:
    messages = set()
    for login in (WRONG, NOBODY, Login("", ""), Login("ana", "\ud800")):
        with pytest.raises(InvalidLogin) as refusal:
            await house.accounts.login(login, HERE)
        messages.add(str(refusal.value))
    assert len(messages) == 1


async def test_an_account_made_by_a_command_cannot_log_in(house: House) -> None:
    await house.store.change(
        lambda rows: rows_accounts.find_or_create(rows, "hospital", None, house.store.now())
    )
    for password in ("", "correct horse"):
        login = Login("hospital", password)
        assert await _failure(house.accounts.login(login, HERE)) is InvalidLogin


async def test_a_login_brings_an_outdated_hash_up_to_date(house: House) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    with closing(Passwords(dearer)) as passwords:
        await Accounts(house.store, passwords, Throttle(Tries(house.clock)), PLANS).login(
            RIGHT, HERE
        )
    stored = await house.store.read(lambda rows: rows_accounts.find_login(rows, "ana"))
    assert stored is not None
    assert stored.password_hash is not None
    assert extract_parameters(stored.password_hash).memory_cost == 16
    await house.accounts.login(RIGHT, HERE)


async def test_a_login_under_way_while_the_password_changes_gives_dead_tokens(house: House) -> None:
    change_password = house.accounts.change_password
    house.passwords.interruption = change_password(RIGHT, "battery staple", HERE)
    pair = await house.accounts.login(RIGHT, HERE)
    assert await _failure(house.store.principal(pair.access_token)) is InvalidKey
    assert await _failure(house.accounts.refresh(pair.refresh_token)) is InvalidKey


async def test_a_suspension_is_told_to_who_knows_the_password_and_to_nobody_else(
    house: House,
) -> None:
    assert (await house.accounts.begin_session(RIGHT, HERE)).count(".") == 2
    now = house.store.now()
    await house.store.change(lambda rows: rows_accounts.suspend(rows, 1, now))
    assert await _failure(house.accounts.login(WRONG, HERE)) is InvalidLogin
    for _ in range(NAMES.most):  # it is no failure to have been right
        assert await _failure(house.accounts.login(RIGHT, HERE)) is AccountSuspended


# Attempts


@pytest.mark.parametrize(
    "guess",
    [
        lambda accounts, login, *place: accounts.login(login, *place),
        lambda accounts, login, *place: accounts.begin_session(login, *place),
        lambda accounts, login, *place: accounts.switch_plan(login, "premium", *place),
        lambda accounts, login, *place: accounts.change_password(login, "correct horse", *place),
    ],
    ids=["login", "session", "plan", "password"],
)
async def test_guessing_is_limited_wherever_a_password_is_asked_for_and_stops_no_owner(
    house: House, guess: Callable[..., Awaitable[object]]
) -> None:
    token = house.store.tokens.device_token("Ana")
    for wrong in (WRONG, NOBODY):
        for _ in range(NAMES.most):
            assert await _failure(guess(house.accounts, wrong, ELSEWHERE)) is InvalidLogin
        right = Login(wrong.username, "correct horse")
        assert await _failure(guess(house.accounts, right, ELSEWHERE)) is TooManyAttempts
    for device in ("", "x", house.store.tokens.device_token("bruno")):
        refusal = await _failure(guess(house.accounts, RIGHT, ELSEWHERE, device))
        assert refusal is TooManyAttempts
    # Where she has registered, and where her browser shows that she has logged in.
    assert await _failure(guess(house.accounts, WRONG, HERE)) is InvalidLogin
    assert await _failure(guess(house.accounts, RIGHT, HERE)) is None
    assert await _failure(guess(house.accounts, RIGHT, "203.0.113.1", token)) is None


async def test_a_try_that_could_not_be_judged_is_not_counted(house: House) -> None:
    async def refuse() -> None:
        raise Overloaded("busy")

    for _ in range(ADDRESSES.most + 1):
        house.passwords.interruption = refuse()
        assert await _failure(house.accounts.login(RIGHT, ELSEWHERE)) is Overloaded
    await house.accounts.login(RIGHT, ELSEWHERE)


# Refreshing


async def test_a_refresh_gives_a_pair_that_works(house: House) -> None:
    first = await house.accounts.login(RIGHT, HERE)
    house.clock.advance(hours=1)
    second = await house.accounts.refresh(first.refresh_token)
    assert (await house.store.principal(second.access_token)).account_id == 1
    await house.accounts.refresh(second.refresh_token)


async def test_a_reused_refresh_token_ends_what_came_of_it_and_no_more(house: House) -> None:
    other = await house.accounts.login(RIGHT, HERE)
    first = await house.accounts.login(RIGHT, HERE)
    second = await house.accounts.refresh(first.refresh_token)
    await house.store.principal(second.access_token)
    assert await _failure(house.accounts.refresh(first.refresh_token)) is InvalidKey
    assert await _failure(house.accounts.refresh(second.refresh_token)) is InvalidKey
    assert await _failure(house.store.principal(second.access_token)) is InvalidKey
    await house.accounts.refresh(other.refresh_token)


# Changing the account


async def test_a_plan_switch_holds_for_tokens_already_issued(house: House) -> None:
    pair = await house.accounts.login(RIGHT, HERE)
    await house.store.principal(pair.access_token)
    record = await house.accounts.switch_plan(RIGHT, "premium", HERE)
    assert record.plan == "premium"
    assert (await house.store.principal(pair.access_token)).plan == "premium"


async def test_a_new_password_takes_the_old_ones_place_and_ends_tokens_not_keys(
    house: House,
) -> None:
    pair = await house.accounts.login(RIGHT, HERE)
    minted = await house.accounts.create_key(await house.store.principal(pair.access_token), None)
    await house.accounts.change_password(RIGHT, "battery staple", HERE)
    assert await _failure(house.store.principal(pair.access_token)) is InvalidKey
    assert await _failure(house.accounts.refresh(pair.refresh_token)) is InvalidKey
    assert await _failure(house.accounts.login(RIGHT, HERE)) is InvalidLogin
    await house.principal(WRONG)
    await house.store.principal(minted.key)


async def test_of_two_password_changes_at_the_same_moment_one_is_refused(house: House) -> None:
    calls = (
        _failure(house.accounts.change_password(RIGHT, f"new-pass-{n}", HERE)) for n in range(2)
    )
    assert set(await asyncio.gather(*calls)) == {None, InvalidLogin}


async def test_a_logout_ends_its_session_only(house: House) -> None:
    gone, kept = [await house.accounts.login(RIGHT, HERE) for _ in range(2)]
    await house.accounts.logout(await house.store.principal(gone.access_token))
    assert await _failure(house.store.principal(gone.access_token)) is InvalidKey
    assert await _failure(house.accounts.refresh(gone.refresh_token)) is InvalidKey
    await house.store.principal(kept.access_token)


async def test_a_key_has_no_session_to_end(house: House) -> None:
    minted = await house.accounts.create_key(await house.principal(), None)
    principal = await house.store.principal(minted.key)
    assert await _failure(house.accounts.logout(principal)) is Conflict


# Seeing to one's own


async def test_an_account_is_shown_with_the_calls_of_thirty_days_to_the_call(
    house: House,
) -> None:
    ana = await house.principal()
    today = house.store.now().date()
    stored = {(1, today - timedelta(29)): 5, (1, today - timedelta(30)): 9, (1, today): 2}
    await house.store.change(lambda rows: rows_accounts.add_calls(rows, stored))
    for _ in range(3):
        house.limiter.hit(1, 1000)
    # A reader in the middle of a write is told neither less nor more.
    _, view = await asyncio.gather(house.store.flush(), house.accounts.view(ana.account_id))
    account, days = view
    assert (account.name, account.email) == ("Ana", "ana@example.org")
    assert list(days)[::29] == [today - timedelta(29), today]
    assert list(days.values()) == [5, *[0] * 28, 5]
    house.limiter.hit(1, 1000)
    assert list((await house.accounts.view(ana.account_id))[1].values()) == [5, *[0] * 28, 6]


async def test_keys_are_made_listed_rotated_and_revoked(house: House) -> None:
    ana = await house.principal()
    made = await house.accounts.create_key(ana, timedelta(days=1))
    rotation = await house.accounts.rotate_key(ana, made.record.key_id, timedelta(minutes=5))
    new_id = rotation.new.record.key_id
    listed = await house.store.read(rows_keys.list_keys)
    assert {key.key_id for key in listed} == {made.record.key_id, new_id}
    await house.store.principal(rotation.new.key)
    await house.accounts.revoke_key(ana, new_id)
    assert await _failure(house.store.principal(rotation.new.key)) is InvalidKey
    await house.store.principal(made.key)


async def test_an_owner_cannot_make_more_active_keys_than_an_account_may_have(
    house: House,
) -> None:
    ana = await house.principal()
    for _ in range(MOST_ACTIVE_KEYS):
        await house.accounts.create_key(ana, None)
    assert await _failure(house.accounts.create_key(ana, None)) is Conflict


async def test_another_accounts_key_is_unknown(house: House) -> None:
    made = await house.accounts.create_key(await house.principal(), None)
    await house.accounts.register(Registration("bruno", "correct horse", "b@b.c"), HERE)
    bruno = await house.principal(Login("bruno", "correct horse"))
    key_id = made.record.key_id
    assert await _failure(house.accounts.revoke_key(bruno, key_id)) is UnknownKey
    assert await _failure(house.accounts.rotate_key(bruno, key_id, timedelta())) is UnknownKey


@pytest.mark.parametrize(
    "change",
    [
        lambda house, ana, _: house.accounts.create_key(ana, None),
        lambda house, ana, _: house.accounts.revoke_key(ana, "key_none"),
        lambda house, ana, _: house.accounts.rotate_key(ana, "key_none", timedelta()),
        lambda house, ana, _: house.accounts.logout(ana),
        lambda house, _, pair: house.accounts.refresh(pair.refresh_token),
    ],
    ids=["create", "revoke", "rotate", "logout", "refresh"],
)
async def test_an_accounts_changes_are_limited(
    house: House, change: Callable[[House, Principal, TokenPair], Awaitable[object]]
) -> None:
    pair = await house.accounts.login(RIGHT, HERE)
    ana = await house.store.principal(pair.access_token)
    for _ in range(CHANGES.most):
        assert await _failure(house.accounts.revoke_key(ana, "key_none")) is UnknownKey
    assert await _failure(change(house, ana, pair)) is TooManyAttempts


async def test_what_is_no_genuine_refresh_token_refreshes_nothing_and_counts_for_nobody(
    house: House,
) -> None:
    pair = await house.accounts.login(RIGHT, HERE)
    for number in range(CHANGES.most):
        token = pair.refresh_token + "x" if number else pair.access_token
        assert await _failure(house.accounts.refresh(token)) is InvalidKey
    await house.accounts.refresh(pair.refresh_token)


# Deleting


async def test_what_is_under_way_while_an_account_is_deleted_is_refused_as_afterwards(
    house: House,
) -> None:
    ana = await house.principal()
    house.passwords.interruption = house.accounts.delete(ana, RIGHT.password, HERE)
    assert await _failure(house.accounts.login(RIGHT, HERE)) is InvalidLogin
    for late in (
        house.accounts.create_key(ana, None),
        house.accounts.view(ana.account_id),
        house.accounts.delete(ana, RIGHT.password, HERE),
    ):
        assert await _failure(late) is InvalidKey
    await house.store.check()
    again = await house.accounts.register(ANA, HERE)
    assert again.account_id != ana.account_id
