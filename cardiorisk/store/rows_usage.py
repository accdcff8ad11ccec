"""The table of calls a day, inside an open transaction: one row an account and day (UTC)."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import Date, Integer, bindparam, delete, select

from cardiorisk.store.database import Rows, insert_or_update
from cardiorisk.store.tables import Account, Usage

KEPT_DAYS = 90

_NEW = insert_or_update(Usage).from_select(
    ["account_id", "day", "calls"],
    select(Account.id, bindparam("on_day", type_=Date), bindparam("more", type_=Integer)).where(
        Account.id == bindparam("of_account")
    ),
)
_ADD = _NEW.on_conflict_do_update(
    index_elements=["account_id", "day"], set_={"calls": Usage.calls + _NEW.excluded.calls}
)


def add_calls(rows: Rows, calls: Mapping[tuple[int, date], int]) -> None:
    """Add calls by account and day, and drop days long gone; an account may have gone too."""
    added = [
        {"of_account": account_id, "on_day": day, "more": more}
        for (account_id, day), more in calls.items()
    ]
    rows.execute(_ADD, added)
    newest = max(day for _, day in calls)
    rows.execute(delete(Usage).where(Usage.day < newest - timedelta(KEPT_DAYS)))


def calls_by_day(rows: Rows, account_id: int, first: date) -> dict[date, int]:
    """Return an account's calls on each day that has any, from ``first`` on."""
    statement = select(Usage.day, Usage.calls).where(
        Usage.account_id == account_id, Usage.day >= first
    )
    return {row.day: row.calls for row in rows.execute(statement)}
