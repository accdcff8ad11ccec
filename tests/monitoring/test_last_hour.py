"""The last hour is the difference of what was counted, minute by minute."""

from __future__ import annotations

import pytest

from cardiorisk.monitoring.metrics import MINUTES, Counts, LastHour, stage_times
from tests.support import SettableClock

BOUNDS_MS = (1.0, 10.0)


class Service:
    """Something that counts."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.refusals = 0
        self.times = [0, 0, 0]

    def answer(self, status: int = 200, count: int = 1) -> None:
        self.answers[status] = self.answers.get(status, 0) + count
        self.refusals += count if status == 429 else 0
        self.times = [time + count for time in self.times]

    def counts(self) -> Counts:
        return Counts(dict(self.answers), {"freemium": self.refusals}, {"total": list(self.times)})


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
    counted = [minute.counts.requests for minute in hour.minutes()]
    assert counted == [0] * (MINUTES - 4) + [3, 1, 4, 2]


def test_minutes_begin_on_the_clock_minute(hour: LastHour, clock: SettableClock) -> None:
    assert hour.minutes()[-1].starts_at_seconds == clock.now_seconds - 12.25
    assert hour.seconds_to_next_minute() == 47.75


def test_a_minute_that_nobody_saw_holds_nothing(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer()
    clock.now_seconds += 3 * 60
    hour.roll()
    service.answer(count=2)
    assert [minute.counts.requests for minute in hour.minutes()[-4:]] == [1, 0, 0, 2]


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
    assert (hour.last(1).by_status, hour.last(1).refusals) == ({}, {})
    service.answer(200)
    service.answer(429, count=2)
    assert (hour.last(1).by_status, hour.last(1).refusals) == ({200: 1, 429: 2}, {"freemium": 2})


def test_a_clock_set_back_a_little_stays_in_its_minute(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    begin_minute(hour, clock)
    service.answer()
    clock.now_seconds -= 30
    assert hour.minutes()[-1].counts.requests == 1


def test_a_clock_set_back_far_begins_the_hour_anew(
    hour: LastHour, service: Service, clock: SettableClock
) -> None:
    service.answer()
    clock.now_seconds -= 3600
    assert hour.minutes()[-1].counts.requests == 0
    service.answer()
    assert hour.minutes()[-1].counts.requests == 1


def test_times_are_estimated_within_their_bucket(hour: LastHour, service: Service) -> None:
    service.times = [0, 10, 12]  # ten between 1 and 10 ms, two above
    (total,) = stage_times(hour.last(1), BOUNDS_MS)
    assert (total.stage, total.count) == ("total", 12)
    assert (total.p50_ms, total.p90_ms) == pytest.approx((6.4, 10.0))


def test_a_stage_that_nothing_went_through_has_no_times(hour: LastHour) -> None:
    assert stage_times(hour.last(1), BOUNDS_MS) == ()
