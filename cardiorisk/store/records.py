"""Accounts and keys as the commands see them: each method is one transaction.

Synchronous: the commands call it directly and the server through ``Store``, on one thread. A key's
text leaves from the method that makes it and is never kept. The surprise: a key is refused by
its digest alone, so nothing here compares secrets character by character.
"""

from __future__ import annotations

import math
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from sqlalchemy import insert, update

from cardiorisk.errors import Conflict, UnknownAccount, UnknownKey
from cardiorisk.identity.forms import folded
from cardiorisk.identity.keys import Principal
from cardiorisk.store import key_rows, statements
from cardiorisk.store.database import Database
from cardiorisk.store.tables import Account
from cardiorisk.store.values import AccountRecord, Credential, KeyRecord, MintedKey, Rotation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from sqlalchemy import Connection

NEW_ACCOUNT_PLAN = "freemium"
DEMO_ACCOUNT = "demo"


def utc_now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


class Records:
    """The stored accounts and keys; every method may raise ``StoreUnavailable``.

    Args:
        database: an open database; ``close`` closes it.
        clock: this moment, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self.database = database
        self._clock = clock

    @classmethod
    def open(cls, url: str, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open the database, making or upgrading it where needed."""
        return cls(Database.open(url), clock)

    @classmethod
    def open_existing(cls, url: str, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open a database that is there and up to date; nothing is made or upgraded."""
        records = cls(Database.open_existing(url), clock)
        try:
            records.database.require_head()
        except BaseException:
            records.close()
            raise
        return records

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def find_credential(self, digest: bytes) -> Credential | None:
        """Return what a key stands for, None where it is unknown, expired or revoked."""
        with self.database.reading() as connection:
            row = connection.execute(
                statements.CREDENTIAL_BY_DIGEST, {"digest": digest}
            ).one_or_none()
        if row is None:
            return None
        account_id, key_id, plan, expires_at, revoked_at, is_operator, suspended_at = row
        if revoked_at is not None:
            return None
        lifetime_seconds = math.inf
        if expires_at is not None:
            lifetime_seconds = (expires_at - self._clock()).total_seconds()
            if lifetime_seconds <= 0:
                return None
        principal = Principal(
            account_id,
            key_id,
            plan,
            is_operator=is_operator,
            is_suspended=suspended_at is not None,
        )
        return Credential(principal, lifetime_seconds)

    def create_key(
        self,
        account: str,
        plan: str | None,
        lifetime: timedelta | None,
        name: str | None = None,
    ) -> MintedKey:
        """Make a key of an account, and the account where there is none of this name.

        Raises:
            Conflict: the account exists and is on another plan than ``plan``.
        """
        with self.database.writing() as connection:
            found = connection.execute(
                statements.ACCOUNT_BY_NAME, {"name": account, "folded_name": folded(account)}
            ).one_or_none()
            if found is None:
                account_id = self._insert_account(connection, account, plan or NEW_ACCOUNT_PLAN)
            else:
                account_id, actual_plan, _ = found
                if plan not in {None, actual_plan}:
                    raise Conflict(
                        f"the account {account} is on {actual_plan}; change that first with "
                        f"`cardiorisk accounts plan {shlex.quote(account)} {plan}`"
                    )
            return key_rows.insert_key(connection, account_id, lifetime, self._clock(), name)

    def create_first_key(self) -> MintedKey | None:
        """Make a demo account with a key where there is no account at all, else None."""
        with self.database.writing() as connection:
            if connection.execute(statements.ANY_ACCOUNT).scalar_one():
                return None
            account_id = self._insert_account(connection, DEMO_ACCOUNT, NEW_ACCOUNT_PLAN)
            return key_rows.insert_key(connection, account_id, None, self._clock())

    def list_keys(self) -> tuple[KeyRecord, ...]:
        """Return every key there ever was, the oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(statements.KEYS).all()
        return tuple(KeyRecord(*row) for row in rows)

    def revoke_key(self, key_id: str) -> KeyRecord:
        """End a key now and return it; one that was revoked before keeps its moment.

        Raises:
            UnknownKey: no key has this id.
        """
        with self.database.writing() as connection:
            _require_key(connection, key_id)
            return key_rows.revoke_key(connection, key_id, self._clock())

    def rotate_key(self, key_id: str, grace: timedelta) -> Rotation:
        """Put a new key of as long a life in a key's place, and end the old one after ``grace``.

        Raises:
            UnknownKey: no key has this id.
            Conflict: the key has ended already.
        """
        with self.database.writing() as connection:
            now = self._clock()
            old = _require_key(connection, key_id)
            if old.status(now) != "active":
                raise Conflict(
                    f"{key_id} is {old.status(now)}; make another with "
                    f"`cardiorisk keys create --account {shlex.quote(old.account)}`"
                )
            return key_rows.rotate_key(connection, old, grace, now)

    def note_last_used(self, moments: Mapping[str, datetime]) -> None:
        """Keep when keys were last used, by id; a moment earlier than the kept one is dropped."""
        with self.database.writing() as connection:
            connection.execute(
                statements.NOTE_USE,
                [{"key_id": key_id, "used_at": at} for key_id, at in moments.items()],
            )

    def list_accounts(self) -> tuple[AccountRecord, ...]:
        """Return every account, by name."""
        with self.database.reading() as connection:
            rows = connection.execute(statements.ACCOUNTS, {"now": self._clock()}).all()
        return tuple(AccountRecord(*row) for row in rows)

    def set_plan(self, name: str, plan: str) -> AccountRecord:
        """Put an account on a plan; which plans there are is the caller's to know.

        Raises:
            UnknownAccount: no account has this name.
        """
        return self._change_account(name, {"plan": plan})

    def set_operator(self, name: str, *, is_operator: bool) -> AccountRecord:
        """Make an account an operator, or no longer one.

        Raises:
            UnknownAccount: no account has this name.
        """
        return self._change_account(name, {"is_operator": is_operator})

    def suspend(self, name: str) -> AccountRecord:
        """Suspend an account; one that is suspended already stays so since now.

        Raises:
            UnknownAccount: no account has this name.
        """
        return self._change_account(name, {"suspended_at": self._clock()})

    def resume(self, name: str) -> AccountRecord:
        """End an account's suspension, where there is one.

        Raises:
            UnknownAccount: no account has this name.
        """
        return self._change_account(name, {"suspended_at": None})

    def _change_account(
        self, name: str, values: Mapping[str, str | bool | datetime | None]
    ) -> AccountRecord:
        with self.database.writing() as connection:
            found = connection.execute(
                statements.ACCOUNT_BY_NAME, {"name": name, "folded_name": folded(name)}
            ).one_or_none()
            if found is None:
                raise UnknownAccount(f"there is no account {name}; see `cardiorisk accounts list`")
            account_id = found[0]
            connection.execute(update(Account).where(Account.id == account_id).values(values))
            row = connection.execute(
                statements.ACCOUNTS.where(Account.id == account_id), {"now": self._clock()}
            ).one()
            return AccountRecord(*row)

    def _insert_account(self, connection: Connection, name: str, plan: str) -> int:
        values = {
            "name": name,
            "folded_name": folded(name),
            "plan": plan,
            "is_operator": False,
            "created_at": self._clock(),
        }
        inserted = connection.execute(insert(Account).values(values).returning(Account.id))
        return inserted.scalar_one()


def _require_key(connection: Connection, key_id: str) -> KeyRecord:
    record = key_rows.find_key(connection, key_id)
    if record is None:
        raise UnknownKey(f"there is no key {key_id}; see `cardiorisk keys list`")
    return record
