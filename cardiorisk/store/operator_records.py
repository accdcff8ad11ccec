"""Everybody's accounts as operators see them: looked up, suspended, changed, their keys ended.

Each method is one transaction, synchronous, on the database's thread. The surprise: whether one
operator would be left is asked inside the transaction that suspends, or two operators who suspend
each other at the same moment would leave none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, update

from cardiorisk.errors import Conflict, UnknownAccount
from cardiorisk.identity.forms import folded
from cardiorisk.store import key_rows, statements
from cardiorisk.store.tables import Account, ApiKey
from cardiorisk.store.values import AccountRecord, KeyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from cardiorisk.store.database import Database


class OperatorRecords:
    """The stored accounts, all of them; every method may raise ``StoreUnavailable``.

    Args:
        database: an open database, closed by whoever opened it.
        clock: this moment, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def search(self, text: str, after: int, limit: int) -> tuple[AccountRecord, ...]:
        """Return accounts by their numbers, those above ``after``.

        Args:
            text: a part of a name or an address in any case, the id of a key, or the visible
                start of one; with nothing, every account is found.
            after: a number that was answered before, 0 from the start.
            limit: how many at most.
        """
        statement = (
            statements.ACCOUNTS.where(Account.id > after)
            .order_by(None)
            .order_by(Account.id)
            .limit(limit)
        )
        if text:
            with_key = select(ApiKey.account_id).where(
                or_(ApiKey.id == text, ApiKey.prefix == text)
            )
            part = folded(text)
            statement = statement.where(
                or_(
                    Account.folded_name.contains(part, autoescape=True),
                    Account.name.contains(text, autoescape=True),
                    Account.email.contains(part, autoescape=True),
                    Account.id.in_(with_key),
                )
            )
        with self._database.reading() as connection:
            rows = connection.execute(statement, {"now": self._clock()}).all()
        return tuple(AccountRecord(*row) for row in rows)

    def load(self, account_id: int) -> tuple[AccountRecord, tuple[KeyRecord, ...]]:
        """Return an account and its keys, the oldest first.

        Raises:
            UnknownAccount: there is none of this number.
        """
        with self._database.reading() as connection:
            account = self._load(connection, account_id)
            rows = connection.execute(statements.KEYS.where(ApiKey.account_id == account_id)).all()
        return account, tuple(KeyRecord(*row) for row in rows)

    def find_key_ids(self, name: str) -> frozenset[str] | None:
        """Return the ids of an account's keys, ended ones too; None where nobody has the name."""
        with self._database.reading() as connection:
            account = connection.execute(
                statements.ACCOUNT_BY_NAME, {"name": name, "folded_name": folded(name)}
            ).one_or_none()
            if account is None:
                return None
            ids = connection.scalars(select(ApiKey.id).where(ApiKey.account_id == account.id))
            return frozenset(ids)

    def set_plan(self, account_id: int, plan: str) -> AccountRecord:
        """Put an account on a plan.

        Raises:
            UnknownAccount: there is none of this number.
        """
        with self._database.writing() as connection:
            return self._change(connection, account_id, {"plan": plan})

    def suspend(self, account_id: int) -> AccountRecord:
        """Suspend an account; one that is suspended already keeps its moment.

        Raises:
            UnknownAccount: there is none of this number.
            Conflict: no other operator would be left.
        """
        with self._database.writing() as connection:
            account = self._load(connection, account_id)
            if account.suspended_at is not None:
                return account
            if account.is_operator and not _others_operate(connection, account_id):
                raise Conflict("another operator must be left; make one first")
            return self._change(connection, account_id, {"suspended_at": self._clock()})

    def resume(self, account_id: int) -> AccountRecord:
        """End an account's suspension, where there is one.

        Raises:
            UnknownAccount: there is none of this number.
        """
        with self._database.writing() as connection:
            return self._change(connection, account_id, {"suspended_at": None})

    def revoke_key(self, account_id: int, key_id: str) -> KeyRecord:
        """End a key of an account now; one that was revoked before keeps its moment.

        Raises:
            UnknownAccount: there is none of this number.
            UnknownKey: the account has no such key.
        """
        with self._database.writing() as connection:
            self._load(connection, account_id)
            key_rows.require_key(connection, account_id, key_id)
            return key_rows.revoke_key(connection, key_id, self._clock())

    def _change(
        self, connection: Connection, account_id: int, values: Mapping[str, str | datetime | None]
    ) -> AccountRecord:
        connection.execute(update(Account).where(Account.id == account_id).values(values))
        return self._load(connection, account_id)

    def _load(self, connection: Connection, account_id: int) -> AccountRecord:
        row = connection.execute(
            statements.ACCOUNTS.where(Account.id == account_id), {"now": self._clock()}
        ).one_or_none()
        if row is None:
            raise UnknownAccount("there is no account of this number")
        return AccountRecord(*row)


def _others_operate(connection: Connection, account_id: int) -> bool:
    """Tell whether another account is an operator's and not suspended."""
    others = select(func.count(Account.id)).where(
        Account.id != account_id, Account.is_operator, Account.suspended_at.is_(None)
    )
    return bool(connection.execute(others).scalar_one())
