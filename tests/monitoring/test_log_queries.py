"""A line is wanted if it meets every criterion."""

import pytest

from cardiorisk.monitoring.log_watch import LogQuery
from tests.bitacora.support import make_entry


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
        (LogQuery(unwanted_route="/ready"), True),
        (LogQuery(unwanted_route="/service"), False),
    ],
)
def test_a_line_is_wanted_if_it_meets_every_criterion(query: LogQuery, *, is_wanted: bool) -> None:
    entry = make_entry(status=429, route="/service", code="rate-limited", key_id="key_1")
    assert query.is_wanted(entry) is is_wanted
