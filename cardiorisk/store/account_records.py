"""Accounts as their owners see them: names, passwords, keys of one's own.

Each method is one transaction, synchronous, on the database's thread. Everything but a login is
found by the account's number, so nobody reaches what is another's: that is unknown to them, and
the message does not say whether it exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, update

from cardiorisk.errors import Conflict, FieldFault, Taken, UnknownAccount
from cardiorisk.identity.forms import folded
from cardiorisk.store import key_rows, statements
from cardiorisk.store.tables import Account, ApiKey, Session
from cardiorisk.store.values import AccountRecord, KeyRecord, MintedKey, Rotation, StoredLogin

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from cardiorisk.store.database import Database

MOST_ACTIVE_KEYS = 20
"""An account may have at the same time; a command may give it more."""
MOST_ENDED_KEYS = 100
"""An account's list keeps; the oldest leave first, or a loop could fill the disk."""


class AccountRecords:
    """The stored accounts, one at a time; every method may raise ``StoreUnavailable``.

    Args:
        database: an open database, closed by whoever opened it.
        clock: this moment, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def find_login(self, name: str) -> StoredLogin | None:
        """Return what a login by this name is checked against, None for a name nobody has."""
        with self._database.reading() as connection:
            row = connection.execute(statements.LOGIN, {"folded_name": folded(name)}).one_or_none()
        return None if row is None else StoredLogin(*row)

    def register(self, name: str, email: str, password_hash: str, plan: str) -> AccountRecord:
        """Make an account that can log in.

        Raises:
            Taken: another account has the name, in whatever case, or the address.
        """
        values = {
            "name": name,
            "folded_name": folded(name),
            "email": email,
            "password_hash": password_hash,
            "plan": plan,
            "is_operator": False,
            "created_at": self._clock(),
        }
        with self._database.writing() as connection:
            _require_free(connection, name, email)
            account_id = connection.execute(
                insert(Account).values(values).returning(Account.id)
            ).scalar_one()
            return self._load(connection, account_id)

    def load_account(self, account_id: int) -> AccountRecord:
        """Return an account.

        Raises:
            UnknownAccount: it is no longer there.
        """
        with self._database.reading() as connection:
            return self._load(connection, account_id)

    def set_plan(self, account_id: int, plan: str) -> AccountRecord:
        """Put an account on a plan.

        Raises:
            UnknownAccount: it is no longer there.
        """
        with self._database.writing() as connection:
            connection.execute(update(Account).where(Account.id == account_id).values(plan=plan))
            return self._load(connection, account_id)

    def set_password(self, account_id: int, generation: int, password_hash: str) -> bool:
        """Change a password and end every session; tell whether ``generation`` still held.

        It does not where the password was changed since it was read: then nothing is done.
        """
        with self._database.writing() as connection:
            changed = connection.execute(
                update(Account)
                .where(Account.id == account_id, Account.token_generation == generation)
                .values(password_hash=password_hash, token_generation=generation + 1)
            )
            if changed.rowcount == 0:
                return False
            connection.execute(delete(Session).where(Session.account_id == account_id))
            return True

    def replace_hash(self, account_id: int, old_hash: str, new_hash: str) -> None:
        """Keep another hash of the same password, unless the password was changed since."""
        with self._database.writing() as connection:
            connection.execute(
                update(Account)
                .where(Account.id == account_id, Account.password_hash == old_hash)
                .values(password_hash=new_hash)
            )

    def list_keys(self, account_id: int) -> tuple[KeyRecord, ...]:
        """Return the account's keys, ended ones too, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(statements.KEYS.where(ApiKey.account_id == account_id)).all()
        return tuple(KeyRecord(*row) for row in rows)

    def create_key(
        self, account_id: int, lifetime: timedelta | None, name: str | None = None
    ) -> MintedKey:
        """Make a key of the account.

        Raises:
            Conflict: it has as many active ones as it may.
        """
        with self._database.writing() as connection:
            self._make_room(connection, account_id)
            return key_rows.insert_key(connection, account_id, lifetime, self._clock(), name)

    def revoke_key(self, account_id: int, key_id: str) -> KeyRecord:
        """End a key of the account now; one that was revoked before keeps its moment.

        Raises:
            UnknownKey: the account has no such key.
        """
        with self._database.writing() as connection:
            key_rows.require_key(connection, account_id, key_id)
            return key_rows.revoke_key(connection, key_id, self._clock())

    def rotate_key(self, account_id: int, key_id: str, grace: timedelta) -> Rotation:
        """Put a new key in the place of one of the account's, which ends after ``grace``.

        Raises:
            UnknownKey: the account has no such key.
            Conflict: the key has ended already, or there are too many to have two for a while.
        """
        with self._database.writing() as connection:
            now = self._clock()
            old = key_rows.require_key(connection, account_id, key_id)
            if old.status(now) != "active":
                raise Conflict(f"{key_id} is {old.status(now)}; make another key instead")
            if grace:
                self._make_room(connection, account_id)
            return key_rows.rotate_key(connection, old, grace, now)

    def _make_room(self, connection: Connection, account_id: int) -> None:
        place = {"account_id": account_id, "now": self._clock()}
        if connection.execute(statements.ACTIVE_KEYS_OF_ACCOUNT, place).scalar_one() >= (
            MOST_ACTIVE_KEYS
        ):
            raise Conflict(
                f"an account may have {MOST_ACTIVE_KEYS} active keys; revoke one of them first"
            )
        ended = statements.ENDED_KEYS_OF_ACCOUNT.offset(MOST_ENDED_KEYS).limit(-1)
        connection.execute(delete(ApiKey).where(ApiKey.id.in_(ended)), place)

    def _load(self, connection: Connection, account_id: int) -> AccountRecord:
        row = connection.execute(
            statements.ACCOUNTS.where(Account.id == account_id), {"now": self._clock()}
        ).one_or_none()
        if row is None:
            raise UnknownAccount("the account is no longer there")
        return AccountRecord(*row)


def _require_free(connection: Connection, name: str, email: str) -> None:
    """Check that no account has the name or the address, and name both if both are taken."""
    rows = connection.execute(
        statements.TAKEN, {"name": name, "folded_name": folded(name), "email": email}
    ).all()
    faults = []
    if any(row.folded_name == folded(name) or row.name == name for row in rows):
        faults.append(FieldFault("username", "belongs to another account"))
    if any(row.email == email for row in rows):
        faults.append(FieldFault("email", "belongs to another account"))
    if faults:
        raise Taken(tuple(faults))
