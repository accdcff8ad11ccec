"""What a stretch of the log adds up to."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.bitacora.summary import Summary
from tests.bitacora.support import make_entry

TIMES_MS = st.floats(0.001, 1e7).map(lambda ms: round(ms, 3))


def summary_of(*changes: dict[str, Any]) -> Summary:
    summary = Summary()
    for change in changes:
        summary.add(make_entry(**change))
    return summary


def test_requests_are_counted_by_status_code_and_plan() -> None:
    summary = summary_of(
        {}, {"status": 429, "code": "rate-limited", "plan": "premium"}, {"plan": None}
    )
    assert summary.requests == 3
    assert summary.by_status == {200: 2, 429: 1}
    assert summary.by_code == {"rate-limited": 1}
    assert summary.by_plan == {"freemium": 1, "premium": 1}


@pytest.mark.parametrize(
    ("status", "refusals"),
    [(200, 0), (400, 0), (401, 1), (403, 1), (404, 0), (413, 1), (422, 0), (429, 1), (500, 0)],
)
def test_refusals_are_those_turned_away_unheard(status: int, refusals: int) -> None:
    assert summary_of({"status": status}).refusals == refusals


def test_the_rate_is_over_the_span_of_the_arrivals() -> None:
    summary = summary_of(*({"ts_seconds": 1_000.0 + second} for second in (30, 0, 120, 60)))
    assert summary.requests_per_minute() == 2.0
    assert (summary.first_ts_seconds, summary.last_ts_seconds) == (1_000.0, 1_120.0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_rate_of_a_single_moment_is_unknown(count: int) -> None:
    assert summary_of(*([{}] * count)).requests_per_minute() is None


def test_times_are_kept_by_stage_in_the_order_of_the_work_with_the_total_last() -> None:
    summary = summary_of(
        {"timings_ms": {"auth": 3.0, "total": 4.0}},
        {"timings_ms": {"auth": 1.0, "predict": 1.0, "total": 5.0}},
    )
    assert [(stage, times.count, times.largest) for stage, times in summary.stages_ms()] == [
        ("auth", 2, 3.0),
        ("predict", 1, 1.0),
        ("total", 2, 5.0),
    ]


@given(st.lists(TIMES_MS, min_size=1, max_size=200), st.sampled_from([1, 50, 90, 99, 100]))
def test_percentiles_are_within_one_percent_of_the_value_at_their_rank(
    values_ms: list[float], percent: int
) -> None:
    summary = summary_of(*({"timings_ms": {"total": value}} for value in values_ms))
    exact = sorted(values_ms)[max(1, math.ceil(len(values_ms) * percent / 100)) - 1]
    (_, times), *_ = summary.stages_ms()
    assert times.percentile(percent) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("nothing", [0.0, -3.0])
def test_no_time_and_less_than_none_count_as_zero(nothing: float) -> None:
    summary = summary_of(*({"timings_ms": {"total": ms}} for ms in (nothing, nothing, 5.0)))
    assert summary.stages_ms()[0][1].percentile(50) == 0.0
