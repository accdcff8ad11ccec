"""Accounts over HTTP: who registers, logs in, changes the plan, and sees to their own keys.

Nothing here draws on the plan's window: these routes have guards of their own, on attempts and
on the number of keys. The rules are in ``registration`` and the work in ``accounts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tornado.web import Finish

from cardiorisk.errors import MalformedBody
from cardiorisk.identity.forms import (
    EMAIL,
    NEW_PASSWORD,
    PASSWORD,
    USERNAME,
    parse_login,
    parse_password_change,
    parse_registration,
)
from cardiorisk.identity.keys import read_grace, read_key_wish
from cardiorisk.patients.json_object import read_object
from cardiorisk.store import rows_keys
from cardiorisk.web.account_documents import account_document, key_document
from cardiorisk.web.handlers import BaseHandler, IdentifiedHandler

if TYPE_CHECKING:
    from datetime import datetime

    from cardiorisk.identity.tokens import TokenPair
    from cardiorisk.store.values import MintedKey
    from cardiorisk.web.services import Services


PAGE = "cuenta"
"""The page of one's account, seen from ``/account``."""


class FormHandler(BaseHandler):
    """A request whose body says who is asking, with a name and a password."""

    def members(self, *names: str) -> dict[str, Any]:
        """Return the members of the body.

        Raises:
            MalformedBody: it is no JSON object, or gives a member twice.
        """
        found = read_object(self.request.body, names)
        if found.repeated:
            raise MalformedBody("a field is given more than once")
        return found.by_name

    @property
    def address(self) -> str:
        """The caller's address, by which attempts are counted."""
        return self.request.remote_ip or ""


class RegisterHandler(FormHandler):
    """``/register``: a new account, on the free plan."""

    async def post(self) -> None:
        """Make the account."""
        members = self.members(USERNAME.wire_name, PASSWORD.wire_name, EMAIL.wire_name)
        registration = parse_registration(members)
        account = await self.services.accounts.register(registration, self.address)
        self.answer(account_document(account, self.services.settings.plans), status=201)


class LoginHandler(FormHandler):
    """``/login``: a name and a password for tokens."""

    async def post(self) -> None:
        """Give an access token and a refresh token."""
        login = parse_login(self.members(USERNAME.wire_name, PASSWORD.wire_name))
        self.answer(_tokens_document(await self.services.accounts.login(login, self.address)))


class RefreshHandler(BaseHandler):
    """``/refresh``: a new access token, and the next refresh token, for a refresh token."""

    async def post(self) -> None:
        """Give the next pair; the refresh token that was sent is used up."""
        self.answer(_tokens_document(await self.services.accounts.refresh(self.credential())))


class SwitchPlanHandler(FormHandler):
    """``/SwitchToPremium`` and ``/SwitchToFreemium``."""

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        """See ``BaseHandler``; ``plan`` is the one to switch to."""
        super().initialize(services, route)
        self.plan = plan

    async def post(self) -> None:
        """Put the account on the plan."""
        login = parse_login(self.members(USERNAME.wire_name, PASSWORD.wire_name))
        account = await self.services.accounts.switch_plan(login, self.plan, self.address)
        self.answer(account_document(account, self.services.settings.plans))


class PasswordHandler(FormHandler):
    """``/account/password``: another password; every token of the account ends with the old."""

    async def post(self) -> None:
        """Change the password."""
        names = (USERNAME.wire_name, PASSWORD.wire_name, NEW_PASSWORD.wire_name)
        change = parse_password_change(self.members(*names))
        await self.services.accounts.change_password(change, self.address)
        self.answer_nothing()


class LogoutHandler(IdentifiedHandler):
    """``/logout``: end the session that the token belongs to."""

    async def post(self) -> None:
        """End the session."""
        await self.services.accounts.logout(self.principal)
        self.answer_nothing()


class AccountHandler(IdentifiedHandler):
    """``/account``: one's own account."""

    async def admit(self) -> None:
        """Let in as elsewhere; who typed the address into a browser is sent on to the page.

        Raises:
            Finish: a browser was sent on.
        """
        headers = self.request.headers
        if "Authorization" not in headers and "text/html" in headers.get("Accept", ""):
            self.set_status(303)
            self.set_header("Location", PAGE)
            self.finish()
            raise Finish
        await super().admit()

    async def get(self) -> None:
        """Show the account."""
        account, calls = await self.services.accounts.view(self.principal)
        self.answer(
            account_document(account, self.services.settings.plans)
            | {
                "used_this_minute": self.services.limiter.used(account.account_id),
                "calls_by_day": [
                    {"day": day.isoformat(), "calls": count} for day, count in calls.items()
                ],
            }
        )


class KeysHandler(IdentifiedHandler):
    """``/account/keys``: one's own keys."""

    async def get(self) -> None:
        """List the keys, ended ones too, the oldest first."""
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        now = self.services.accounts.now()
        self.answer({"items": [key_document(key, now) for key in keys]})

    async def post(self) -> None:
        """Make a key; this answer is the only place that shows it."""
        wish = read_key_wish(self.request.body)
        minted = await self.services.accounts.create_key(self.principal, wish.lifetime, wish.name)
        self.answer(_minted_document(minted, self.services.accounts.now()), status=201)


class KeyHandler(IdentifiedHandler):
    """``/account/keys/{id}``: one key."""

    async def delete(self, key_id: str) -> None:
        """End the key; it opens nothing from the next request on."""
        await self.services.accounts.revoke_key(self.principal, key_id)
        self.answer_nothing()


class RotateHandler(IdentifiedHandler):
    """``/account/keys/{id}/rotate``: a new key in the place of an old one."""

    async def post(self, key_id: str) -> None:
        """Make the new key and end the old one, at once or after a grace."""
        grace = read_grace(self.request.body)
        rotation = await self.services.accounts.rotate_key(self.principal, key_id, grace)
        now = self.services.accounts.now()
        self.answer(
            _minted_document(rotation.new, now) | {"replaces": key_document(rotation.old, now)},
            status=201,
        )


def _minted_document(minted: MintedKey, now: datetime) -> dict[str, Any]:
    return {"key": minted.key} | key_document(minted.record, now)


def _tokens_document(tokens: TokenPair) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
    }
