"""The SQL of accounts and keys, written once and compiled once."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from cardiorisk.tables import Account, ApiKey

ANY_ACCOUNT = select(exists(select(Account.id)))

ACCOUNT_BY_NAME = select(Account.id, Account.plan).where(Account.name == bindparam("name"))

CREDENTIAL_BY_DIGEST = (
    select(
        ApiKey.account_id,
        ApiKey.id,
        Account.plan,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        Account.is_operator,
    )
    .join(Account)
    .where(ApiKey.digest == bindparam("digest"))
)

KEYS = (
    select(
        ApiKey.id,
        Account.name,
        Account.plan,
        ApiKey.prefix,
        ApiKey.created_at,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        ApiKey.last_used_at,
    )
    .join(Account)
    .order_by(ApiKey.created_at, ApiKey.id)
)
"""The columns of ``KeyRecord``, in its order."""

_IS_ACTIVE = and_(
    ApiKey.revoked_at.is_(None),
    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > bindparam("now")),
)

ACCOUNTS = (
    select(
        Account.id,
        Account.name,
        Account.plan,
        Account.is_operator,
        Account.created_at,
        func.count(ApiKey.id).filter(_IS_ACTIVE),
    )
    .outerjoin(ApiKey)
    .group_by(Account.id)
    .order_by(Account.name)
)
"""The columns of ``AccountRecord``, in its order; takes ``now``."""

NOTE_USE = (
    update(ApiKey)
    .where(
        ApiKey.id == bindparam("key_id"),
        or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"))
)
