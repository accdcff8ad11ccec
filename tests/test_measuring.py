"""The stop-watch, whose stages add up, and values counted under the bound that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.measuring import Histogram, Timings, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence


def timings_at(readings_s: Sequence[float]) -> Timings:
    return Timings(iter(readings_s).__next__)


def test_a_stage_runs_from_the_end_of_the_one_before_and_the_total_from_the_start() -> None:
    timings = timings_at([10.0, 10.002, 10.007, 10.5])
    timings.end_stage("auth")
    timings.end_stage("limit")
    timings.stop()
    assert timings.stages_ms == {"auth": 2.0, "limit": 5.0}
    assert timings.total_ms == 500.0


def test_times_are_rounded_to_the_microsecond() -> None:
    timings = timings_at([0.0, 0.0012345678, 0.0012345678])
    timings.end_stage("auth")
    timings.stop()
    assert (timings.stages_ms["auth"], timings.total_ms) == (1.235, 1.235)


def test_the_header_names_the_stages_in_their_order_and_the_total() -> None:
    timings = timings_at([0.0, 0.00002, 0.00082, 0.00102])
    timings.end_stage("auth")
    timings.end_stage("predict")
    timings.stop()
    assert timings.server_timing() == "auth;dur=0.02, predict;dur=0.8, total;dur=1.02"


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_stages_add_up_to_the_total(durations_s: list[float]) -> None:
    readings_s = [100.0]
    for duration_s in durations_s:
        readings_s.append(readings_s[-1] + duration_s)
    timings = timings_at([*readings_s, readings_s[-1]])
    for number in range(len(durations_s)):
        timings.end_stage(f"stage{number}")
    timings.stop()
    rounding_ms = 0.0005 * (len(durations_s) + 1)
    assert sum(timings.stages_ms.values()) == pytest.approx(timings.total_ms, abs=rounding_ms)


def test_the_real_clock_never_runs_backwards() -> None:
    timings = Timings()
    timings.end_stage("auth")
    timings.stop()
    assert 0 <= timings.stages_ms["auth"] <= timings.total_ms


def test_values_are_counted_under_their_bound_and_summed() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (2, 0.5, 5, 4.5):
        histogram.add(value)
    assert histogram.cumulative() == [1, 2, 2, 4]
    assert (histogram.count, histogram.total, histogram.largest) == (4, 12.0, 5)


def test_no_percentile_is_above_the_largest_value() -> None:
    histogram = Histogram((1.0, 10.0))
    for value in (2.0, 2.0, 2.5):
        histogram.add(value)
    assert histogram.percentile(5) == pytest.approx(1 + 9 * 0.05)
    assert histogram.percentile(99) == 2.5


@pytest.mark.parametrize(
    ("cumulative", "percent", "expected"),
    [
        ([4, 4, 4], 50, 0.5),
        ([0, 4, 4], 25, 3.25),
        ([1, 4, 4], 25, 1.0),
        ([0, 4, 4], 100, 10.0),
        ([0, 0, 4], 50, 10.0),
        ([0, 0, 0], 50, 0.0),
        ([2, 2, 4], 99, 10.0),
    ],
)
def test_a_percentile_lies_in_its_bucket(
    cumulative: list[int], percent: float, expected: float
) -> None:
    assert percentile((1.0, 10.0), cumulative, percent) == expected
