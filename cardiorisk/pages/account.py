"""An account's pages: registering, logging in and out, ``/cuenta`` and ``/claves``.

Here are also the rungs for pages that need a session. A new password ends every session, so
``/cuenta`` then begins another one for its reader. A key that was just made stands in the answer to
the form and nowhere else, so that answer is no redirect.
"""

import re
from datetime import timedelta
from urllib.parse import quote

from tornado.web import Finish

from cardiorisk import errors
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.texts import NEW_PASSWORD, PASSWORD, USERNAME, Login
from cardiorisk.identity.tokens import SESSION_LIFETIME
from cardiorisk.limits.window import limit_of, require_plan
from cardiorisk.pages.base import PageHandler
from cardiorisk.pages.languages import marked
from cardiorisk.store import rows_keys
from cardiorisk.store.values import MintedKey
from cardiorisk.web.cookies import SESSION_COOKIE, device_cookie, give_cookie, give_device_cookie
from cardiorisk.web.shapes_accounts import (
    DeletionBody,
    KeyWishBody,
    LoginBody,
    PasswordChangeBody,
    RegistrationBody,
)

HOME = "cuenta"
NEXT = "siguiente"
LOGIN_DONE = {"borrada": marked("The account has been deleted, with all that was its.")}
_PAGE = re.compile(r"[a-z]{1,20}(/[a-z]{1,20})?(\?[A-Za-z0-9%&=+._~*-]{0,600})?")


class SignedInPage(PageHandler):
    """A page for readers who have logged in; others are sent to do so, and back."""

    async def admit(self) -> None:
        await super().admit()
        if self.caller is None:
            wanted = self.route[1:]
            if self.request.query and not may_hold_key(self.request.query):
                wanted += f"?{self.request.query}"
            self.go(f"entrar?{NEXT}={quote(local_page(wanted, HOME))}")
            raise Finish


class OperatorPage(SignedInPage):
    async def admit(self) -> None:
        await super().admit()
        if not self.principal.is_operator:
            raise errors.OperatorOnly("this page is for operators")


class SessionPage(PageHandler):
    async def log_in(self, login: Login) -> None:
        """Begin a session whose cookie the browser keeps as long as it lasts."""
        cookie = await self.services.accounts.begin_session(
            login, self.address, device_cookie(self)
        )
        give_cookie(self, SESSION_COOKIE, cookie, max_age=round(SESSION_LIFETIME.total_seconds()))
        give_device_cookie(self, login.username, self.services.store.tokens)


class LoginPageHandler(SessionPage):
    def get(self) -> None:
        if self.caller is not None:
            self.go(self._next())
        else:
            self._ask()

    head = get

    async def post(self) -> None:
        next_page = self._next()  # what cannot be read is refused before anything is counted
        # An empty password is asked for, and not counted as a wrong one.
        if self.lacks(USERNAME, PASSWORD):
            self._ask()
            return
        try:
            await self.log_in(LoginBody.accept(self.form).login)
        except (errors.InvalidLogin, errors.InvalidAccount):
            said = marked("The name or the password is wrong.")
            self.refuse([errors.FieldFault(PASSWORD, "")], said=said)
            self.set_status(401)
            self._ask()
        else:
            self.go(next_page)

    def write_problem(self, error: errors.ServiceError) -> None:
        """Show the form again to who has to wait or to ask, with the reason."""
        if isinstance(error, errors.AccountSuspended | errors.TooManyAttempts):
            names = {"next_page": self._next(), "notice": self.told(error), "done": ""}
            self.write(self.rendered("login.html", **names))
        else:
            super().write_problem(error)

    def _next(self) -> str:
        return local_page(self.get_query_argument(NEXT, ""), HOME)

    def _ask(self) -> None:
        done = self.done(LOGIN_DONE)
        self.show("login.html", next_page=self._next(), notice="", done=done)


class RegisterPageHandler(SessionPage):
    def get(self) -> None:
        self._require_open()
        self._ask()

    head = get

    async def post(self) -> None:
        key = self.form.pop("key", "").strip()
        if not key:
            self._require_open()
        try:
            holder = await self.services.store.principal(key) if key else None
            registration = RegistrationBody.accept(self.form).registration
            await self.services.accounts.register(registration, self.address, holder)
        except errors.InvalidAccount as error:
            self.refuse(error.faults)
        except errors.Taken as error:
            self.refuse(error.faults, said=marked("It belongs to another account."))
        except (errors.InvalidKey, errors.LimitedKey):
            self.refuse(
                [errors.FieldFault("key", "")], said=marked("No account is waiting for this key.")
            )
        except errors.Conflict:
            said = marked("The account of this key has a password already: log in with it.")
            self.refuse([errors.FieldFault("key", "")], said=said)
        else:
            await self.log_in(Login(registration.username, registration.password))
            self.go(HOME)
            return
        self._ask()

    def write_problem(self, error: errors.ServiceError) -> None:
        """Show the form to who has no key yet, with whom to ask for one."""
        if isinstance(error, errors.RegistrationClosed):
            self.write(self.rendered("register.html", notice=self.told(error)))
        else:
            super().write_problem(error)

    def _require_open(self) -> None:
        if self.services.settings.registration == "closed":
            raise errors.RegistrationClosed

    def _ask(self) -> None:
        self.show("register.html", notice="")


class LogoutPageHandler(PageHandler):
    """``/salir``: end the session and forget its cookie, also where it has ended by itself."""

    async def post(self) -> None:
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        give_cookie(self, SESSION_COOKIE, "", expires_days=-365)
        self.go("entrar")


def local_page(text: str, otherwise: str) -> str:
    """Return a text where it can only be the path of a page of ours, without its first slash.

    Letters and a slash between them are all that is let through before a question mark, and what
    a query is made of after it, so no other server and no header can be named.
    """
    return text if _PAGE.fullmatch(text) else otherwise


SOLD_PLANS = ("freemium", "premium")
DONE = {
    "plan": marked("The plan has been changed."),
    "mismo": marked("The account is on this plan already; nothing has changed."),
    "clave": marked("The password has been changed. Every other session has ended."),
}


class AccountPageHandler(SignedInPage, SessionPage):
    async def get(self) -> None:
        account, days = await self.services.accounts.view(self.principal)
        plans = self.services.settings.plans
        chosen = self.form.get("plan", "")  # in a form that was refused
        self.show(
            "account.html",
            account=account,
            limit=limit_of(account.plan, plans),
            used=self.services.limiter.used(account.account_id),
            days=days,
            plans={plan: plans[plan] for plan in SOLD_PLANS},
            chosen=chosen if chosen in SOLD_PLANS else account.plan,
            done=self.done(DONE),
        )

    head = get

    async def post(self) -> None:
        account, _ = await self.services.accounts.view(self.principal)
        action = self.form.pop("accion", "")
        # An empty password is asked for, and not counted as a wrong one.
        needed = (PASSWORD, NEW_PASSWORD) if action == "clave" else (PASSWORD,)
        if self.lacks(*needed, form=action):
            await self.get()
            return
        members = self.form | {USERNAME: account.name}
        try:
            if action == "plan":
                done = await self._change_plan(members, account.plan)
            elif action == "borrar":
                password = DeletionBody.accept(self.form).password
                await self.services.accounts.delete(
                    self.principal, password, self.address, device_cookie(self)
                )
                give_cookie(self, SESSION_COOKIE, "", expires_days=-365)
                self.go("entrar?hecho=borrada")
                return
            else:
                done = await self._change_password(members)
        except errors.InvalidLogin:
            self.refuse([errors.FieldFault(PASSWORD, "")], action, marked("The password is wrong."))
        except errors.InvalidAccount as error:
            self.refuse(error.faults, action)
        except errors.Conflict:
            said = marked("It is the last operator's. Make another operator first.")
            self.refuse([errors.FieldFault(PASSWORD, "")], action, said)
            self.set_status(409)
        else:
            self.go(f"{HOME}?hecho={done}")
            return
        await self.get()

    async def _change_plan(self, members: dict[str, str], present: str) -> str:
        plan = members.pop("plan", "")
        login = LoginBody.accept(members).login
        require_plan(plan, SOLD_PLANS)
        await self.services.accounts.switch_plan(login, plan, self.address, device_cookie(self))
        return "mismo" if plan == present else "plan"

    async def _change_password(self, members: dict[str, str]) -> str:
        change = PasswordChangeBody.accept(members).change
        await self.services.accounts.change_password(change, self.address, device_cookie(self))
        await self.log_in(Login(change.login.username, change.new_password))
        return "clave"


KEYS_DONE = {"revocada": marked("The key has been revoked.")}
GRACE = timedelta(hours=1)
"""How long an old key still works where its owner wants time to change over."""


class KeysPageHandler(SignedInPage):
    async def get(self) -> None:
        await self._list(done=self.done(KEYS_DONE))

    head = get

    async def post(self) -> None:
        action, key_id = self.form.pop("accion", ""), self.form.pop("clave", "")
        accounts = self.services.accounts
        try:
            if action == "crear":
                wish = KeyWishBody.read_form(self.form)
                minted = await accounts.create_key(
                    self.principal, wish.lifetime, wish.name, wish.limit
                )
            elif action in {"rotar", "rotar-hora"}:
                grace = GRACE if action == "rotar-hora" else timedelta()
                minted = (await accounts.rotate_key(self.principal, key_id, grace)).new
            else:
                await accounts.revoke_key(self.principal, key_id)
                self.go("claves?hecho=revocada")
                return
        except errors.InvalidAccount as error:
            self.refuse(error.faults)
            await self._list()
        except errors.Conflict:
            self.set_status(409)
            fault = marked("An account may have 20 active keys. Revoke one of them first.")
            await self._list(conflict=fault)
        else:
            self.form.clear()
            await self._list(minted=minted)

    async def _list(
        self, minted: MintedKey | None = None, done: str = "", conflict: str = ""
    ) -> None:
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        now = self.services.accounts.now()
        newest_first = keys[::-1]
        self.show(
            "keys.html",
            active=[key for key in newest_first if key.status(now) == "active"],
            ended=[key for key in newest_first if key.status(now) != "active"],
            minted=minted,
            plan_limit=limit_of(self.principal.plan, self.services.settings.plans),
            done=done,
            conflict=conflict,
        )
