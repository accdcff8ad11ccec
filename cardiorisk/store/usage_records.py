"""Calls a day as they are stored: one row an account and day (UTC)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from cardiorisk.store import statements
from cardiorisk.store.tables import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.store.database import Database

KEPT_DAYS = 90


class UsageRecords:
    """The stored counts; every method may raise ``StoreUnavailable``.

    Args:
        database: an open database, closed by whoever opened it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_calls(self, calls: Mapping[tuple[int, date], int]) -> None:
        """Add calls by account and day, and drop days long gone; an account may have gone too."""
        newest = max(day for _, day in calls)
        with self._database.writing() as connection:
            connection.execute(
                statements.ADD_CALLS,
                [
                    {"of_account": account_id, "on_day": day, "more": more}
                    for (account_id, day), more in calls.items()
                ],
            )
            connection.execute(delete(Usage).where(Usage.day < newest - timedelta(KEPT_DAYS)))

    def calls_by_day(self, account_id: int, first: date) -> dict[date, int]:
        """Return an account's calls on each day that has any, from ``first`` on."""
        statement = select(Usage.day, Usage.calls).where(
            Usage.account_id == account_id, Usage.day >= first
        )
        with self._database.reading() as connection:
            return {row.day: row.calls for row in connection.execute(statement)}
