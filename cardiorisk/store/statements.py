"""The SQL of accounts, keys and sessions, written once and compiled once.

The surprise: some words are made from a row by position, so where a docstring says "in its order",
a column must not be moved without the word.
"""

from __future__ import annotations

from sqlalchemy import (
    Date,
    Integer,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from cardiorisk.store.tables import Account, ApiKey, Session, Usage

ANY_ACCOUNT = select(exists(select(Account.id)))

ACCOUNT_BY_NAME = (
    select(Account.id, Account.plan, Account.name)
    .where(or_(Account.name == bindparam("name"), Account.folded_name == bindparam("folded_name")))
    .order_by((Account.name == bindparam("name")).desc())
    .limit(1)
)
"""The account of exactly this name, else the one whose name differs in case only."""

LOGIN = select(
    Account.id,
    Account.name,
    Account.password_hash,
    Account.token_generation,
    Account.suspended_at,
).where(Account.folded_name == bindparam("folded_name"))
"""The columns of ``StoredLogin``, in its order."""

TAKEN = select(Account.folded_name, Account.name, Account.email).where(
    or_(
        Account.folded_name == bindparam("folded_name"),
        Account.name == bindparam("name"),
        Account.email == bindparam("email"),
    )
)

ACCOUNT_OF_SESSION = (
    select(Account.plan, Account.is_operator, Account.suspended_at)
    .join(Session)
    .where(
        Session.id == bindparam("session_id"),
        Session.expires_at > bindparam("now"),
        Account.id == bindparam("account_id"),
        Account.token_generation == bindparam("generation"),
    )
)
"""What a token's account may do, if its session lives and the password is still the same."""

CREDENTIAL_BY_DIGEST = (
    select(
        ApiKey.account_id,
        ApiKey.id,
        Account.plan,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        Account.is_operator,
        Account.suspended_at,
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
        ApiKey.name,
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
        Account.email,
        Account.suspended_at,
    )
    .outerjoin(ApiKey)
    .group_by(Account.id)
    .order_by(Account.name)
)
"""The columns of ``AccountRecord``, in its order; takes ``now``."""

ACTIVE_KEYS_OF_ACCOUNT = select(func.count(ApiKey.id)).where(
    ApiKey.account_id == bindparam("account_id"), _IS_ACTIVE
)
"""Takes ``now``."""

ENDED_KEYS_OF_ACCOUNT = (
    select(ApiKey.id)
    .where(ApiKey.account_id == bindparam("account_id"), not_(_IS_ACTIVE))
    .order_by(ApiKey.created_at.desc(), ApiKey.id)
)
"""The newest first; takes ``now``."""

SESSIONS_OF_ACCOUNT = (
    select(Session.id)
    .where(Session.account_id == bindparam("account_id"))
    .order_by(Session.renewed_at.desc(), Session.id)
)
"""The one that was used last comes first."""

NOTE_USE = (
    update(ApiKey)
    .where(
        ApiKey.id == bindparam("key_id"),
        or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"))
)

_NEW_USAGE = insert(Usage).from_select(
    ["account_id", "day", "calls"],
    select(Account.id, bindparam("on_day", type_=Date), bindparam("more", type_=Integer)).where(
        Account.id == bindparam("of_account")
    ),
)
ADD_CALLS = _NEW_USAGE.on_conflict_do_update(
    index_elements=["account_id", "day"],
    set_={"calls": Usage.calls + _NEW_USAGE.excluded.calls},
)
"""Adds nothing for an account that is no longer there."""
