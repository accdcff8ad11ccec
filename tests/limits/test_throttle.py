"""How often somebody may try, with a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import Overloaded, TooManyAttempts
from cardiorisk.limits.throttle import Attempts, site_of


class Seconds:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def attempts(seconds: Seconds) -> Attempts:
    return Attempts(3, 60.0, seconds, most_counted=4)


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


def test_asking_counts_nothing(attempts: Attempts) -> None:
    assert [_may_try(attempts, "ana") for _ in range(9)] == [True] * 9


def test_everybody_has_tries_of_their_own(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    assert _may_try(attempts, "bruno")


@pytest.mark.parametrize(("age", "seconds_left"), [(0.0, 60), (18.5, 42), (59.9, 1)])
def test_a_refusal_tells_how_long_it_lasts(
    attempts: Attempts, seconds: Seconds, age: float, seconds_left: int
) -> None:
    _count(attempts, "ana", 3)
    seconds.now += age
    with pytest.raises(TooManyAttempts) as refusal:
        attempts.test("ana")
    assert refusal.value.resets_in_seconds == seconds_left


@pytest.mark.parametrize(("age", "may_try"), [(59.9, False), (60.0, True)])
def test_a_window_ends_a_minute_after_its_first_try(
    attempts: Attempts, seconds: Seconds, *, age: float, may_try: bool
) -> None:
    _count(attempts, "ana", 1)
    seconds.now += 30
    _count(attempts, "ana", 2)
    seconds.now += age - 30
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


def test_what_was_under_way_is_not_counted(attempts: Attempts) -> None:
    for _ in range(9):
        with attempts.under_way("ana"):
            pass
    assert _may_try(attempts, "ana")


def test_what_fails_under_way_makes_room_too(attempts: Attempts) -> None:
    for _ in range(9):
        with pytest.raises(KeyError), attempts.under_way("ana"):
            raise KeyError


def test_with_the_window_used_up_nothing_gets_under_way(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    with pytest.raises(TooManyAttempts), attempts.under_way("ana"):
        pytest.fail("it was let in")


def test_whoever_is_forgotten_starts_anew(attempts: Attempts) -> None:
    _count(attempts, "ana", 3)
    attempts.clear("ana")
    assert _may_try(attempts, "ana")


def test_a_clock_that_is_set_back_locks_nobody_out(attempts: Attempts, seconds: Seconds) -> None:
    _count(attempts, "ana", 3)
    seconds.now -= 1
    assert _may_try(attempts, "ana")


def test_past_the_bound_the_first_one_is_forgotten(attempts: Attempts) -> None:
    for name in "abcde":
        _count(attempts, name, 3)
    assert len(attempts) == 4
    assert [_may_try(attempts, name) for name in "abcde"] == [True, False, False, False, False]


@given(st.lists(st.integers(0, 100)))
def test_memory_is_bounded_whatever_is_counted(names: list[int]) -> None:
    attempts = Attempts(3, 60.0, lambda: 0.0, most_counted=4)
    for name in names:
        attempts.hit(str(name))
    assert len(attempts) <= 4


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
