"""A key's row, inside whatever transaction the caller has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from cardiorisk.errors import UnknownKey
from cardiorisk.identity import keys
from cardiorisk.store import statements
from cardiorisk.store.tables import ApiKey
from cardiorisk.store.values import KeyRecord, MintedKey, Rotation

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Connection


def find_key(
    connection: Connection, key_id: str, account_id: int | None = None
) -> KeyRecord | None:
    """Return a key, or None; with an account, None for another account's key too."""
    statement = statements.KEYS.where(ApiKey.id == key_id)
    if account_id is not None:
        statement = statement.where(ApiKey.account_id == account_id)
    row = connection.execute(statement).one_or_none()
    return None if row is None else KeyRecord(*row)


def require_key(connection: Connection, account_id: int, key_id: str) -> KeyRecord:
    """Return a key of an account.

    Raises:
        UnknownKey: the account has no such key.
    """
    record = find_key(connection, key_id, account_id)
    if record is None:
        raise UnknownKey("the account has no key of this id")
    return record


def insert_key(
    connection: Connection,
    account_id: int,
    lifetime: timedelta | None,
    now: datetime,
    name: str | None = None,
) -> MintedKey:
    """Make a key of an account; without a lifetime it lives for ever."""
    key, key_id = keys.new_key(), keys.new_key_id()
    values = {
        "id": key_id,
        "account_id": account_id,
        "digest": keys.digest(key),
        "prefix": keys.visible_prefix(key),
        "created_at": now,
        "expires_at": None if lifetime is None else now + lifetime,
        "name": name,
    }
    connection.execute(insert(ApiKey).values(values))
    return MintedKey(key, _key(connection, key_id))


def revoke_key(connection: Connection, key_id: str, now: datetime) -> KeyRecord:
    """End a key now; one that was revoked before keeps its moment."""
    connection.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return _key(connection, key_id)


def rotate_key(connection: Connection, old: KeyRecord, grace: timedelta, now: datetime) -> Rotation:
    """Make a key of the name and as long a life as an active one's, which ends after ``grace``."""
    account_id = connection.execute(
        select(ApiKey.account_id).where(ApiKey.id == old.key_id)
    ).scalar_one()
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    new = insert_key(connection, account_id, lifetime, now, old.name)
    ends_at = now + grace if old.expires_at is None else min(now + grace, old.expires_at)
    end = {"expires_at": ends_at} if grace else {"revoked_at": now}
    connection.execute(update(ApiKey).where(ApiKey.id == old.key_id).values(end))
    return Rotation(_key(connection, old.key_id), new)


def _key(connection: Connection, key_id: str) -> KeyRecord:
    return KeyRecord(*connection.execute(statements.KEYS.where(ApiKey.id == key_id)).one())
