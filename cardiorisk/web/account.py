"""Accounts over HTTP: who registers, logs in, changes the plan, and sees to their own keys.

Nothing here draws on the plan's window: these routes have guards of their own, on attempts and
on the number of keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado.web import Finish

from cardiorisk.errors import (
    AccountSuspended,
    Conflict,
    InvalidLogin,
    NotReady,
    Overloaded,
    StoreUnavailable,
    Taken,
    TooManyAttempts,
    UnknownKey,
)
from cardiorisk.store import rows_keys
from cardiorisk.web.handlers import BaseHandler, IdentifiedHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.shapes_accounts import (
    AccountAnswer,
    AccountInUseAnswer,
    KeysAnswer,
    KeyWishBody,
    LoginBody,
    NewKeyAnswer,
    PasswordChangeBody,
    RegistrationBody,
    RotatedKeyAnswer,
    RotationWishBody,
    TokensAnswer,
    account_answer,
    days_answer,
    key_answer,
    new_key_answer,
    tokens_answer,
)

if TYPE_CHECKING:
    from cardiorisk.web.services import Services


PAGE = "cuenta"
"""The page of one's account, seen from ``/account``."""
_GUARDED = (TooManyAttempts, NotReady, Overloaded, StoreUnavailable)
_LOGIN = (*_GUARDED, InvalidLogin, AccountSuspended)
_CHANGE = (TooManyAttempts, Conflict)


class RegisterHandler(BaseHandler):
    """``/register``."""

    @operation(
        "register", AccountAnswer, status=201, body=RegistrationBody, problems=(*_GUARDED, Taken)
    )
    async def post(self) -> None:
        """Make an account, on the plan freemium."""
        registration = RegistrationBody.read(self.request.body).registration
        account = await self.services.accounts.register(registration, self.address)
        self.answer(account_answer(account, self.services.settings.plans), status=201)


class LoginHandler(BaseHandler):
    """``/login``."""

    @operation("login", TokensAnswer, body=LoginBody, problems=_LOGIN)
    async def post(self) -> None:
        """Give a name and a password for tokens.

        The access token goes where an API key does. A wrong name and a wrong password are answered
        alike.
        """
        login = LoginBody.read(self.request.body).login
        self.answer(tokens_answer(await self.services.accounts.login(login, self.address)))


class RefreshHandler(BaseHandler):
    """``/refresh``; the credential is a refresh token."""

    @operation("refresh", TokensAnswer, problems=(TooManyAttempts,))
    async def post(self) -> None:
        """Give a refresh token for the next pair of tokens.

        The refresh token is used up. Using it a second time ends its session.
        """
        self.answer(tokens_answer(await self.services.accounts.refresh(self.credential())))


class SwitchPlanHandler(BaseHandler):
    """``/SwitchToPremium`` and ``/SwitchToFreemium``."""

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        """See ``BaseHandler``; ``plan`` is the one to switch to."""
        super().initialize(services, route)
        self.plan = plan

    @operation("switchTo{Plan}", AccountAnswer, body=LoginBody, problems=_LOGIN)
    async def post(self) -> None:
        """Put your account on the plan {plan}.

        Keys and tokens already issued carry the new plan from the next request on.
        """
        login = LoginBody.read(self.request.body).login
        account = await self.services.accounts.switch_plan(login, self.plan, self.address)
        self.answer(account_answer(account, self.services.settings.plans))


class PasswordHandler(BaseHandler):
    """``/account/password``."""

    @operation("changePassword", body=PasswordChangeBody, status=204, problems=_LOGIN)
    async def post(self) -> None:
        """Change your password.

        Every token of the account ends at once; its API keys stay.
        """
        change = PasswordChangeBody.read(self.request.body).change
        await self.services.accounts.change_password(change, self.address)
        self.answer_nothing()


class LogoutHandler(IdentifiedHandler):
    """``/logout``."""

    @operation("logout", status=204, problems=_CHANGE)
    async def post(self) -> None:
        """End the session that the access token belongs to.

        An API key has no session, so it gets a 409.
        """
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

    @operation("showAccount", AccountInUseAnswer, redirection="To a browser: the page is there")
    async def get(self) -> None:
        """Show your account."""
        account, calls = await self.services.accounts.view(self.principal)
        self.answer(
            {
                **account_answer(account, self.services.settings.plans),
                "used_this_minute": self.services.limiter.used(account.account_id),
                "calls_by_day": days_answer(calls),
            }
        )


class KeysHandler(IdentifiedHandler):
    """``/account/keys``."""

    @operation("listKeys", KeysAnswer)
    async def get(self) -> None:
        """List your keys, the oldest first, ended ones too."""
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        now = self.services.accounts.now()
        self.answer({"items": [key_answer(key, now) for key in keys]})

    @operation("createKey", NewKeyAnswer, status=201, body=KeyWishBody, problems=_CHANGE)
    async def post(self) -> None:
        """Make a key.

        All keys of an account draw on one limit.
        """
        wish = KeyWishBody.read(self.request.body)
        minted = await self.services.accounts.create_key(self.principal, wish.lifetime, wish.name)
        self.answer(new_key_answer(minted, self.services.accounts.now()), status=201)


class KeyHandler(IdentifiedHandler):
    """``/account/keys/{id}``."""

    @operation("revokeKey", status=204, problems=(UnknownKey, TooManyAttempts))
    async def delete(self, key_id: str) -> None:
        """End a key at once."""
        await self.services.accounts.revoke_key(self.principal, key_id)
        self.answer_nothing()


class RotateHandler(IdentifiedHandler):
    """``/account/keys/{id}/rotate``."""

    @operation(
        "rotateKey",
        RotatedKeyAnswer,
        status=201,
        body=RotationWishBody,
        problems=(*_CHANGE, UnknownKey),
    )
    async def post(self, key_id: str) -> None:
        """Make a new key in the place of an old one."""
        grace = RotationWishBody.read(self.request.body).grace
        rotation = await self.services.accounts.rotate_key(self.principal, key_id, grace)
        now = self.services.accounts.now()
        replaced = {"replaces": key_answer(rotation.old, now)}
        self.answer(new_key_answer(rotation.new, now) | replaced, status=201)
