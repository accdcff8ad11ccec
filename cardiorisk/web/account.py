"""Accounts over HTTP; nothing here draws on the plan's window, as attempts have their own."""

from datetime import timedelta
from typing import Any

from cardiorisk import errors
from cardiorisk.identity.texts import Registration
from cardiorisk.store import rows_keys
from cardiorisk.store.values import AccountRecord
from cardiorisk.web import shapes_accounts as shapes
from cardiorisk.web.credentials import device_cookie, give_device_cookie
from cardiorisk.web.handlers import BaseHandler, IdentifiedHandler
from cardiorisk.web.operations import operation

_COUNTED = (errors.TooManyAttempts, errors.LimitsUnavailable)
_GUARDED = (*_COUNTED, errors.NotReady, errors.Overloaded, errors.StoreUnavailable)
_TAKEN = (errors.Taken, errors.Conflict, errors.LimitedKey, errors.RegistrationClosed)
_LOGIN = (*_GUARDED, errors.InvalidLogin, errors.AccountSuspended)
_KEY_END = (*_COUNTED, errors.LimitedKey, errors.UnknownKey)
_KEY_MADE = (*_COUNTED, errors.LimitedKey, errors.Conflict)


class ShowingHandler(BaseHandler):
    def show(self, account: AccountRecord, status: int = 200, **more: Any) -> None:
        plans = self.services.settings.plans
        shown = shapes.account_answer(account, plans, shapes.AccountAnswer)
        self.answer({**shown, **more}, status)


class RegisterHandler(ShowingHandler):
    async def admit(self) -> None:
        """Know who holds a key; where registration is closed, nobody else may come in."""
        if self.request.headers.get("Authorization"):
            try:
                self.caller = await self.services.store.principal(self.credential())
            finally:
                self.end_stage("auth")
        elif self.services.settings.registration == "closed":
            raise errors.RegistrationClosed

    @operation(
        "register", shapes.AccountAnswer, shapes.RegistrationBody, 201, problems=_GUARDED + _TAKEN
    )
    async def post(self) -> None:
        """Make an account, on the plan freemium; or give the one of your key a name and a password.

        Whoever got a key from an operator registers with it in `Authorization`: the account keeps
        its plan and its keys, and can log in from then on. Where registration is closed, a key is
        needed.
        """
        wanted = Registration(**dict(shapes.RegistrationBody.read(self.request.body)))
        self.show(await self.services.accounts.register(wanted, self.address, self.caller), 201)


class LoginHandler(BaseHandler):
    @operation("login", shapes.TokensAnswer, shapes.LoginBody, problems=_LOGIN)
    async def post(self) -> None:
        """Give a name and a password for tokens.

        The access token goes where an API key does. A wrong name and a wrong password are answered
        alike. The cookie `dispositivo` opens nothing: who sends it along with later logins, plan
        switches and password changes is not held up by strangers who guess at the name.
        """
        login = shapes.LoginBody.read(self.request.body).login
        tokens = await self.services.accounts.login(login, self.address, device_cookie(self))
        give_device_cookie(self, login.username, self.services.store.tokens)
        self.answer(shapes.tokens_answer(tokens))


class RefreshHandler(BaseHandler):
    @operation("refresh", shapes.TokensAnswer, problems=_COUNTED)
    async def post(self) -> None:
        """Give a refresh token for the next pair of tokens; used twice, it ends its session."""
        self.answer(shapes.tokens_answer(await self.services.accounts.refresh(self.credential())))


class SwitchPlanHandler(ShowingHandler):
    @operation("switchTo{Plan}", shapes.AccountAnswer, shapes.LoginBody, problems=_LOGIN)
    async def post(self) -> None:
        """Put your account on the plan {plan}, which its keys and tokens carry at once."""
        login, device = shapes.LoginBody.read(self.request.body).login, device_cookie(self)
        switch_plan = self.services.accounts.switch_plan
        self.show(await switch_plan(login, self.plan, self.address, device))


class PasswordHandler(BaseHandler):
    @operation("changePassword", None, shapes.PasswordChangeBody, 204, problems=_LOGIN)
    async def post(self) -> None:
        """Change your password; every token of the account ends at once, its API keys stay."""
        body, device = shapes.PasswordChangeBody.read(self.request.body), device_cookie(self)
        change_password = self.services.accounts.change_password
        await change_password(body.login, body.new_password, self.address, device)
        self.answer_nothing()


class LogoutHandler(IdentifiedHandler):
    @operation("logout", status=204, problems=(*_COUNTED, errors.Conflict))
    async def post(self) -> None:
        """End the session that the access token belongs to; an API key has none: 409."""
        await self.services.accounts.logout(self.principal)
        self.answer_nothing()


class AccountHandler(ShowingHandler, IdentifiedHandler):
    @operation("showAccount", shapes.AccountInUseAnswer)
    async def get(self) -> None:
        """Show your account."""
        account, calls = await self.services.accounts.view(self.principal.account_id)
        used = self.services.limiter.used(account.account_id)
        days = [{"day": day, "calls": count} for day, count in calls.items()]
        self.show(account, used_this_minute=used, calls_by_day=days)

    @operation("deleteAccount", None, shapes.DeletionBody, 204, problems=(*_LOGIN, errors.Conflict))
    async def delete(self) -> None:
        """Delete your account and all that is its.

        Its keys, sessions, kept assessments and use go with it, for good; its lines in the request
        log stay and name nobody. The last operator's account cannot be deleted.
        """
        password, device = shapes.DeletionBody.read(self.request.body).password, device_cookie(self)
        await self.services.accounts.delete(self.principal, password, self.address, device)
        self.answer_nothing()


class KeysHandler(IdentifiedHandler):
    @operation("listKeys", shapes.KeysAnswer)
    async def get(self) -> None:
        """List your keys, the oldest first, ended ones too."""
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        now = self.services.accounts.now()
        self.answer({"items": [shapes.key_answer(key, now) for key in keys]})

    @operation("createKey", shapes.NewKeyAnswer, shapes.KeyWishBody, 201, problems=_KEY_MADE)
    async def post(self) -> None:
        """Make a key.

        All keys of an account draw on one limit. One that is given a `limit` has a smaller one of
        its own as well, and may manage no key but itself.
        """
        wish, accounts = shapes.KeyWishBody.read(self.request.body), self.services.accounts
        minted = await accounts.create_key(self.principal, wish.lifetime, wish.name, wish.limit)
        self.answer(shapes.new_key_answer(minted, accounts.now()), 201)


class KeyHandler(IdentifiedHandler):
    @operation("revokeKey", status=204, problems=_KEY_END)
    async def delete(self, key_id: str) -> None:
        """End a key at once."""
        await self.services.accounts.revoke_key(self.principal, key_id)
        self.answer_nothing()


class RotateHandler(IdentifiedHandler):
    @operation(
        *("rotateKey", shapes.RotatedKeyAnswer, shapes.RotationWishBody, 201),
        problems=(*_KEY_MADE, errors.UnknownKey),
    )
    async def post(self, key_id: str) -> None:
        """Make a new key in the place of an old one; they share a limit of its own."""
        wish, accounts = shapes.RotationWishBody.read(self.request.body), self.services.accounts
        grace = timedelta(minutes=wish.grace_minutes or 0)
        rotation = await accounts.rotate_key(self.principal, key_id, grace)
        now = accounts.now()
        replaced = {"replaces": shapes.key_answer(rotation.old, now)}
        self.answer(shapes.new_key_answer(rotation.new, now) | replaced, 201)
