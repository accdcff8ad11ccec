"""The stop-watch: stages that add up, in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.measuring import Timings

if TYPE_CHECKING:
    from collections.abc import Sequence


def timings_at(readings_s: Sequence[float]) -> Timings:
    return Timings(iter(readings_s).__next__)


def test_stage_runs_from_the_end_of_the_one_before() -> None:
    timings = timings_at([10.0, 10.002, 10.007])
    timings.end_stage("auth")
    timings.end_stage("limit")
    assert timings.stages_ms == {"auth": 2.0, "limit": 5.0}


def test_total_runs_from_the_start() -> None:
    timings = timings_at([10.0, 10.002, 10.5])
    timings.end_stage("auth")
    timings.stop()
    assert timings.total_ms == 500.0


def test_times_are_rounded_to_the_microsecond() -> None:
    timings = timings_at([0.0, 0.0012345678])
    timings.stop()
    assert timings.total_ms == 1.235


def test_header_names_the_stages_in_their_order_and_the_total() -> None:
    timings = timings_at([0.0, 0.00002, 0.00082, 0.00102])
    timings.end_stage("auth")
    timings.end_stage("predict")
    timings.stop()
    assert timings.server_timing() == "auth;dur=0.02, predict;dur=0.8, total;dur=1.02"


def test_header_without_stages_is_the_total() -> None:
    timings = timings_at([0.0, 0.25])
    timings.stop()
    assert timings.server_timing() == "total;dur=250.0"


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


def test_real_clock_never_runs_backwards() -> None:
    timings = Timings()
    timings.end_stage("auth")
    timings.stop()
    assert 0 <= timings.stages_ms["auth"] <= timings.total_ms
