"""The last hour is the difference of what was counted, minute by minute."""

from __future__ import annotations

from collections import Counter

import pytest

from cardiorisk.measuring import Histogram
from cardiorisk.monitoring.metrics import MINUTES, STAGE_BOUNDS_MS, Counts, LastHour
from tests.support import SettableClock


class Service:
    """Something that counts."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.times = Histogram(STAGE_BOUNDS_MS)

    def answer(self, status: int = 200, count: int = 1) -> None:
        self.answers[status] += count
        self.refusals["freemium"] += count if status == 429 else 0

    def counts(self) -> Counts:
        times = {"total": self.times.cumulative()}
        return Counts(Counter(self.answers), Counter(self.refusals), times)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def hour(service: Service, clock: SettableClock) -> LastHour:
    return LastHour(service.counts, clock)


def begin_minute(hour: LastHour, clock: SettableClock) -> None:
    clock.now_seconds += 60
    hour.roll()


def test_each_minute_holds_its_own(hour: LastHour, service: Service, clock: SettableClock) -> None:
    for count in (3, 1, 4):
        service.answer(count=count)
        begin_minute(hour, clock)
    service.answer(count=2)
    counted = [minute.requests for minute in hour.minutes()]
    assert counted == [0] * (MINUTES - 4) + [3, 1, 4, 2]


def test_minutes_begin_on_the_clock_minute(hour: LastHour, clock: SettableClock) -> None:
    assert hour.minutes()[-1].starts_at.timestamp() == clock.now_seconds - 12.25
    assert hour.seconds_to_next_minute() == 47.75


def test_a_minute_that_nobody_saw_holds_nothing(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer()
    clock.now_seconds += 3 * 60
    hour.roll()
    service.answer(count=2)
    assert [minute.requests for minute in hour.minutes()[-4:]] == [1, 0, 0, 2]


def test_what_is_older_than_an_hour_is_forgotten(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer(count=100)
    for _ in range(MINUTES):
        begin_minute(hour, clock)
        service.answer()
    assert hour.last(MINUTES).requests == MINUTES


def test_the_last_minutes_are_added_up(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    for count in (100, 3, 1):
        begin_minute(hour, clock)
        service.answer(count=count)
    assert hour.last(2).requests == 4


def test_statuses_and_refusals_are_told_apart_and_what_has_not_risen_left_out(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer(404)
    begin_minute(hour, clock)
    assert (hour.last(1).by_status, hour.last(1).refusals_by_plan) == ({}, {})
    service.answer(200)
    service.answer(429, count=2)
    assert hour.last(1).by_status == {"200": 1, "429": 2}
    assert hour.last(1).refusals_by_plan == {"freemium": 2}


def test_a_minute_tells_what_was_refused_and_what_failed(hour: LastHour, service: Service) -> None:
    for status in (200, 303, 401, 404, 429, 499, 500, 503):
        service.answer(status)
    now = hour.minutes()[-1]
    assert (now.requests, now.refusals, now.failures, now.faults) == (8, 1, 2, 3)


def test_a_clock_set_back_a_little_stays_in_its_minute(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    begin_minute(hour, clock)
    service.answer()
    clock.now_seconds -= 30
    assert hour.minutes()[-1].requests == 1


def test_a_clock_set_back_far_begins_the_hour_anew(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer()
    clock.now_seconds -= 3600
    assert hour.minutes()[-1].requests == 0
    service.answer()
    assert hour.minutes()[-1].requests == 1


def test_times_are_estimated_within_their_bucket(hour: LastHour, service: Service) -> None:
    for time_ms in (*[3.0] * 10, 9.0, 9.0):  # ten between 2.5 and 5 ms, two between 5 and 10
        service.times.add(time_ms)
    total = hour.last(1).stages_ms["total"]
    assert (total.count, total.p50, total.p90) == (12, 4.0, 7.0)


def test_a_stage_that_nothing_went_through_has_no_times(hour: LastHour) -> None:
    assert hour.last(1).stages_ms == {}
