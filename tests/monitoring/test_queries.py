"""What operators ask for is read strictly, and a line is wanted if it meets every criterion."""

from __future__ import annotations

import pytest

from cardiorisk.errors import InvalidAccount, InvalidQuery, MalformedBody
from cardiorisk.identity.keys import new_key, visible_prefix
from cardiorisk.monitoring.queries import (
    AccountQuery,
    LogQuery,
    read_account_query,
    read_log_query,
    read_plan,
)
from tests.bitacora.support import make_entry


def faulty(given: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidQuery) as refused:
        read_log_query(given)
    return [fault.field for fault in refused.value.faults]


def test_without_parameters_the_newest_fifty_are_wanted() -> None:
    assert read_log_query({}) == LogQuery(50)
    assert read_log_query({"status": "", "limit": ""}) == LogQuery(50)


def test_every_criterion_is_read() -> None:
    given = {"status": "4xx", "route": "/service", "code": "rate-limited", "key": "key_1"}
    assert read_log_query(given | {"account": "ana", "limit": "200"}) == LogQuery(
        200, "4xx", "/service", "rate-limited", "key_1", "ana"
    )


def test_an_unwanted_route_is_no_parameter_and_its_lines_are_not_wanted() -> None:
    assert faulty({"unwanted_route": "/service"}) == ["unwanted_route"]
    line = make_entry(route="/service")
    assert LogQuery(unwanted_route="/ready").is_wanted(line)
    assert not LogQuery(unwanted_route="/service").is_wanted(line)


@pytest.mark.parametrize("status", ["600", "42", "4x", "abc", "099", "4xxx", "429\n"])
def test_a_status_that_is_none_is_refused(status: str) -> None:
    assert faulty({"status": status}) == ["status"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "ten", "٣", "1" * 30])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    assert faulty({"limit": limit}) == ["limit"]


def test_all_faults_are_named_at_once() -> None:
    given = {"status": "x", "limit": "x", "routes": "/", "route": "r" * 255}
    assert faulty(given) == ["routes", "limit", "status", "route"]


def test_a_whole_key_is_refused_and_its_start_is_not() -> None:
    key = new_key()
    assert faulty({"key": key}) == ["key"]
    with pytest.raises(InvalidQuery) as refused:
        read_account_query({"search": f" {key}"})
    assert key not in str(refused.value.faults)
    assert read_account_query({"search": visible_prefix(key)}).text == visible_prefix(key)


def test_an_account_query_is_read() -> None:
    given = {"search": " ana ", "after": "7", "limit": "3"}
    assert read_account_query(given) == AccountQuery("ana", 7, 3)
    assert read_account_query({}) == AccountQuery("", 0, 20)


@pytest.mark.parametrize(
    ("query", "is_wanted"),
    [
        (LogQuery(), True),
        (LogQuery(status="429"), True),
        (LogQuery(status="4xx"), True),
        (LogQuery(status="5xx"), False),
        (LogQuery(status="428"), False),
        (LogQuery(route="/service"), True),
        (LogQuery(route="/serv"), False),
        (LogQuery(code="rate-limited"), True),
        (LogQuery(code="internal"), False),
        (LogQuery(key="key_1"), True),
        (LogQuery(key="key_2"), False),
        (LogQuery(key_ids=frozenset({"key_1", "key_2"})), True),
        (LogQuery(key_ids=frozenset()), False),
        (LogQuery(status="4xx", route="/model"), False),
    ],
)
def test_a_line_is_wanted_if_it_meets_every_criterion(query: LogQuery, *, is_wanted: bool) -> None:
    entry = make_entry(status=429, route="/service", code="rate-limited", key_id="key_1")
    assert query.is_wanted(entry) is is_wanted


def test_a_plan_is_one_text() -> None:
    assert read_plan(b'{"plan": "premium"}') == "premium"


@pytest.mark.parametrize("body", [b"{}", b'{"plan": 3}', b'{"plan": "premium", "more": 1}'])
def test_a_plan_that_is_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidAccount):
        read_plan(body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"plan": "a", "plan": "b"}'])
def test_a_body_that_is_no_plain_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_plan(body)
