"""Whose credentials a transaction has changed, so that nobody goes on by what it remembers."""

from collections.abc import Set as AbstractSet

from sqlalchemy import Connection

_CHANGED = "changed_accounts"


def note(rows: Connection, account_id: int) -> None:
    """Note in a transaction that an account, or a credential of it, is not what it was."""
    rows.info.setdefault(_CHANGED, set()).add(account_id)


def take(rows: Connection) -> AbstractSet[int]:
    """Return the accounts that were noted since the last call."""
    noted: set[int] = rows.info.pop(_CHANGED, set())
    return noted
