"""What operators ask for is read strictly, and what they are shown is what was counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cardiorisk.accounts.operated import AccountQuery
from cardiorisk.config import VERSION
from cardiorisk.errors import InvalidQuery
from cardiorisk.identity.forms import LARGEST_NUMBER
from cardiorisk.identity.keys import new_key, visible_prefix
from cardiorisk.model.drift import Drift
from cardiorisk.monitoring.log_watch import DriftReport, LogQuery
from cardiorisk.monitoring.metrics import NOTHING, Counts, Minute, StageTimes
from cardiorisk.monitoring.overview import Overview, Stretch
from cardiorisk.patients.json_object import REPEATED
from cardiorisk.store.memo import MemoStatistics
from cardiorisk.web.shapes import Sent
from cardiorisk.web.shapes_operators import AccountParameters, LogParameters, overview_answer


def faulty(given: dict[str, Any], shape: type[Sent] = LogParameters) -> list[str]:
    with pytest.raises(InvalidQuery) as refused:
        shape.accept(given)
    return [fault.field for fault in refused.value.faults]


def test_without_parameters_the_newest_fifty_are_wanted() -> None:
    assert LogParameters.accept({}).query == LogQuery(50)
    assert LogParameters.accept({"status": "", "limit": ""}).query == LogQuery(50)


def test_every_criterion_is_read() -> None:
    given = {"status": "4xx", "route": "/service", "code": "rate-limited", "key": "key_1"}
    assert LogParameters.accept(given | {"account": "ana", "limit": "200"}).query == LogQuery(
        200, "4xx", "/service", "rate-limited", "key_1", "ana"
    )


def test_an_account_query_is_read() -> None:
    given = {"search": f" {'x' * 254}", "after": "7", "limit": "3"}
    assert AccountParameters.accept(given).query == AccountQuery("x" * 254, 7, 3)
    assert AccountParameters.accept({"after": ""}).query == AccountQuery("", 0, 20)
    largest = AccountParameters.accept({"after": str(LARGEST_NUMBER), "limit": "100"}).query
    assert largest == AccountQuery("", LARGEST_NUMBER, 100)


@pytest.mark.parametrize("status", ["600", "42", "4x", "abc", "099", "4xxx", "429\n"])
@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "ten", "٣", "1" * 30, "1" * 5000])
def test_all_faults_are_named_at_once(status: str, limit: str) -> None:
    given = {"": "", "status": status, "limit": limit, "route": "r" * 255, "code": REPEATED}
    assert faulty(given) == ["status", "route", "code", "limit", ""]


@pytest.mark.parametrize("limit", ["0", "101"])
def test_more_accounts_than_a_page_has_are_refused(limit: str) -> None:
    given = {"limit": limit, "after": str(LARGEST_NUMBER + 1), "unwanted_route": "/"}
    assert faulty(given, AccountParameters) == ["after", "limit", "unwanted_route"]


def test_a_whole_key_is_refused_and_its_start_is_not() -> None:
    key = new_key()
    assert faulty({"key": key}) == ["key"]
    with pytest.raises(InvalidQuery) as refused:
        AccountParameters.accept({"search": f" {key}"})
    assert key not in str(refused.value.faults)
    start = visible_prefix(key)
    assert AccountParameters.accept({"search": start}).query.text == start


def test_an_overview_is_shown_member_by_member() -> None:
    counts = Counts({503: 4, 200: 5, 499: 1, 500: 3}, {"premium": 1, "freemium": 2}, {})
    recent = Stretch(counts, (StageTimes("total", 13, 0.123456, 1.5, 2.00004),))
    score = Drift("probabilidad", 5, 0.123456, (), (), ())
    shown = overview_answer(
        Overview(
            at_seconds=1_764_000_000.5,
            minutes=(Minute(1_764_000_000, counts),),
            recent=recent,
            hour=Stretch(NOTHING, ()),
            open_requests=1,
            waiting_patients=2,
            active_accounts=3,
            memo=MemoStatistics(4, 5, 6, 7, 8),
            lines_written=9,
            write_failures=10,
            model_version=None,
            drift=DriftReport(1_764_000_001.0, 11, 12, (score, Drift("edad", 0, None, (), (), ()))),
        )
    )
    nothing = {"requests": 0, "by_status": {}, "refusals_by_plan": {}, "stages_ms": {}}
    assert shown == {
        "at": "2025-11-24T16:00:00.500000Z",
        "version": VERSION,
        "modelo": None,
        "minutes": [
            {
                "starts_at": datetime(2025, 11, 24, 16, tzinfo=UTC),
                "requests": 13,
                "refusals": 3,
                "failures": 7,
            }
        ],
        "last_5_minutes": {
            "requests": 13,
            "by_status": {"200": 5, "499": 1, "500": 3, "503": 4},
            "refusals_by_plan": {"freemium": 2, "premium": 1},
            "stages_ms": {"total": {"count": 13, "p50": 0.1235, "p90": 1.5, "p99": 2.0}},
        },
        "last_hour": nothing,
        "open_requests": 1,
        "waiting_patients": 2,
        "active_accounts": 3,
        "memo": {"hits": 4, "refusals": 5, "misses": 6, "known": 7, "refused": 8},
        "bitacora": {"lines": 9, "failures": 10},
        "drift": {
            "computed_at": "2025-11-24T16:00:01.000000Z",
            "answers": 11,
            "other_networks": 12,
            "score": {"name": "probabilidad", "rows": 5, "psi": 0.1235, "verdict": "noticeable"},
            "fields": [{"name": "edad", "rows": 0, "psi": None, "verdict": "too few rows"}],
        },
    }
