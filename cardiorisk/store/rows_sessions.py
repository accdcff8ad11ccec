"""The table of sessions, one row a login; and the tokens' secret.

A genuine refresh token that is not the one its session's row names was used before: somebody has a
copy, nobody can tell who, and the session ends for both.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from cardiorisk.errors import AccountSuspended
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.tokens import LEEWAY, REFRESH_LIFETIME, SECRET_BYTES, Claims
from cardiorisk.store import rows_changes
from cardiorisk.store.database import Database, Rows
from cardiorisk.store.rows_changes import Lock
from cardiorisk.store.tables import Account, Secret, Session
from cardiorisk.store.values import Credential, Renewal

MOST_SESSIONS = 50  # of an account at the same time; the one unused for longest ends first
_TOKEN_SECRET = "token"  # noqa: S105 - the secret's name, not the secret
_KEY_ID_CHARACTERS = 12


def load_secret(database: Database) -> bytes:
    """Return what tokens are signed with; the first call of all makes it."""
    statement = select(Secret.value).where(Secret.name == _TOKEN_SECRET)
    with database.reading() as rows:
        found = rows.scalar(statement)
    if found is None:
        with database.writing() as rows:
            rows_changes.lock(rows, Lock.ACCOUNTS)
            found = rows.scalar(statement)  # another process may have made it
            if found is None:
                found = secrets.token_bytes(SECRET_BYTES)
                rows.execute(insert(Secret).values(name=_TOKEN_SECRET, value=found))
    return found


def find_credential(rows: Rows, claims: Claims, now: datetime) -> Credential | None:
    row = _find_living(rows, claims, now)
    lifetime_seconds = (claims.expires_at + LEEWAY - now).total_seconds()
    if row is None or lifetime_seconds <= 0:
        return None
    principal = Principal(
        claims.account_id,
        "jwt_" + claims.token_id[:_KEY_ID_CHARACTERS],
        row.plan,
        claims.session_id,
        row.is_operator,
        row.suspended_at is not None,
        name=row.name,
    )
    return Credential(principal, lifetime_seconds)


def begin(
    rows: Rows,
    account_id: int,
    session_id: str,
    refresh_id: str,
    now: datetime,
    lifetime: timedelta = REFRESH_LIFETIME,
) -> None:
    rows.execute(rows_changes.ONE_ACCOUNT, {"account_id": account_id})
    newest_first = Session.renewed_at.desc(), Session.id
    own = select(Session.id).where(Session.account_id == account_id).order_by(*newest_first)
    rows.execute(delete(Session).where(Session.expires_at <= now))
    ended = rows.execute(delete(Session).where(Session.id.in_(own.offset(MOST_SESSIONS - 1))))
    new = insert(Session).values(id=session_id, account_id=account_id, refresh_id=refresh_id)
    rows.execute(new.values(created_at=now, renewed_at=now, expires_at=now + lifetime))
    if ended.rowcount:
        rows_changes.note(rows, account_id)


def renew(rows: Rows, claims: Claims, refresh_id: str, now: datetime) -> Renewal:
    """Use a refresh token up for the next one; one that was used before ends its session."""
    this = Session.id == claims.session_id
    rows.execute(select(Session.id).where(this).with_for_update())
    row = _find_living(rows, claims, now)
    if row is None:
        return "refused"
    if row.refresh_id != claims.token_id:
        end(rows, claims.account_id, claims.session_id)
        return "ended"
    if row.suspended_at is not None:
        raise AccountSuspended
    renewed = {"refresh_id": refresh_id, "renewed_at": now, "expires_at": now + REFRESH_LIFETIME}
    rows.execute(update(Session).where(this).values(renewed))
    return "renewed"


def end(rows: Rows, account_id: int, session_id: str) -> None:
    rows.execute(delete(Session).where(Session.id == session_id, Session.account_id == account_id))
    rows_changes.note(rows, account_id)


def _find_living(rows: Rows, claims: Claims, now: datetime) -> Row[Any] | None:
    """Return a token's session and account, if that lives and the password is still the same."""
    living = (
        select(Account.plan, Account.is_operator, Account.suspended_at, Account.name)
        .add_columns(Session.refresh_id)
        .join(Session)
        .where(Session.id == claims.session_id, Session.expires_at > now)
        .where(Account.id == claims.account_id, Account.token_generation == claims.generation)
    )
    return rows.execute(living).one_or_none()
