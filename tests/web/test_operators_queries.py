"""What operators ask for is read strictly, and what they are shown is what was counted."""

from __future__ import annotations

from typing import Any

import pytest

from cardiorisk.errors import InvalidQuery
from cardiorisk.identity.keys import new_key, visible_prefix
from cardiorisk.identity.texts import LARGEST_NUMBER
from cardiorisk.monitoring.log_watch import LogQuery
from cardiorisk.patients.json_object import REPEATED
from cardiorisk.web.events import LogParameters
from cardiorisk.web.operators import AccountParameters
from cardiorisk.web.shapes import Sent


def faulty(given: dict[str, Any], shape: type[Sent] = LogParameters) -> list[str]:
    with pytest.raises(InvalidQuery) as refused:
        shape.accept(given)
    return [fault.field for fault in refused.value.faults]


def test_without_parameters_the_newest_fifty_are_wanted() -> None:
    assert LogQuery(**dict(LogParameters.accept({}))) == LogQuery(50)
    assert LogQuery(**dict(LogParameters.accept({"status": "", "limit": ""}))) == LogQuery(50)


def test_every_criterion_is_read() -> None:
    given = {"status": "4xx", "route": "/service", "code": "rate-limited", "key": "key_1"}
    read = LogParameters.accept(given | {"account": "ana", "limit": "200"})
    wanted = LogQuery(200, "4xx", "/service", "rate-limited", "key_1", "ana")
    assert LogQuery(**dict(read)) == wanted


def test_an_account_query_is_read() -> None:
    given = {"search": f" {'x' * 254}", "after": "7", "limit": "3"}
    assert tuple(dict(AccountParameters.accept(given)).values()) == ("x" * 254, 7, 3)
    assert tuple(dict(AccountParameters.accept({"after": ""})).values()) == ("", 0, 20)
    largest = AccountParameters.accept({"after": str(LARGEST_NUMBER), "limit": "100"})
    assert (largest.after, largest.limit) == (LARGEST_NUMBER, 100)


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
    assert AccountParameters.accept({"search": start}).search == start
