"""Whose credentials were changed, so that no process goes on by what it remembers.

Numbers are given and committed in one order, as whoever writes one holds a lock until its commit.
"""

from collections.abc import Set as AbstractSet
from enum import IntEnum

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from cardiorisk.store.tables import Account, AccountChange

KEPT_CHANGES = 10_000  # the oldest go; who has missed some forgets all that it remembers
_MOST_AT_ONCE = 1_000
NETWORK = 0  # no account: another network is wanted
_CHANGED = "changed_accounts"
_OURS = 0x63726B  # keeps our locks apart from those of others in the same database

_ACCOUNT = select(Account.id).where(Account.id == bindparam("account_id"))
# Lets one transaction at a time count what an account has; SQLite has one writer anyway.
ONE_ACCOUNT = _ACCOUNT.with_for_update(key_share=True)


class Lock(IntEnum):
    """What one transaction at a time may do; changes come last, so that none waits for another."""

    REVISIONS = 1
    ACCOUNTS = 2
    CHANGES = 3


def lock(rows: Connection, what: Lock) -> None:
    """Wait for one's turn, until the end of the transaction; SQLite has one writer anyway."""
    if rows.dialect.name == "postgresql":
        rows.execute(select(func.pg_advisory_xact_lock(_OURS, int(what))))


def start(rows: Connection) -> None:
    rows.info[_CHANGED] = set()  # as a connection is used for one transaction after another


def note(rows: Connection, account_id: int) -> None:
    """Note in a transaction that an account, or a credential of it, is not what it was."""
    rows.info.setdefault(_CHANGED, set()).add(account_id)


def noted(rows: Connection) -> AbstractSet[int]:
    return frozenset(rows.info.get(_CHANGED, ()))


def publish(rows: Connection) -> None:
    """Tell other processes what was noted, as the last act of a transaction."""
    changed = noted(rows)
    if changed:
        lock(rows, Lock.CHANGES)
        rows.execute(insert(AccountChange), [{"account_id": account_id} for account_id in changed])
        newest = select(func.max(AccountChange.seq)).scalar_subquery()
        rows.execute(delete(AccountChange).where(AccountChange.seq <= newest - KEPT_CHANGES))


def since(rows: Connection, last: int | None) -> tuple[int, AbstractSet[int] | None]:
    """Return the newest change, and whose there were after ``last``; None where some are missed."""
    if last is None:
        newest = func.coalesce(func.max(AccountChange.seq), 0)
        return rows.execute(select(newest)).scalar_one(), None
    statement = select(AccountChange.seq, AccountChange.account_id).where(AccountChange.seq >= last)
    found = rows.execute(statement.order_by(AccountChange.seq).limit(_MOST_AT_ONCE)).all()
    if len(found) == _MOST_AT_ONCE or (last and (not found or found[0].seq != last)):
        return since(rows, None)
    changed = frozenset(row.account_id for row in found if row.seq != last)
    return found[-1].seq if found else 0, changed
