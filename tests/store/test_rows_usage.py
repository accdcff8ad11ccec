"""Calls a day in a real file."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cardiorisk.store import rows_accounts
from cardiorisk.store.database import Rows
from tests.store.conftest import NOW

ANA, BRUNO = 1, 2
TODAY = date(2026, 11, 22)
YESTERDAY = TODAY - timedelta(1)


@pytest.fixture
def rows(rows: Rows) -> Rows:
    for name in ("ana", "bruno"):
        rows_accounts.find_or_create(rows, name, None, NOW)
    return rows


def test_calls_of_a_day_add_up(rows: Rows) -> None:
    rows_accounts.add_calls(rows, {(ANA, TODAY): 3, (BRUNO, TODAY): 1})
    rows_accounts.add_calls(rows, {(ANA, TODAY): 4, (ANA, YESTERDAY): 2})
    assert rows_accounts.calls_by_day(rows, ANA, YESTERDAY) == {TODAY: 7, YESTERDAY: 2}
    assert rows_accounts.calls_by_day(rows, ANA, TODAY) == {TODAY: 7}


def test_an_account_that_has_gone_takes_nobody_s_calls_along(rows: Rows) -> None:
    rows_accounts.add_calls(rows, {(77, TODAY): 3, (ANA, TODAY): 1})
    assert rows_accounts.calls_by_day(rows, 77, TODAY) == {}
    assert rows_accounts.calls_by_day(rows, ANA, TODAY) == {TODAY: 1}


def test_days_are_dropped_after_three_months(rows: Rows) -> None:
    for back in (90, 91):
        rows_accounts.add_calls(rows, {(ANA, TODAY - timedelta(back)): 1})
    rows_accounts.add_calls(rows, {(BRUNO, YESTERDAY): 1, (ANA, TODAY): 1})
    assert list(rows_accounts.calls_by_day(rows, ANA, date.min)) == [TODAY - timedelta(90), TODAY]
