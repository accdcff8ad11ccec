"""What the owner of an account can do: register, log in, change the plan, manage keys.

``device`` is the cookie of an earlier login, where it is at hand. A token has the generation that
was read before the password was checked: if that is changed in between, it is dead when issued.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from cardiorisk import errors
from cardiorisk.errors import Conflict, InvalidKey, InvalidLogin, LimitedKey
from cardiorisk.identity.keys import Principal
from cardiorisk.identity.passwords import Passwords
from cardiorisk.identity.texts import Login, Registration
from cardiorisk.identity.tokens import REFRESH_LIFETIME, SESSION_LIFETIME, TokenPair, new_token_id
from cardiorisk.limits.throttle import Throttle, site_of
from cardiorisk.limits.window import require_below
from cardiorisk.store import rows_accounts, rows_keys, rows_sessions, values
from cardiorisk.store.database import Rows
from cardiorisk.store.store import Store
from cardiorisk.store.values import AccountRecord, MintedKey
from cardiorisk.workers import Rank


class Accounts:
    def __init__(
        self, store: Store, passwords: Passwords, throttle: Throttle, plans: Mapping[str, int]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self.throttle = throttle
        self._plans = plans
        self.now = store.now

    async def register(
        self, registration: Registration, client_address: str, holder: Principal | None = None
    ) -> AccountRecord:
        """Make an account on freemium, or let a key's holder log in to the account of the key."""
        name, email = registration.username, registration.email
        if holder is not None:
            _require_free(holder)
        async with self.throttle.registration(name, client_address):
            site = site_of(client_address)
            password_hash = await self._passwords.hash(registration.password, site)

            def write(rows: Rows) -> AccountRecord:
                kept = name, email, password_hash, self.now()
                if holder is None:
                    return rows_accounts.register(rows, *kept)
                return rows_accounts.claim(rows, holder.account_id, *kept)

            with _while_there(_gone()):
                return await self._store.change(write)

    async def login(self, login: Login, client_address: str, device: str = "") -> TokenPair:
        begun = await self._begin(login, client_address, device, REFRESH_LIFETIME)
        return self._store.tokens.issue(*begun)

    async def begin_session(self, login: Login, client_address: str, device: str = "") -> str:
        begun = await self._begin(login, client_address, device, SESSION_LIFETIME)
        return self._store.tokens.issue_session(*begun[:3])  # no refresh token, so no renewal

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Use a refresh token up for the next pair; one that was used before ends its session."""
        claims = self._store.tokens.read(refresh_token, "refresh")
        await self.throttle.count_change(claims.account_id)
        refresh_id = new_token_id()
        renewal = await self._store.change(
            lambda rows: rows_sessions.renew(rows, claims, refresh_id, self.now())
        )
        if renewal != "renewed":
            raise InvalidKey("the refresh token is not valid: used before, expired or ended")
        return self._store.tokens.issue(
            claims.account_id, claims.session_id, claims.generation, refresh_id
        )

    async def switch_plan(
        self, login: Login, plan: str, client_address: str, device: str = ""
    ) -> AccountRecord:
        account_id = (await self._require_login(login, client_address, device)).account_id
        with _while_there(_wrong()):
            return await self._store.change(
                lambda rows: rows_accounts.set_plan(rows, account_id, plan, self.now())
            )

    async def change_password(
        self, login: Login, new_password: str, client_address: str, device: str = ""
    ) -> None:
        """Change a password; every token ends at once, keys stay."""
        stored = await self._require_login(login, client_address, device)
        account_id, generation = stored.account_id, stored.generation
        site = site_of(client_address)
        new_hash = await self._passwords.hash(new_password, site, Rank.KNOWN)
        is_changed = await self._store.change(
            lambda rows: rows_accounts.set_password(rows, account_id, generation, new_hash)
        )
        if not is_changed:
            raise _wrong()

    async def delete(
        self, principal: Principal, password: str, client_address: str, device: str = ""
    ) -> None:
        account_id = principal.account_id
        account, _ = await self.view(principal.account_id)
        if not account.has_password:
            raise Conflict("the account has no password yet; POST /register with its key sets one")
        stored = await self._require_login(Login(account.name, password), client_address, device)
        if stored.account_id != account_id:
            raise _wrong()
        with _while_there(_gone()):
            await self._store.change(
                lambda rows: rows_accounts.remove(rows, account_id, self.now())
            )

    async def logout(self, principal: Principal) -> None:
        account_id, session_id = principal.account_id, principal.session_id
        if session_id is None:
            raise Conflict("an API key has no session to end; revoke the key instead")
        await self.throttle.count_change(account_id)
        await self._store.change(lambda rows: rows_sessions.end(rows, account_id, session_id))

    async def view(self, account_id: int) -> tuple[AccountRecord, dict[date, int]]:
        """Load an account, and its calls on each of the last days, the oldest first."""
        today = self.now().date()
        days = [today - timedelta(back) for back in reversed(range(values.SHOWN_DAYS))]

        def read(rows: Rows) -> tuple[AccountRecord, dict[date, int]]:
            account = rows_accounts.load(rows, account_id, self.now())
            return account, rows_accounts.calls_by_day(rows, account_id, days[0])

        with _while_there(_gone()):
            found, unwritten = await self._store.read_with_calls(read, account_id)
        account, written = found
        return account, {day: written.get(day, 0) + unwritten.get(day, 0) for day in days}

    async def create_key(
        self,
        principal: Principal,
        lifetime: timedelta | None,
        name: str | None = None,
        limit: int | None = None,
    ) -> MintedKey:
        account_id = await self._count_change(principal)

        def create(rows: Rows) -> MintedKey:
            rows_keys.make_room(rows, account_id, self.now())
            minted = rows_keys.create(rows, account_id, self.now(), lifetime, name, limit)
            require_below(limit, minted.record.plan, self._plans)  # else it is not made after all
            return minted

        return await self._store.change(create)

    async def revoke_key(self, principal: Principal, key_id: str) -> values.KeyRecord:
        account_id = await self._count_change(principal, key_id)
        return await self._store.change(
            lambda rows: rows_keys.revoke(rows, key_id, self.now(), account_id)
        )

    async def rotate_key(
        self, principal: Principal, key_id: str, grace: timedelta
    ) -> values.Rotation:
        account_id = await self._count_change(principal, key_id)
        return await self._store.change(
            lambda rows: rows_keys.rotate(rows, key_id, grace, self.now(), account_id)
        )

    async def _count_change(self, principal: Principal, key_id: str = "") -> int:
        _require_free(principal, key_id)
        await self.throttle.count_change(principal.account_id)
        return principal.account_id

    async def _begin(
        self, login: Login, client_address: str, device: str, lifetime: timedelta
    ) -> tuple[int, str, int, str]:
        stored = await self._require_login(login, client_address, device)
        account_id, session_id, refresh_id = stored.account_id, new_token_id(), new_token_id()
        begun = account_id, session_id, refresh_id, self.now(), lifetime
        with _while_there(_wrong()):
            await self._store.change(lambda rows: rows_sessions.begin(rows, *begun))
        return account_id, session_id, stored.generation, refresh_id

    async def _require_login(
        self, login: Login, client_address: str, device_token: str
    ) -> values.StoredLogin:
        """Find the account of a name and a password; who knows both is told of a suspension."""
        name, site = login.username, site_of(client_address)
        device = self._store.tokens.device_of(device_token, name) if device_token else ""
        async with self.throttle.login(name, client_address, device) as is_known:
            stored = await self._store.read(lambda rows: rows_accounts.find_login(rows, name))
            known_hash = None if stored is None else stored.password_hash
            is_right = await self._passwords.matches(
                login.password, known_hash, site, Rank.KNOWN if is_known else Rank.STRANGER
            )
            if stored is None or known_hash is None or not is_right:
                raise _wrong()
        if stored.suspended_at is not None:
            raise errors.AccountSuspended
        if self._passwords.is_outdated(known_hash):
            account_id = stored.account_id
            new_hash = await self._passwords.hash(login.password, site, Rank.KNOWN)
            await self._store.change(
                lambda rows: rows_accounts.replace_hash(rows, account_id, known_hash, new_hash)
            )
        return stored


def _require_free(principal: Principal, key_id: str = "") -> None:
    """Check that a key with a limit of its own, which was given away, manages itself alone."""
    if principal.window is not None and key_id != principal.key_id:
        raise LimitedKey


@contextmanager
def _while_there(otherwise: errors.ServiceError) -> Iterator[None]:
    try:
        yield
    except (errors.UnknownAccount, InvalidKey) as error:
        raise otherwise from error


def _gone() -> InvalidKey:
    return InvalidKey("the account has been deleted")


def _wrong() -> InvalidLogin:
    return InvalidLogin("the name or the password is wrong")
