"""How often somebody may try, with a clock that the test moves."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, suppress

import pytest

from cardiorisk.errors import InvalidLogin, Overloaded, ServiceError, Taken, TooManyAttempts
from cardiorisk.limits.throttle import (
    ADDRESS_FAILURES,
    ADDRESSES_A_NAME,
    CHANGE_SECONDS,
    CHANGES,
    FAILURE_SECONDS,
    KNOWN_FAILURES,
    LOGIN_SECONDS,
    LOGINS,
    MOST_COUNTED,
    NAME_FAILURES,
    REGISTRATION_SECONDS,
    REGISTRATIONS,
    Attempts,
    Throttle,
    site_of,
)
from tests.support import SettableClock


@pytest.fixture
def attempts(clock: SettableClock) -> Attempts:
    return Attempts(3, 60.0, clock, most_counted=4)


def _count(attempts: Attempts, who: str, tries: int) -> None:
    for _ in range(tries):
        attempts.hit(who)


def _may_try(attempts: Attempts, who: str) -> bool:
    try:
        attempts.test(who)
    except TooManyAttempts:
        return False
    return True


@pytest.mark.parametrize(("tries", "may_try"), [(0, True), (2, True), (3, False), (9, False)])
def test_as_many_tries_as_allowed_and_no_more(
    attempts: Attempts, *, tries: int, may_try: bool
) -> None:
    _count(attempts, "ana", tries)
    assert _may_try(attempts, "ana") is may_try


def test_everybody_has_tries_of_their_own(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    assert _may_try(attempts, "bruno")


@pytest.mark.parametrize(("age", "seconds_left"), [(0.0, 60), (18.5, 42), (59.9, 1)])
def test_a_refusal_tells_how_long_it_lasts(
    attempts: Attempts, clock: SettableClock, age: float, seconds_left: int
) -> None:
    _count(attempts, "ana", 3)
    clock.now_seconds += age
    with pytest.raises(TooManyAttempts) as refusal:
        attempts.test("ana")
    assert refusal.value.resets_in_seconds == seconds_left


@pytest.mark.parametrize(("age", "may_try"), [(59.9, False), (60.0, True)])
def test_a_window_ends_a_minute_after_its_first_try(
    attempts: Attempts, clock: SettableClock, *, age: float, may_try: bool
) -> None:
    _count(attempts, "ana", 1)
    clock.now_seconds += 30
    _count(attempts, "ana", 2)
    clock.now_seconds += age - 30
    assert _may_try(attempts, "ana") is may_try


def test_as_many_are_under_way_as_the_window_has_left(attempts: Attempts) -> None:
    attempts.hit("ana")
    with (
        attempts.under_way("ana"),
        attempts.under_way("ana"),
        attempts.under_way("bruno"),
        pytest.raises(Overloaded),
        attempts.under_way("ana"),
    ):
        pytest.fail("a third one was let in")


def test_what_was_under_way_is_not_counted_whether_it_fails_or_not(attempts: Attempts) -> None:
    for error in (None, KeyError()) * 5:
        with suppress(KeyError), attempts.under_way("ana"):
            if error is not None:
                raise error
    assert [_may_try(attempts, "ana") for _ in range(9)] == [True] * 9  # asking counts nothing


def test_with_the_window_used_up_nothing_gets_under_way(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    with pytest.raises(TooManyAttempts), attempts.under_way("ana"):
        pytest.fail("it was let in")


def test_whoever_is_forgotten_starts_anew(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    attempts.clear("ana")
    assert _may_try(attempts, "ana")


def test_a_clock_that_is_set_back_locks_nobody_out(
    attempts: Attempts, clock: SettableClock
) -> None:
    _count(attempts, "ana", 3)
    clock.now_seconds -= 1
    assert _may_try(attempts, "ana")


def test_past_the_bound_the_first_one_is_forgotten(attempts: Attempts) -> None:
    for name in "abcde":
        _count(attempts, name, 3)
    assert [_may_try(attempts, name) for name in "abcde"] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_an_address_is_counted_as_its_site(address: str, site: str) -> None:
    assert site_of(address) == site


# Logins, registrations and changes

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
WRONG = InvalidLogin("wrong")


@pytest.fixture
def throttle(clock: SettableClock) -> Throttle:
    return Throttle(clock)


def outcome(
    attempt: AbstractContextManager[object], error: ServiceError | None = None
) -> type[ServiceError] | None:
    """Make an attempt that ends with the error, and return what comes of it."""
    try:
        with attempt:
            if error is not None:
                raise error
    except ServiceError as found:
        return type(found)
    return None


def test_ten_failures_of_strangers_lock_the_name_in_any_case_from_anywhere_for_a_while(
    throttle: Throttle, clock: SettableClock
) -> None:
    for _ in range(NAME_FAILURES):
        assert outcome(throttle.login("Ana", HERE), WRONG) is InvalidLogin
    assert outcome(throttle.login("ANA", ELSEWHERE)) is TooManyAttempts
    assert outcome(throttle.login("bruno", HERE)) is None
    clock.now_seconds += FAILURE_SECONDS
    assert outcome(throttle.login("ana", HERE)) is None


def test_thirty_failures_of_strangers_lock_the_address_to_strangers_alone(
    throttle: Throttle,
) -> None:
    assert outcome(throttle.login("ana", HERE)) is None
    assert outcome(throttle.registration("bea", HERE)) is None
    for number in range(ADDRESS_FAILURES):
        assert outcome(throttle.login(f"n{number}", HERE), WRONG) is InvalidLogin
    assert outcome(throttle.login("bruno", HERE)) is TooManyAttempts
    assert outcome(throttle.login("bruno", ELSEWHERE)) is None
    assert outcome(throttle.login("bruno", HERE, device="d")) is None
    for _ in range(3):
        assert outcome(throttle.login("ANA", HERE)) is None
        assert outcome(throttle.login("bea", HERE)) is None
    assert outcome(throttle.registration("carla", HERE)) is None


def test_who_guesses_where_the_name_is_known_uses_up_that_place_and_then_the_strangers_tries(
    throttle: Throttle,
) -> None:
    assert outcome(throttle.login("ana", HERE)) is None
    for _ in range(KNOWN_FAILURES + NAME_FAILURES):
        assert outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin
    assert outcome(throttle.login("ana", HERE)) is TooManyAttempts
    assert outcome(throttle.login("ana", HERE, device="d")) is None
    for _ in range(KNOWN_FAILURES):
        assert outcome(throttle.login("ana", ELSEWHERE, device="e"), WRONG) is InvalidLogin
    assert outcome(throttle.login("ana", ELSEWHERE, device="e")) is TooManyAttempts


def test_a_success_starts_the_names_count_anew_and_leaves_the_addresses(
    throttle: Throttle,
) -> None:
    for number in range(ADDRESS_FAILURES):
        if number % (NAME_FAILURES - 1) == 0:
            assert outcome(throttle.login("ana", f"198.51.100.{number}")) is None
        assert outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin
    assert outcome(throttle.login("bruno", HERE)) is TooManyAttempts


def test_the_newest_addresses_of_a_name_are_known(throttle: Throttle) -> None:
    for number in range(ADDRESSES_A_NAME + 1):
        assert outcome(throttle.login("ana", f"192.0.2.{number}")) is None
    for number in range(ADDRESS_FAILURES):
        assert outcome(throttle.login("ana", f"203.0.113.{number}"), WRONG) in {
            InvalidLogin,
            TooManyAttempts,
        }
    assert outcome(throttle.login("ana", "192.0.2.0")) is TooManyAttempts
    assert outcome(throttle.login("ana", "192.0.2.1")) is None


def test_names_that_are_known_somewhere_are_bounded(throttle: Throttle) -> None:
    for number in range(MOST_COUNTED + 1):
        assert outcome(throttle.login(f"n{number}", HERE)) is None
    for name, expected in (("n0", TooManyAttempts), ("n1", None)):
        for _ in range(NAME_FAILURES):
            assert outcome(throttle.login(name, ELSEWHERE), WRONG) is InvalidLogin
        assert outcome(throttle.login(name, HERE)) is expected


def test_as_many_tries_are_under_way_as_may_fail_and_right_ones_are_no_failures(
    throttle: Throttle,
) -> None:
    with ExitStack() as under_way:
        for _ in range(NAME_FAILURES):
            under_way.enter_context(throttle.login("ana", HERE))
        assert outcome(throttle.login("ana", ELSEWHERE)) is Overloaded
    for _ in range(NAME_FAILURES):
        assert outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin


@pytest.mark.parametrize("error", [Overloaded("busy"), Taken(())])
def test_what_says_nothing_of_the_password_counts_nothing(
    throttle: Throttle, error: ServiceError
) -> None:
    for _ in range(LOGINS + 1):
        assert outcome(throttle.login("ana", HERE), error) is type(error)


def test_right_logins_of_one_name_are_limited(throttle: Throttle, clock: SettableClock) -> None:
    for _ in range(LOGINS):
        assert outcome(throttle.login("ana", HERE)) is None
    assert outcome(throttle.login("ana", ELSEWHERE)) is TooManyAttempts
    assert outcome(throttle.login("bruno", HERE)) is None
    clock.now_seconds += LOGIN_SECONDS
    assert outcome(throttle.login("ana", HERE)) is None


def test_registrations_from_one_address_are_limited(
    throttle: Throttle, clock: SettableClock
) -> None:
    for _ in range(ADDRESS_FAILURES - 1):
        assert outcome(throttle.registration("ana", HERE), Taken(())) is Taken
    for _ in range(REGISTRATIONS):
        assert outcome(throttle.registration("ana", HERE)) is None
    assert outcome(throttle.registration("ana", HERE)) is TooManyAttempts
    assert outcome(throttle.registration("ana", ELSEWHERE)) is None
    clock.now_seconds += REGISTRATION_SECONDS
    assert outcome(throttle.registration("ana", HERE)) is None


def test_changes_are_limited_by_account(throttle: Throttle, clock: SettableClock) -> None:
    for _ in range(CHANGES):
        throttle.count_change(1)
    with pytest.raises(TooManyAttempts):
        throttle.count_change(1)
    throttle.count_change(2)
    clock.now_seconds += CHANGE_SECONDS
    throttle.count_change(1)
