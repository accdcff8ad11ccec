"""Accounts, sessions and keys of one's own for the event loop.

Each method is a record's method run on the database's thread, plus what it makes stale in the
memo: from its return on, what it changed holds for every request.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cardiorisk.errors import AccountSuspended
from cardiorisk.identity.tokens import REFRESH_LIFETIME

if TYPE_CHECKING:
    from datetime import timedelta

    from cardiorisk.identity.tokens import Claims
    from cardiorisk.store.account_records import AccountRecords
    from cardiorisk.store.memo import Memo
    from cardiorisk.store.session_records import SessionRecords
    from cardiorisk.store.values import (
        AccountRecord,
        KeyRecord,
        MintedKey,
        Renewal,
        Rotation,
        StoredLogin,
    )
    from cardiorisk.store.work import Work


class AccountStore:
    """Every method may raise ``StoreUnavailable`` and ``Overloaded``; others are named.

    Args:
        accounts: used on the database's thread only.
        sessions: likewise.
        work: the way to that thread.
        memo: what changes make stale.
    """

    def __init__(
        self, accounts: AccountRecords, sessions: SessionRecords, work: Work, memo: Memo
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._work = work
        self._memo = memo

    async def find_login(self, name: str) -> StoredLogin | None:
        """Return what a login by this name is checked against, None for a name nobody has."""
        return await self._work.read(partial(self._accounts.find_login, name))

    async def register(self, name: str, email: str, password_hash: str, plan: str) -> AccountRecord:
        """Make an account that can log in.

        Raises:
            Taken: another account has the name or the address.
        """
        return await self._work.change(
            partial(self._accounts.register, name, email, password_hash, plan)
        )

    async def load_account(self, account_id: int) -> AccountRecord:
        """Return an account.

        Raises:
            UnknownAccount: it is no longer there.
        """
        return await self._work.read(partial(self._accounts.load_account, account_id))

    async def set_plan(self, account_id: int, plan: str) -> AccountRecord:
        """Put an account on a plan; its keys and tokens carry it from the return on.

        Raises:
            UnknownAccount: it is no longer there.
        """
        return await self._work.change(
            partial(self._accounts.set_plan, account_id, plan),
            lambda _: self._memo.drop_account(account_id),
        )

    async def set_password(self, account_id: int, generation: int, password_hash: str) -> bool:
        """Change a password and end every session; False where it was changed since."""
        return await self._work.change(
            partial(self._accounts.set_password, account_id, generation, password_hash),
            lambda _: self._memo.drop_account(account_id),
        )

    async def replace_hash(self, account_id: int, old_hash: str, new_hash: str) -> None:
        """Keep another hash of the same password."""
        await self._work.change(
            partial(self._accounts.replace_hash, account_id, old_hash, new_hash)
        )

    async def open_session(
        self,
        account_id: int,
        session_id: str,
        refresh_id: str,
        lifetime: timedelta = REFRESH_LIFETIME,
    ) -> None:
        """Begin a session."""

        def drop(is_another_ended: bool) -> None:  # noqa: FBT001 - the result of the change
            if is_another_ended:
                self._memo.drop_account(account_id)

        await self._work.change(
            partial(self._sessions.open_session, account_id, session_id, refresh_id, lifetime),
            drop,
        )

    async def renew_session(self, claims: Claims, refresh_id: str) -> bool:
        """Use a refresh token up for the next one; tell whether it could be used.

        Raises:
            AccountSuspended: its account is suspended; the token stays good.
        """

        def drop(renewal: Renewal) -> None:
            if renewal == "ended":
                self._memo.drop_account(claims.account_id)

        renewal = await self._work.change(
            partial(self._sessions.renew_session, claims, refresh_id), drop
        )
        if renewal == "suspended":
            raise AccountSuspended
        return renewal == "renewed"

    async def end_session(self, account_id: int, session_id: str) -> None:
        """End one session; from the return on, its tokens open nothing."""
        await self._work.change(
            partial(self._sessions.end_session, account_id, session_id),
            lambda _: self._memo.drop_account(account_id),
        )

    async def list_keys(self, account_id: int) -> tuple[KeyRecord, ...]:
        """Return the account's keys, ended ones too, the oldest first."""
        return await self._work.read(partial(self._accounts.list_keys, account_id))

    async def create_key(
        self, account_id: int, lifetime: timedelta | None, name: str | None = None
    ) -> MintedKey:
        """Make a key of the account.

        Raises:
            Conflict: it has as many active ones as it may.
        """
        return await self._work.change(
            partial(self._accounts.create_key, account_id, lifetime, name)
        )

    async def revoke_key(self, account_id: int, key_id: str) -> KeyRecord:
        """End a key of the account; from the return on, it opens nothing.

        Raises:
            UnknownKey: the account has no such key.
        """
        return await self._work.change(
            partial(self._accounts.revoke_key, account_id, key_id),
            lambda _: self._memo.drop_key(key_id),
        )

    async def rotate_key(self, account_id: int, key_id: str, grace: timedelta) -> Rotation:
        """Put a new key in the place of one of the account's.

        Raises:
            UnknownKey: the account has no such key.
            Conflict: the key has ended already, or there are too many.
        """
        return await self._work.change(
            partial(self._accounts.rotate_key, account_id, key_id, grace),
            lambda _: self._memo.drop_key(key_id),
        )
