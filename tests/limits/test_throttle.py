"""How often somebody may try, counted in memory by the test's clock and in a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import pytest
from tornado.ioloop import IOLoop

from cardiorisk.errors import InvalidLogin, Overloaded, ServiceError, Taken, TooManyAttempts
from cardiorisk.limits import redis as redis_room
from cardiorisk.limits.shared import SharedTries, shared_redis
from cardiorisk.limits.throttle import (
    ADDRESSES,
    CHANGES,
    KNOWN,
    LOGINS,
    MOST_COUNTED,
    NAMES,
    REGISTRATIONS,
    SITES,
    Kind,
    Place,
    Throttle,
    Tries,
    site_of,
)
from tests.redis_server import RedisServer
from tests.support import SettableClock

KIND = Kind("tests", 3, 60)
ANA, BRUNO = Place(KIND, "ana"), Place(KIND, "bruno")


@dataclass
class Counted:
    """Tries, and what lets time pass for them."""

    counts: Tries
    clock: SettableClock
    server: RedisServer | None = None

    async def let_pass(self, seconds: float) -> None:
        self.clock.now_seconds += seconds
        if self.server is not None:
            await self.counts.tries()  # what was counted has arrived
            self.server.let_pass(seconds)


@pytest.fixture
def shared(redis_server: RedisServer, io_loop: IOLoop) -> Iterator[SharedTries]:
    redis = shared_redis(redis_server.url, refuses=True)
    io_loop.run_sync(redis.start)
    yield SharedTries(redis, time.time)
    io_loop.run_sync(redis.close)


@pytest.fixture(params=["memory", "redis"])
def counted(request: pytest.FixtureRequest, clock: SettableClock) -> Counted:
    if request.param == "memory":
        return Counted(Tries(clock), clock)
    shared = request.getfixturevalue("shared")
    return Counted(shared, clock, request.getfixturevalue("redis_server"))


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_room, "DEADLINE_SECONDS", 10.0)
    monkeypatch.setattr(redis_room, "BREAK_SECONDS", 10.0)


@pytest.fixture
def counts(counted: Counted) -> Tries:
    return counted.counts


@pytest.fixture
def throttle(counts: Tries) -> Throttle:
    return Throttle(counts)


async def held(counts: Tries, place: Place) -> str:
    """Hold a place, and return what comes of it."""
    try:
        await counts.hold(place)
    except (TooManyAttempts, Overloaded) as refusal:
        return type(refusal).__name__
    return "held"


@pytest.mark.parametrize(("tries", "outcome"), [(2, "held"), (3, "TooManyAttempts")])
async def test_everybody_has_as_many_tries_as_allowed_and_no_more(
    counts: Tries, tries: int, outcome: str
) -> None:
    for _ in range(tries):
        counts.end(ANA, tries=1)
    assert await counts.tries(ANA, BRUNO) == [tries, 0]
    assert await held(counts, ANA) == outcome
    assert await held(counts, BRUNO) == "held"


async def test_a_window_ends_a_minute_after_its_first_try_and_a_refusal_tells_when(
    counts: Tries, counted: Counted
) -> None:
    began = time.monotonic()
    counts.end(ANA, tries=1)
    await counted.let_pass(30)
    counts.end(ANA, tries=2)
    with pytest.raises(TooManyAttempts) as refusal:
        await counts.hold(ANA)
    assert 29 - (time.monotonic() - began) <= refusal.value.resets_in_seconds <= 30
    await counted.let_pass(30)
    assert await held(counts, ANA) == "held"


async def test_as_many_are_under_way_as_the_window_has_left_in_all_windows_or_none(
    counts: Tries,
) -> None:
    counts.end(ANA, tries=1)
    found = await asyncio.gather(*(held(counts, ANA) for _ in range(9)))
    assert sorted(found) == ["Overloaded"] * 7 + ["held"] * 2
    with pytest.raises(Overloaded):
        await counts.hold(BRUNO, ANA)
    assert [await held(counts, BRUNO) for _ in range(3)] == ["held"] * 3
    counts.end(ANA)
    assert [await held(counts, ANA) for _ in range(2)] == ["held", "Overloaded"]


async def test_a_window_that_is_cleared_begins_anew_and_who_is_under_way_stays_so(
    counts: Tries,
) -> None:
    await counts.hold(ANA)
    counts.end(ANA, ANA, ANA, tries=1)
    await counts.hold(BRUNO)
    counts.clear(ANA)
    counts.clear(BRUNO)
    assert [await held(counts, ANA) for _ in range(4)] == ["held"] * 3 + ["Overloaded"]
    assert [await held(counts, BRUNO) for _ in range(3)] == ["held"] * 2 + ["Overloaded"]


async def test_a_clock_that_is_set_back_locks_nobody_out(clock: SettableClock) -> None:
    counts = Tries(clock)
    counts.end(ANA, tries=3)
    clock.now_seconds -= 1
    assert await held(counts, ANA) == "held"


async def test_past_the_bound_the_first_window_in_memory_is_forgotten(clock: SettableClock) -> None:
    counts = Tries(clock)
    places = [Place(KIND, str(number)) for number in range(MOST_COUNTED + 1)]
    counts.end(*places, tries=1)
    assert await counts.tries(places[0], places[1], places[-1]) == [0, 1, 1]


async def test_what_a_process_held_that_died_is_free_after_a_minute(
    shared: SharedTries, redis_server: RedisServer
) -> None:
    began = time.monotonic()
    await shared.hold(ANA)
    seconds_left = redis_server.ask("TTL", "cardiorisk:{attempts}:tests:ana")
    assert 59 - (time.monotonic() - began) <= seconds_left <= 60


async def test_what_came_of_a_try_counts_for_all_processes_before_it_is_told(
    shared: SharedTries, redis_server: RedisServer
) -> None:
    throttle = Throttle(shared)

    def in_redis() -> dict[bytes, list[bytes]]:
        return {key: redis_server.ask("HGETALL", key) for key in redis_server.ask("KEYS", "*")}

    for attempt in (
        outcome(throttle.login("ana", HERE), WRONG),
        outcome(throttle.login("ana", HERE)),
        outcome(throttle.registration("bea", HERE), Taken(())),
        outcome(throttle.registration("bea", HERE)),
        throttle.count_change(1),
    ):
        before = in_redis()
        await attempt
        told = in_redis()
        await shared.tries()  # whatever is under way has arrived
        assert before != told == in_redis()


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


async def outcome(
    attempt: AbstractAsyncContextManager[object], error: ServiceError | None = None
) -> type[ServiceError] | None:
    """Make an attempt that ends with the error, and return what comes of it."""
    try:
        async with attempt:
            if error is not None:
                raise error
    except ServiceError as found:
        return type(found)
    return None


async def test_ten_failures_of_strangers_lock_the_name_in_any_case_from_anywhere_for_a_while(
    throttle: Throttle, counted: Counted
) -> None:
    for _ in range(NAMES.most):
        assert await outcome(throttle.login("Ana", HERE), WRONG) is InvalidLogin
    assert await outcome(throttle.login("ANA", ELSEWHERE)) is TooManyAttempts
    assert await outcome(throttle.login("bruno", HERE)) is None
    await counted.let_pass(NAMES.seconds)
    assert await outcome(throttle.login("ana", HERE)) is None


async def test_thirty_failures_of_strangers_lock_the_address_to_strangers_alone(
    throttle: Throttle,
) -> None:
    assert await outcome(throttle.login("ana", HERE)) is None
    assert await outcome(throttle.registration("bea", HERE)) is None
    for number in range(ADDRESSES.most):
        assert await outcome(throttle.login(f"n{number}", HERE), WRONG) is InvalidLogin
    assert await outcome(throttle.login("bruno", HERE)) is TooManyAttempts
    assert await outcome(throttle.login("bruno", ELSEWHERE)) is None
    assert await outcome(throttle.login("bruno", HERE, device="d")) is None
    for _ in range(3):
        assert await outcome(throttle.login("ANA", HERE)) is None
        assert await outcome(throttle.login("bea", HERE)) is None
    assert await outcome(throttle.registration("carla", HERE)) is None


async def test_who_guesses_where_the_name_is_known_uses_up_that_place_and_then_the_strangers_tries(
    throttle: Throttle,
) -> None:
    assert await outcome(throttle.login("ana", HERE)) is None
    for _ in range(KNOWN.most + NAMES.most):
        assert await outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin
    assert await outcome(throttle.login("ana", HERE)) is TooManyAttempts
    assert await outcome(throttle.login("ana", HERE, device="d")) is None
    for _ in range(KNOWN.most):
        assert await outcome(throttle.login("ana", ELSEWHERE, device="e"), WRONG) is InvalidLogin
    assert await outcome(throttle.login("ana", ELSEWHERE, device="e")) is TooManyAttempts


async def test_a_success_starts_the_names_count_anew_and_leaves_the_addresses(
    throttle: Throttle,
) -> None:
    for number in range(ADDRESSES.most):
        if number % (NAMES.most - 1) == 0:
            assert await outcome(throttle.login("ana", f"198.51.100.{number}")) is None
        assert await outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin
    assert await outcome(throttle.login("bruno", HERE)) is TooManyAttempts


async def test_a_name_is_known_at_an_address_for_a_week(
    throttle: Throttle, counted: Counted
) -> None:
    assert await outcome(throttle.login("ana", HERE)) is None
    await counted.let_pass(SITES.seconds - 30)  # as Redis's own clock goes on
    for expected in (None, TooManyAttempts):
        for _ in range(NAMES.most):
            assert await outcome(throttle.login("ana", ELSEWHERE), WRONG) is InvalidLogin
        assert await outcome(throttle.login("ana", HERE)) is expected
        await counted.let_pass(SITES.seconds if expected is None else 0)


async def test_as_many_tries_are_under_way_as_may_fail_and_right_ones_are_no_failures(
    throttle: Throttle,
) -> None:
    async with AsyncExitStack() as under_way:
        for _ in range(NAMES.most):
            await under_way.enter_async_context(throttle.login("ana", HERE))
        assert await outcome(throttle.login("ana", ELSEWHERE)) is Overloaded
    for _ in range(NAMES.most):
        assert await outcome(throttle.login("ana", HERE), WRONG) is InvalidLogin


@pytest.mark.parametrize("error", [Overloaded("busy"), Taken(())])
async def test_what_says_nothing_of_the_password_counts_nothing(
    throttle: Throttle, error: ServiceError
) -> None:
    for _ in range(LOGINS.most + 1):
        assert await outcome(throttle.login("ana", HERE), error) is type(error)


async def test_right_logins_of_one_name_are_limited(throttle: Throttle, counted: Counted) -> None:
    for _ in range(LOGINS.most):
        assert await outcome(throttle.login("ana", HERE)) is None
    assert await outcome(throttle.login("ana", ELSEWHERE)) is TooManyAttempts
    assert await outcome(throttle.login("bruno", HERE)) is None
    await counted.let_pass(LOGINS.seconds)
    assert await outcome(throttle.login("ana", HERE)) is None


async def test_registrations_from_one_address_are_limited(
    throttle: Throttle, counted: Counted
) -> None:
    for _ in range(ADDRESSES.most - 1):
        assert await outcome(throttle.registration("ana", HERE), Taken(())) is Taken
    for _ in range(REGISTRATIONS.most):
        assert await outcome(throttle.registration("ana", HERE)) is None
    assert await outcome(throttle.registration("ana", HERE)) is TooManyAttempts
    assert await outcome(throttle.registration("ana", ELSEWHERE)) is None
    await counted.let_pass(REGISTRATIONS.seconds)
    assert await outcome(throttle.registration("ana", HERE)) is None


async def test_changes_are_limited_by_account(throttle: Throttle, counted: Counted) -> None:
    for _ in range(CHANGES.most):
        await throttle.count_change(1)
    with pytest.raises(TooManyAttempts):
        await throttle.count_change(1)
    await throttle.count_change(2)
    await counted.let_pass(CHANGES.seconds)
    await throttle.count_change(1)
