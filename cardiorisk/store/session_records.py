"""Sessions as they are stored: one row a login, and which refresh token it waits for.

A session's row names the one refresh token that may be used next. A genuine token of a living
session that is not that one was used before: somebody has a copy, nobody can tell who, and the
session ends for both. So a row a session is all that is kept of however many tokens.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from cardiorisk.identity.keys import Principal
from cardiorisk.identity.tokens import LEEWAY, REFRESH_LIFETIME, SECRET_BYTES
from cardiorisk.store import statements
from cardiorisk.store.tables import Account, Secret, Session
from cardiorisk.store.values import Credential

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from cardiorisk.identity.tokens import Claims
    from cardiorisk.store.database import Database
    from cardiorisk.store.values import Renewal

MOST_SESSIONS = 50
"""An account may have at the same time; the one unused for longest ends first."""
_TOKEN_SECRET = "token"  # noqa: S105 - the secret's name, not the secret
_KEY_ID_CHARACTERS = 12


class SessionRecords:
    """The stored sessions; every method is one transaction and may raise ``StoreUnavailable``.

    Args:
        database: an open database, closed by whoever opened it.
        clock: this moment, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def load_secret(self) -> bytes:
        """Return what tokens are signed with; the first call of all makes it."""
        statement = select(Secret.value).where(Secret.name == _TOKEN_SECRET)
        with self._database.reading() as connection:
            found = connection.execute(statement).scalar_one_or_none()
        if found is not None:
            return found
        with self._database.writing() as connection:
            # Another process may have made it since.
            found = connection.execute(statement).scalar_one_or_none()
            if found is None:
                found = secrets.token_bytes(SECRET_BYTES)
                connection.execute(insert(Secret).values(name=_TOKEN_SECRET, value=found))
        return found

    def find_credential(self, claims: Claims) -> Credential | None:
        """Return what an access or session token stands for, None where its session has ended."""
        now = self._clock()
        with self._database.reading() as connection:
            row = connection.execute(
                statements.ACCOUNT_OF_SESSION,
                {
                    "session_id": claims.session_id,
                    "account_id": claims.account_id,
                    "generation": claims.generation,
                    "now": now,
                },
            ).one_or_none()
        lifetime_seconds = (claims.expires_at + LEEWAY - now).total_seconds()
        if row is None or lifetime_seconds <= 0:
            return None
        key_id = "jwt_" + claims.token_id[:_KEY_ID_CHARACTERS]
        principal = Principal(
            claims.account_id,
            key_id,
            row.plan,
            claims.session_id,
            row.is_operator,
            row.suspended_at is not None,
        )
        return Credential(principal, lifetime_seconds)

    def open_session(
        self,
        account_id: int,
        session_id: str,
        refresh_id: str,
        lifetime: timedelta = REFRESH_LIFETIME,
    ) -> bool:
        """Begin a session, sweep expired ones, and tell whether an older one had to make room."""
        now = self._clock()
        oldest = statements.SESSIONS_OF_ACCOUNT.offset(MOST_SESSIONS - 1).limit(-1)
        with self._database.writing() as connection:
            connection.execute(delete(Session).where(Session.expires_at <= now))
            ended = connection.execute(
                delete(Session).where(Session.id.in_(oldest)), {"account_id": account_id}
            )
            connection.execute(
                insert(Session).values(
                    id=session_id,
                    account_id=account_id,
                    refresh_id=refresh_id,
                    created_at=now,
                    renewed_at=now,
                    expires_at=now + lifetime,
                )
            )
            return ended.rowcount > 0

    def renew_session(self, claims: Claims, refresh_id: str) -> Renewal:
        """Use a refresh token up for the next one; tell what became of it.

        One that was used before ends its session, where that still lives.
        """
        now = self._clock()
        with self._database.writing() as connection:
            row = connection.execute(
                select(Session.refresh_id, Account.suspended_at)
                .join(Account)
                .where(
                    Session.id == claims.session_id,
                    Session.expires_at > now,
                    Account.id == claims.account_id,
                    Account.token_generation == claims.generation,
                )
            ).one_or_none()
            if row is None:
                return "refused"
            this = Session.id == claims.session_id
            if row.refresh_id == claims.token_id:
                if row.suspended_at is not None:
                    return "suspended"
                connection.execute(
                    update(Session)
                    .where(this)
                    .values(
                        refresh_id=refresh_id, renewed_at=now, expires_at=now + REFRESH_LIFETIME
                    )
                )
                return "renewed"
            connection.execute(delete(Session).where(this))
            return "ended"

    def end_session(self, account_id: int, session_id: str) -> None:
        """End one session of an account; one that has ended already is none."""
        with self._database.writing() as connection:
            connection.execute(
                delete(Session).where(Session.id == session_id, Session.account_id == account_id)
            )
