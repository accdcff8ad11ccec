"""What the owner of an account can do: register, log in, change the plan, manage keys.

No HTTP and no SQL. The order of a login is its safety: the attempt takes its place, the password
is checked in a time that does not depend on whether the name exists, then something is done.
Whatever is done is one transaction, so nothing is ever half-written.

The surprise: a token carries the account's generation as it was read *before* the password was
checked. If the password is changed in between, the tokens of that login are dead when issued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.errors import AccountSuspended, Conflict, InvalidKey, InvalidLogin
from cardiorisk.identity.tokens import SESSION_LIFETIME, new_token_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from cardiorisk.identity.forms import Login, PasswordChange, Registration
    from cardiorisk.identity.keys import Principal
    from cardiorisk.identity.passwords import Passwords
    from cardiorisk.identity.tokens import TokenPair, Tokens
    from cardiorisk.limits.throttle import Throttle
    from cardiorisk.store.account_store import AccountStore
    from cardiorisk.store.values import (
        AccountRecord,
        KeyRecord,
        MintedKey,
        Rotation,
        StoredLogin,
    )

NEW_ACCOUNT_PLAN = "freemium"


class Accounts:
    """The use cases of an account; every one may raise ``StoreUnavailable`` and ``Overloaded``.

    With a suspended account's password or refresh token, they raise ``AccountSuspended``.

    Args:
        store: where accounts are kept.
        tokens: makes and reads tokens with the store's secret.
        passwords: hashes and checks passwords.
        throttle: limits attempts.
        now: this moment, aware.
    """

    def __init__(
        self,
        store: AccountStore,
        tokens: Tokens,
        passwords: Passwords,
        throttle: Throttle,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._passwords = passwords
        self._throttle = throttle
        self.now = now

    async def register(self, registration: Registration, client_address: str) -> AccountRecord:
        """Make an account on freemium.

        Raises:
            Taken: another account has the name or the address.
            TooManyAttempts: the client's address has registered or failed too often.
        """
        with self._throttle.registration(client_address):
            password_hash = await self._passwords.hash(registration.password)
            return await self._store.register(
                registration.username, registration.email, password_hash, NEW_ACCOUNT_PLAN
            )

    async def login(self, login: Login, client_address: str) -> TokenPair:
        """Begin a session.

        Raises:
            InvalidLogin: the name or the password is wrong.
            TooManyAttempts: the name or the client's address has failed too often.
        """
        stored = await self._require_login(login, client_address)
        session_id, refresh_id = new_token_id(), new_token_id()
        await self._store.open_session(stored.account_id, session_id, refresh_id)
        return self._tokens.issue(stored.account_id, session_id, stored.generation, refresh_id)

    async def begin_session(self, login: Login, client_address: str) -> str:
        """Begin a browser's session and return what its cookie holds.

        Raises:
            InvalidLogin: the name or the password is wrong.
            TooManyAttempts: the name or the client's address has failed too often.
        """
        stored = await self._require_login(login, client_address)
        session_id = new_token_id()
        # Its refresh token is never made, so nobody can renew the session.
        await self._store.open_session(
            stored.account_id, session_id, new_token_id(), SESSION_LIFETIME
        )
        return self._tokens.issue_session(stored.account_id, session_id, stored.generation)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Use a refresh token up for the session's next pair of tokens.

        Raises:
            InvalidKey: it is not valid, or was used before, which ends its session.
            TooManyAttempts: the account has made too many changes.
        """
        claims = self._tokens.read_refresh(refresh_token)
        self._throttle.count_change(claims.account_id)
        refresh_id = new_token_id()
        if not await self._store.renew_session(claims, refresh_id):
            raise InvalidKey("the refresh token is not valid: used before, expired or ended")
        return self._tokens.issue(
            claims.account_id, claims.session_id, claims.generation, refresh_id
        )

    async def switch_plan(self, login: Login, plan: str, client_address: str) -> AccountRecord:
        """Put an account on a plan; its keys and tokens carry it from the next request on.

        Raises:
            InvalidLogin: the name or the password is wrong.
            TooManyAttempts: the name or the client's address has failed too often.
        """
        stored = await self._require_login(login, client_address)
        return await self._store.set_plan(stored.account_id, plan)

    async def change_password(self, change: PasswordChange, client_address: str) -> None:
        """Change a password; every token ends at once, keys stay.

        Raises:
            InvalidLogin: the name or the password is wrong, or was changed at the same moment.
            TooManyAttempts: the name or the client's address has failed too often.
        """
        stored = await self._require_login(change.login, client_address)
        new_hash = await self._passwords.hash(change.new_password)
        if not await self._store.set_password(stored.account_id, stored.generation, new_hash):
            raise _wrong()

    async def logout(self, principal: Principal) -> None:
        """End the session that a token belongs to; its tokens end at once.

        Raises:
            Conflict: the caller used an API key, which has no session.
            TooManyAttempts: the account has made too many changes.
        """
        if principal.session_id is None:
            raise Conflict("an API key has no session to end; revoke the key instead")
        self._throttle.count_change(principal.account_id)
        await self._store.end_session(principal.account_id, principal.session_id)

    def count_change(self, principal: Principal) -> None:
        """Count something that no plan's window counts as a change that the account makes.

        Raises:
            TooManyAttempts: the account has made too many changes.
        """
        self._throttle.count_change(principal.account_id)

    async def view(self, principal: Principal) -> AccountRecord:
        """Return the caller's account."""
        return await self._store.load_account(principal.account_id)

    async def list_keys(self, principal: Principal) -> tuple[KeyRecord, ...]:
        """Return the account's keys, ended ones too, the oldest first."""
        return await self._store.list_keys(principal.account_id)

    async def create_key(
        self, principal: Principal, lifetime: timedelta | None, name: str | None = None
    ) -> MintedKey:
        """Make a key of the account; without a lifetime it lives for ever.

        Raises:
            Conflict: the account has as many active keys as it may.
            TooManyAttempts: the account has made too many changes.
        """
        self._throttle.count_change(principal.account_id)
        return await self._store.create_key(principal.account_id, lifetime, name)

    async def revoke_key(self, principal: Principal, key_id: str) -> KeyRecord:
        """End a key of the account at once.

        Raises:
            UnknownKey: the account has no such key.
            TooManyAttempts: the account has made too many changes.
        """
        self._throttle.count_change(principal.account_id)
        return await self._store.revoke_key(principal.account_id, key_id)

    async def rotate_key(self, principal: Principal, key_id: str, grace: timedelta) -> Rotation:
        """Replace a key of the account by a new one; the old one still works for ``grace``.

        Raises:
            UnknownKey: the account has no such key.
            Conflict: the key has ended already, or there are too many to have two for a while.
            TooManyAttempts: the account has made too many changes.
        """
        self._throttle.count_change(principal.account_id)
        return await self._store.rotate_key(principal.account_id, key_id, grace)

    async def _require_login(self, login: Login, client_address: str) -> StoredLogin:
        """Return the account that a name and a password belong to.

        That an account is suspended is told to whoever knows its password, and to nobody else.
        """
        with self._throttle.login(login.username, client_address):
            stored = await self._store.find_login(login.username)
            known_hash = None if stored is None else stored.password_hash
            is_right = await self._passwords.matches(login.password, known_hash)
            if stored is None or known_hash is None or not is_right:
                raise _wrong()
        if stored.suspended_at is not None:
            raise AccountSuspended
        if self._passwords.is_outdated(known_hash):
            new_hash = await self._passwords.hash(login.password)
            await self._store.replace_hash(stored.account_id, known_hash, new_hash)
        return stored


def _wrong() -> InvalidLogin:
    return InvalidLogin("the name or the password is wrong")
