"""What an account's owner can do, over a real database; argon2 runs at its least costs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import pytest
from argon2 import PasswordHasher, extract_parameters

from cardiorisk.accounts.accounts import Accounts
from cardiorisk.errors import (
    Conflict,
    InvalidKey,
    InvalidLogin,
    Overloaded,
    ServiceError,
    Taken,
    TooManyAttempts,
    UnknownKey,
)
from cardiorisk.identity.forms import Login, PasswordChange, Registration
from cardiorisk.identity.passwords import Passwords
from cardiorisk.limits.throttle import (
    ADDRESS_FAILURES,
    CHANGE_SECONDS,
    CHANGES,
    LOGIN_SECONDS,
    LOGINS,
    NAME_FAILURES,
    REGISTRATIONS,
    Throttle,
)
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts, rows_keys, rows_usage
from cardiorisk.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from cardiorisk.identity.keys import Principal
    from cardiorisk.identity.tokens import TokenPair

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HERE = "192.0.2.1"
ANA = Registration("Ana", "correct horse", "ana@example.org")
RIGHT = Login("ana", "correct horse")
WRONG = Login("ana", "battery staple")
NOBODY = Login("nobody", "correct horse")


class SettableSeconds:
    """Seconds since the epoch that stand still until the test moves them."""

    def __init__(self) -> None:
        self.seconds = 1_795_380_443.0

    def __call__(self) -> float:
        return self.seconds


class InterruptedPasswords(Passwords):
    """Passwords before whose next check something else happens."""

    interruption: Awaitable[None] | None = None

    async def matches(self, password: str, password_hash: str | None) -> bool:
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            await interruption
        return await super().matches(password, password_hash)


@dataclass
class House:
    """The use cases and what they stand on, with ana registered."""

    accounts: Accounts
    store: Store
    passwords: InterruptedPasswords
    limiter: Limiter
    clock: SettableSeconds

    async def principal(self, login: Login = RIGHT) -> Principal:
        pair = await self.accounts.login(login, HERE)
        return await self.store.principal(pair.access_token)


class Play(Protocol):
    """Runs a scenario in a house of its own."""

    def __call__(self, scenario: Callable[[House], Awaitable[None]]) -> None: ...


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a scenario in a house of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[House]:
        clock = SettableSeconds()
        limiter = Limiter(clock)
        store = Store.open(f"sqlite:///{tmp_path / 'keys.db'}", clock=clock, limiter=limiter)
        passwords = InterruptedPasswords(CHEAP)
        accounts = Accounts(store, passwords, Throttle(clock))
        try:
            await accounts.register(ANA, HERE)
            yield House(accounts, store, passwords, limiter, clock)
        finally:
            passwords.close()
            await store.close()

    def run(scenario: Callable[[House], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with opened() as house:
                await scenario(house)

        asyncio.run(whole())

    return run


async def _failure(call: Awaitable[object]) -> type[ServiceError] | None:
    try:
        await call
    except ServiceError as error:
        return type(error)
    return None


# Registering


def test_a_new_account_is_freemium_and_can_log_in(play: Play) -> None:
    async def scenario(house: House) -> None:
        assert (await house.principal()).plan == "freemium"

    play(scenario)


def test_a_taken_name_leaves_the_account_as_it_was(play: Play) -> None:
    async def scenario(house: House) -> None:
        thief = Registration("ANA", "battery staple", "new@example.org")
        assert await _failure(house.accounts.register(thief, HERE)) is Taken
        assert await _failure(house.accounts.login(WRONG, HERE)) is InvalidLogin
        await house.principal()

    play(scenario)


def test_of_two_registrations_at_the_same_moment_one_holds(play: Play) -> None:
    async def scenario(house: House) -> None:
        calls = (
            house.accounts.register(Registration(name, "correct horse", f"{name}@b.c"), HERE)
            for name in ("Bruno", "bruno", "BRUNO")
        )
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(isinstance(one, Taken) for one in found) == [False, True, True]

    play(scenario)


def test_registrations_from_one_address_are_limited(play: Play) -> None:
    async def scenario(house: House) -> None:
        async def register(number: int, address: str) -> type[ServiceError] | None:
            wanted = Registration(f"n{number}", "correct horse", f"{number}@b.c")
            return await _failure(house.accounts.register(wanted, address))

        found = [await register(number, HERE) for number in range(REGISTRATIONS)]
        assert found == [None] * (REGISTRATIONS - 1) + [TooManyAttempts]
        assert await register(99, "192.0.2.2") is None
        house.clock.seconds += 3600
        assert await register(100, HERE) is None

    play(scenario)


# Logging in


@pytest.mark.parametrize("login", [WRONG, NOBODY, Login("", ""), Login("ana", "\ud800")])
def test_a_wrong_login_is_refused(play: Play, login: Login) -> None:
    async def scenario(house: House) -> None:
        assert await _failure(house.accounts.login(login, HERE)) is InvalidLogin

    play(scenario)


def test_a_wrong_name_and_a_wrong_password_read_the_same(play: Play) -> None:
    async def scenario(house: House) -> None:
        messages = set()
        for login in (WRONG, NOBODY):
            with pytest.raises(InvalidLogin) as refusal:
                await house.accounts.login(login, HERE)
            messages.add(str(refusal.value))
        assert len(messages) == 1

    play(scenario)


def test_an_account_made_by_a_command_cannot_log_in(play: Play) -> None:
    async def scenario(house: House) -> None:
        await house.store.change(
            lambda rows: rows_accounts.find_or_create(rows, "hospital", None, house.store.now())
        )
        for password in ("", "correct horse"):
            login = Login("hospital", password)
            assert await _failure(house.accounts.login(login, HERE)) is InvalidLogin

    play(scenario)


def test_a_login_brings_an_outdated_hash_up_to_date(play: Play) -> None:
    async def scenario(house: House) -> None:
        dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
        with closing(Passwords(dearer)) as passwords:
            await Accounts(house.store, passwords, Throttle(house.clock)).login(RIGHT, HERE)
        stored = await house.store.read(lambda rows: rows_accounts.find_login(rows, "ana"))
        assert stored is not None
        assert stored.password_hash is not None
        assert extract_parameters(stored.password_hash).memory_cost == 16
        await house.accounts.login(RIGHT, HERE)

    play(scenario)


def test_a_login_under_way_while_the_password_changes_gives_dead_tokens(play: Play) -> None:
    async def scenario(house: House) -> None:
        change = PasswordChange(RIGHT, "battery staple")
        house.passwords.interruption = house.accounts.change_password(change, HERE)
        pair = await house.accounts.login(RIGHT, HERE)
        assert await _failure(house.store.principal(pair.access_token)) is InvalidKey
        assert await _failure(house.accounts.refresh(pair.refresh_token)) is InvalidKey

    play(scenario)


# Attempts


async def _fail(house: House, login: Login, times: int, address: str = HERE) -> None:
    for _ in range(times):
        assert await _failure(house.accounts.login(login, address)) is InvalidLogin


def test_ten_failures_lock_the_name_from_any_address(play: Play) -> None:
    async def scenario(house: House) -> None:
        await _fail(house, WRONG, NAME_FAILURES)
        for address in (HERE, "192.0.2.2"):
            assert await _failure(house.accounts.login(RIGHT, address)) is TooManyAttempts

    play(scenario)


def test_a_locked_name_tells_when_to_come_back_and_then_opens(play: Play) -> None:
    async def scenario(house: House) -> None:
        await _fail(house, WRONG, NAME_FAILURES)
        house.clock.seconds += 100
        with pytest.raises(TooManyAttempts) as refusal:
            await house.accounts.login(RIGHT, HERE)
        assert refusal.value.resets_in_seconds == 200
        house.clock.seconds += 200
        await house.principal()

    play(scenario)


def test_a_name_nobody_has_is_locked_alike(play: Play) -> None:
    async def scenario(house: House) -> None:
        await _fail(house, NOBODY, NAME_FAILURES)
        assert await _failure(house.accounts.login(NOBODY, HERE)) is TooManyAttempts

    play(scenario)


def test_the_case_of_a_name_gives_no_more_tries(play: Play) -> None:
    async def scenario(house: House) -> None:
        await _fail(house, WRONG, NAME_FAILURES)
        assert await _failure(house.accounts.login(Login("ANA", "x"), HERE)) is TooManyAttempts

    play(scenario)


def test_a_success_starts_the_names_count_anew(play: Play) -> None:
    async def scenario(house: House) -> None:
        await _fail(house, WRONG, NAME_FAILURES - 1)
        await house.principal()
        await _fail(house, WRONG, NAME_FAILURES)

    play(scenario)


def test_failures_with_many_names_lock_the_address(play: Play) -> None:
    async def scenario(house: House) -> None:
        for number in range(ADDRESS_FAILURES):
            await _fail(house, Login(f"n{number}", "x"), 1)
        assert await _failure(house.accounts.login(RIGHT, HERE)) is TooManyAttempts
        assert await _failure(house.accounts.login(RIGHT, "192.0.2.2")) is None

    play(scenario)


def test_a_success_does_not_clear_the_address(play: Play) -> None:
    async def scenario(house: House) -> None:
        for number in range(ADDRESS_FAILURES):
            await house.principal()
            await _fail(house, Login(f"n{number}", "x"), 1)
        assert await _failure(house.accounts.login(RIGHT, HERE)) is TooManyAttempts

    play(scenario)


def test_tries_at_the_same_moment_get_no_further_than_tries_in_a_row(play: Play) -> None:
    async def scenario(house: House) -> None:
        calls = (_failure(house.accounts.login(WRONG, HERE)) for _ in range(25))
        found = await asyncio.gather(*calls)
        assert found.count(InvalidLogin) == NAME_FAILURES
        assert found.count(Overloaded) == 25 - NAME_FAILURES

    play(scenario)


def test_right_logins_at_the_same_moment_are_no_failures(play: Play) -> None:
    async def scenario(house: House) -> None:
        calls = (_failure(house.accounts.login(RIGHT, HERE)) for _ in range(15))
        found = await asyncio.gather(*calls)
        assert found.count(None) == NAME_FAILURES
        assert found.count(Overloaded) == 15 - NAME_FAILURES
        await _fail(house, WRONG, NAME_FAILURES)

    play(scenario)


def test_right_logins_from_one_address_are_limited(play: Play) -> None:
    async def scenario(house: House) -> None:
        for _ in range(LOGINS):
            await house.principal()
        assert await _failure(house.accounts.login(RIGHT, HERE)) is TooManyAttempts
        assert await _failure(house.accounts.login(RIGHT, "192.0.2.2")) is None
        house.clock.seconds += LOGIN_SECONDS
        await house.principal()

    play(scenario)


def test_a_try_that_could_not_be_judged_is_not_counted(play: Play) -> None:
    async def scenario(house: House) -> None:
        house.passwords.worker.most_jobs = 0
        for _ in range(ADDRESS_FAILURES + 1):
            assert await _failure(house.accounts.login(RIGHT, HERE)) is Overloaded
        house.passwords.worker.most_jobs = 32
        await house.principal()

    play(scenario)


def test_taken_names_count_against_the_address(play: Play) -> None:
    async def scenario(house: House) -> None:
        for _ in range(ADDRESS_FAILURES):
            assert await _failure(house.accounts.register(ANA, HERE)) is Taken
        assert await _failure(house.accounts.register(ANA, HERE)) is TooManyAttempts

    play(scenario)


# Refreshing


def test_a_refresh_gives_a_pair_that_works(play: Play) -> None:
    async def scenario(house: House) -> None:
        first = await house.accounts.login(RIGHT, HERE)
        house.clock.seconds += 3600
        second = await house.accounts.refresh(first.refresh_token)
        assert (await house.store.principal(second.access_token)).account_id == 1
        await house.accounts.refresh(second.refresh_token)

    play(scenario)


def test_a_reused_refresh_token_ends_what_came_of_it(play: Play) -> None:
    async def scenario(house: House) -> None:
        first = await house.accounts.login(RIGHT, HERE)
        second = await house.accounts.refresh(first.refresh_token)
        assert await _failure(house.accounts.refresh(first.refresh_token)) is InvalidKey
        assert await _failure(house.accounts.refresh(second.refresh_token)) is InvalidKey
        assert await _failure(house.store.principal(second.access_token)) is InvalidKey

    play(scenario)


def test_a_reused_refresh_token_leaves_other_sessions_alone(play: Play) -> None:
    async def scenario(house: House) -> None:
        other = await house.accounts.login(RIGHT, HERE)
        first = await house.accounts.login(RIGHT, HERE)
        await house.accounts.refresh(first.refresh_token)
        assert await _failure(house.accounts.refresh(first.refresh_token)) is InvalidKey
        await house.accounts.refresh(other.refresh_token)

    play(scenario)


def test_an_access_token_refreshes_nothing(play: Play) -> None:
    async def scenario(house: House) -> None:
        pair = await house.accounts.login(RIGHT, HERE)
        assert await _failure(house.accounts.refresh(pair.access_token)) is InvalidKey

    play(scenario)


# Changing the account


def test_a_plan_switch_holds_for_tokens_already_issued(play: Play) -> None:
    async def scenario(house: House) -> None:
        pair = await house.accounts.login(RIGHT, HERE)
        await house.store.principal(pair.access_token)
        record = await house.accounts.switch_plan(RIGHT, "premium", HERE)
        assert record.plan == "premium"
        assert (await house.store.principal(pair.access_token)).plan == "premium"

    play(scenario)


def test_a_plan_switch_needs_the_password(play: Play) -> None:
    async def scenario(house: House) -> None:
        call = house.accounts.switch_plan(WRONG, "premium", HERE)
        assert await _failure(call) is InvalidLogin
        assert (await house.principal()).plan == "freemium"

    play(scenario)


def test_guessing_by_switching_plans_is_limited_too(play: Play) -> None:
    async def scenario(house: House) -> None:
        for _ in range(NAME_FAILURES):
            await _failure(house.accounts.switch_plan(WRONG, "premium", HERE))
        assert await _failure(house.accounts.login(RIGHT, HERE)) is TooManyAttempts

    play(scenario)


def test_a_new_password_ends_tokens_and_takes_the_old_ones_place(play: Play) -> None:
    async def scenario(house: House) -> None:
        pair = await house.accounts.login(RIGHT, HERE)
        await house.store.principal(pair.access_token)
        await house.accounts.change_password(PasswordChange(RIGHT, "battery staple"), HERE)
        assert await _failure(house.store.principal(pair.access_token)) is InvalidKey
        assert await _failure(house.accounts.refresh(pair.refresh_token)) is InvalidKey
        assert await _failure(house.accounts.login(RIGHT, HERE)) is InvalidLogin
        await house.principal(WRONG)

    play(scenario)


def test_a_new_password_leaves_keys_alone(play: Play) -> None:
    async def scenario(house: House) -> None:
        minted = await house.accounts.create_key(await house.principal(), None)
        await house.accounts.change_password(PasswordChange(RIGHT, "battery staple"), HERE)
        assert (await house.store.principal(minted.key)).account_id == 1

    play(scenario)


def test_of_two_password_changes_at_the_same_moment_one_is_refused(play: Play) -> None:
    async def scenario(house: House) -> None:
        calls = (
            _failure(house.accounts.change_password(PasswordChange(RIGHT, f"new-pass-{n}"), HERE))
            for n in range(2)
        )
        assert set(await asyncio.gather(*calls)) == {None, InvalidLogin}

    play(scenario)


def test_a_logout_ends_its_session_only(play: Play) -> None:
    async def scenario(house: House) -> None:
        gone, kept = [await house.accounts.login(RIGHT, HERE) for _ in range(2)]
        await house.accounts.logout(await house.store.principal(gone.access_token))
        assert await _failure(house.store.principal(gone.access_token)) is InvalidKey
        assert await _failure(house.accounts.refresh(gone.refresh_token)) is InvalidKey
        await house.store.principal(kept.access_token)

    play(scenario)


def test_a_key_has_no_session_to_end(play: Play) -> None:
    async def scenario(house: House) -> None:
        minted = await house.accounts.create_key(await house.principal(), None)
        principal = await house.store.principal(minted.key)
        assert await _failure(house.accounts.logout(principal)) is Conflict

    play(scenario)


# Seeing to one's own


def test_an_account_is_shown_with_the_calls_of_thirty_days_to_the_call(
    play: Play,
) -> None:
    async def scenario(house: House) -> None:
        ana = await house.principal()
        today = house.store.now().date()
        stored = {(1, today - timedelta(29)): 5, (1, today - timedelta(30)): 9, (1, today): 2}
        await house.store.change(lambda rows: rows_usage.add_calls(rows, stored))
        for _ in range(3):
            house.limiter.hit(1, 1000)
        # A reader in the middle of a write is told neither less nor more.
        _, view = await asyncio.gather(house.store.flush(), house.accounts.view(ana))
        account, days = view
        assert (account.name, account.email) == ("Ana", "ana@example.org")
        assert list(days)[::29] == [today - timedelta(29), today]
        assert list(days.values()) == [5, *[0] * 28, 5]
        house.limiter.hit(1, 1000)
        assert list((await house.accounts.view(ana))[1].values()) == [5, *[0] * 28, 6]

    play(scenario)


def test_keys_are_made_listed_rotated_and_revoked(play: Play) -> None:
    async def scenario(house: House) -> None:
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

    play(scenario)


def test_another_accounts_key_is_unknown(play: Play) -> None:
    async def scenario(house: House) -> None:
        made = await house.accounts.create_key(await house.principal(), None)
        await house.accounts.register(Registration("bruno", "correct horse", "b@b.c"), HERE)
        bruno = await house.principal(Login("bruno", "correct horse"))
        key_id = made.record.key_id
        assert await _failure(house.accounts.revoke_key(bruno, key_id)) is UnknownKey
        assert await _failure(house.accounts.rotate_key(bruno, key_id, timedelta())) is UnknownKey

    play(scenario)


async def _use_up_changes(house: House, ana: Principal) -> None:
    for _ in range(CHANGES):
        assert await _failure(house.accounts.revoke_key(ana, "key_none")) is UnknownKey


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
def test_an_accounts_changes_are_limited(
    play: Play, change: Callable[[House, Principal, TokenPair], Awaitable[object]]
) -> None:
    async def scenario(house: House) -> None:
        pair = await house.accounts.login(RIGHT, HERE)
        ana = await house.store.principal(pair.access_token)
        await _use_up_changes(house, ana)
        assert await _failure(change(house, ana, pair)) is TooManyAttempts

    play(scenario)


def test_the_limit_of_changes_is_an_accounts_own_and_ends(play: Play) -> None:
    async def scenario(house: House) -> None:
        ana = await house.principal()
        await house.accounts.register(Registration("bruno", "correct horse", "b@b.c"), HERE)
        bruno = await house.principal(Login("bruno", "correct horse"))
        await _use_up_changes(house, ana)
        await house.accounts.create_key(bruno, None)
        house.clock.seconds += CHANGE_SECONDS
        await house.accounts.create_key(ana, None)

    play(scenario)


def test_a_refresh_token_that_is_not_genuine_counts_for_nobody(play: Play) -> None:
    async def scenario(house: House) -> None:
        pair = await house.accounts.login(RIGHT, HERE)
        for _ in range(CHANGES):
            call = house.accounts.refresh(pair.refresh_token + "x")
            assert await _failure(call) is InvalidKey
        await house.accounts.refresh(pair.refresh_token)

    play(scenario)
