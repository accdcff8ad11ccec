"""The limit: exact in each clock minute, whatever happens to plans and clocks."""

import tracemalloc
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cardiorisk.identity.keys import KeyWindow
from cardiorisk.limits.window import Limiter, Verdict, limit_of

MINUTE_MS = 60_000
A_MINUTE_START_MS = 29_923_001 * MINUTE_MS
ACCOUNTS = st.integers(1, 4)
LIMITS = st.sampled_from([1, 2, 5, 50])
KEY_LIMITS = {"a": 1, "b": 3, "c": 5, "d": 40}
"""Of keys that each account has, beside one without a limit of its own."""


class Clock:
    """A clock in whole milliseconds, set by the test."""

    def __init__(self, now_ms: int = A_MINUTE_START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> float:
        return self.now_ms / 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    return Limiter(clock)


def allowed(limiter: Limiter, hits: int, account_id: int = 1, limit: int = 5) -> int:
    return sum(limiter.hit(account_id, limit).allowed for _ in range(hits))


class LimiterAgainstModel(RuleBasedStateMachine):
    """The limiter beside a ledger of every request it has let through."""

    @initialize(start_ms=st.integers(0, MINUTE_MS - 1))
    def start(self, start_ms: int) -> None:
        self.clock = Clock(A_MINUTE_START_MS + start_ms)
        self.limiter = Limiter(self.clock)
        self.ledger: Counter[tuple[int | str, int]] = Counter()

    @property
    def minute(self) -> int:
        return self.clock.now_ms // MINUTE_MS

    @rule(
        account_id=ACCOUNTS,
        limit=LIMITS,
        key=st.sampled_from([None, *KEY_LIMITS]),
        want=st.sampled_from([1, 1, 1, 2, 6]),
        hits=st.integers(1, 7),
    )
    def hit(self, account_id: int, limit: int, key: str | None, want: int, hits: int) -> None:
        limits: dict[int | str, int] = {account_id: limit}
        window = None
        if key is not None:
            window = KeyWindow(f"{account_id}{key}", KEY_LIMITS[key])
            limits[window.name] = window.limit
        for _ in range(hits):
            fits = all(
                self.ledger[whose, self.minute] + want <= most for whose, most in limits.items()
            )
            verdict = self.limiter.hit(account_id, limit, window, want)
            for whose in limits:
                self.ledger[whose, self.minute] += want * fits
            remaining, tighter, is_key_s = min(
                (max(0, most - self.ledger[whose, self.minute]), most, whose is not account_id)
                for whose, most in limits.items()
            )
            left_ms = MINUTE_MS - self.clock.now_ms % MINUTE_MS
            assert verdict == Verdict(
                allowed=fits,
                limit=tighter,
                remaining=remaining,
                resets_in_seconds=-(-left_ms // 1000),
                is_key_s=is_key_s,
            )

    @rule(passed_ms=st.sampled_from([1, 999, 1_000, 20_000, 59_999, 60_000, 60_001, 600_000]))
    def let_time_pass(self, passed_ms: int) -> None:
        self.clock.now_ms += passed_ms

    @rule()
    def go_to_the_last_millisecond(self) -> None:
        self.clock.now_ms = (self.minute + 1) * MINUTE_MS - 1

    @invariant()
    def memory_holds_this_minutes_accounts_only(self) -> None:
        if hasattr(self, "limiter"):
            active = [
                whose
                for (whose, minute), used in self.ledger.items()
                if used and minute == self.minute and isinstance(whose, int)
            ]
            assert self.limiter.active_accounts() == len(active)


TestLimiterAgainstModel = LimiterAgainstModel.TestCase
TestLimiterAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    ("into_the_minute_ms", "seconds"),
    [(0, 60), (1, 60), (1_000, 59), (1_001, 59), (42_000, 18), (59_000, 1), (59_999, 1)],
)
def test_reset_is_told_in_whole_seconds_rounded_up(
    limiter: Limiter, clock: Clock, into_the_minute_ms: int, seconds: int
) -> None:
    clock.now_ms += into_the_minute_ms
    assert limiter.hit(1, 5).resets_in_seconds == seconds


def test_twice_the_plan_passes_across_a_boundary(limiter: Limiter, clock: Clock) -> None:
    clock.now_ms += MINUTE_MS - 1
    before = allowed(limiter, 9)
    clock.now_ms += 1
    assert before + allowed(limiter, 9) == 10


def test_counts_are_swept_when_the_minute_rolls(limiter: Limiter, clock: Clock) -> None:
    for account_id in range(1_000):
        limiter.hit(account_id, 5)
    clock.now_ms += MINUTE_MS
    limiter.hit(1, 5)
    limiter.hit(2, 5, want=0)
    assert limiter.active_accounts() == 1


def test_keys_are_forgotten_with_their_minute(limiter: Limiter, clock: Clock) -> None:
    limiter.hit(1, 5)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for minute in range(3):
        for number in range(1_000):
            limiter.hit(1, 9_000, KeyWindow(f"key_{minute}{number}", 3))
        assert tracemalloc.get_traced_memory()[0] - before < 200 * 1_000
        clock.now_ms += MINUTE_MS
    limiter.hit(1, 5)
    # A minute's keys take 80,000; other threads may have made something meanwhile.
    assert tracemalloc.get_traced_memory()[0] - before < 20_000
    tracemalloc.stop()


@pytest.mark.parametrize("back_ms", [1, 30_000, 60_000])
def test_clock_set_back_by_up_to_a_minute_gives_no_second_quota(
    limiter: Limiter, clock: Clock, back_ms: int
) -> None:
    allowed(limiter, 5)
    clock.now_ms -= back_ms
    assert allowed(limiter, 5) == 0


def test_reset_after_a_clock_set_back_is_when_the_window_really_opens(
    limiter: Limiter, clock: Clock
) -> None:
    allowed(limiter, 5)
    clock.now_ms -= 30_000
    verdict = limiter.hit(1, 5)
    assert verdict.resets_in_seconds == 90
    clock.now_ms += verdict.resets_in_seconds * 1000
    assert limiter.hit(1, 5).allowed


@pytest.mark.parametrize("back_ms", [60_001, 60 * MINUTE_MS])
def test_clock_set_back_by_more_locks_nobody_out(
    limiter: Limiter, clock: Clock, back_ms: int
) -> None:
    allowed(limiter, 5)
    clock.now_ms -= back_ms
    assert limiter.hit(1, 5).allowed
    assert limiter.hit(1, 5).remaining == 3


def test_clock_set_forward_opens_the_minute_it_is_in(limiter: Limiter, clock: Clock) -> None:
    allowed(limiter, 5)
    clock.now_ms += 24 * 60 * MINUTE_MS
    assert allowed(limiter, 9) == 5


@pytest.mark.parametrize(("plan", "limit"), [("freemium", 5), ("premium", 50), ("gone", 5)])
def test_plan_gives_its_limit_and_an_unknown_one_the_least(plan: str, limit: int) -> None:
    assert limit_of(plan, {"premium": 50, "freemium": 5}) == limit


# Calls, to be kept by the day


def test_what_is_used_now_is_told_without_being_counted(limiter: Limiter, clock: Clock) -> None:
    allowed(limiter, hits=3)
    assert (limiter.used(1), limiter.used(1), limiter.used(2)) == (3, 3, 0)
    clock.now_ms += MINUTE_MS
    assert limiter.used(1) == 0


def test_calls_are_taken_once_and_leave_the_limit_alone(limiter: Limiter, clock: Clock) -> None:
    day = datetime.fromtimestamp(clock(), UTC).date()
    allowed(limiter, hits=3)
    allowed(limiter, hits=7, account_id=2)
    assert limiter.take_calls() == {(1, day): 3, (2, day): 5}
    assert limiter.take_calls() == {}
    assert allowed(limiter, hits=4) == 2
    clock.now_ms += MINUTE_MS
    allowed(limiter, hits=1)
    assert limiter.calls_of(1) == {day: 3}
    assert limiter.take_calls() == {(1, day): 3}


def test_a_call_belongs_to_the_day_it_was_made_on(limiter: Limiter, clock: Clock) -> None:
    clock.now_ms = 20_000 * 24 * 60 * MINUTE_MS - 1
    allowed(limiter, hits=2)
    clock.now_ms += 1
    allowed(limiter, hits=1)
    midnight = date(1970, 1, 1) + timedelta(days=20_000)
    assert limiter.take_calls() == {(1, midnight - timedelta(days=1)): 2, (1, midnight): 1}


def test_calls_that_nobody_takes_are_forgotten_after_an_hour(
    limiter: Limiter, clock: Clock
) -> None:
    for _ in range(100):
        allowed(limiter, hits=1)
        clock.now_ms += MINUTE_MS
    assert sum(limiter.take_calls().values()) == 60 + 1  # and the minute that was counted last
