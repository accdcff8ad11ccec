"""What a stretch of the log adds up to."""

from __future__ import annotations

from typing import Any

import pytest

from cardiorisk.bitacora.summary import Summary
from tests.bitacora.support import make_entry

REFUSED: dict[str, Any] = {"riesgo_cardiaco": None, "probabilidad": None, "modelo": None}


def summary_of(*changes: dict[str, Any]) -> Summary:
    summary = Summary()
    for change in changes:
        summary.add(make_entry(**change))
    return summary


def test_requests_are_counted_by_status() -> None:
    summary = summary_of({}, {}, {"status": 422})
    assert summary.requests == 3
    assert summary.by_status == {200: 2, 422: 1}


def test_requests_are_counted_by_code() -> None:
    assert summary_of({}, {"code": "rate-limited"}).by_code == {"rate-limited": 1}


def test_requests_are_counted_by_plan() -> None:
    summary = summary_of({}, {"plan": "premium"}, {"plan": None})
    assert summary.by_plan == {"freemium": 1, "premium": 1}


@pytest.mark.parametrize(
    ("status", "refusals"),
    [(200, 0), (400, 0), (401, 1), (403, 1), (404, 0), (413, 1), (422, 0), (429, 1), (500, 0)],
)
def test_refusals_are_those_turned_away_unheard(status: int, refusals: int) -> None:
    assert summary_of({"status": status, **REFUSED}).refusals == refusals


def test_rate_is_over_the_span_of_the_arrivals() -> None:
    summary = summary_of(*({"ts_seconds": 1_000.0 + second} for second in (30, 0, 120, 60)))
    assert summary.requests_per_minute() == 2.0
    assert (summary.first_ts_seconds, summary.last_ts_seconds) == (1_000.0, 1_120.0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_rate_of_a_single_moment_is_unknown(count: int) -> None:
    assert summary_of(*([{}] * count)).requests_per_minute() is None


def test_stages_are_in_the_order_of_the_work_with_the_total_last() -> None:
    summary = summary_of(
        {"timings_ms": {"auth": 1.0, "limit": 1.0, "total": 2.0}},
        {"timings_ms": {"auth": 1.0, "limit": 1.0, "validate": 1.0, "predict": 1.0, "total": 4.0}},
    )
    stages = [stage for stage, _ in summary.stages_ms()]
    assert stages == ["auth", "limit", "validate", "predict", "total"]


def test_times_are_kept_by_stage() -> None:
    summary = summary_of({"timings_ms": {"auth": 3.0, "total": 4.0}}, {"timings_ms": {"total": 5}})
    assert {stage: times.largest for stage, times in summary.stages_ms()} == {
        "auth": 3.0,
        "total": 5.0,
    }
