"""An account's pages, and the rungs for pages that need a session.

A key that was just made stands in the answer to the form, which is no redirect, and nowhere else.
"""

from datetime import timedelta

from tornado.escape import json_encode
from tornado.web import Finish

from cardiorisk import errors
from cardiorisk.identity.texts import (
    NAME_CHARACTERS,
    NEW_PASSWORD,
    PASSWORD,
    USERNAME,
    Login,
    Registration,
    searchable,
)
from cardiorisk.identity.tokens import SESSION_LIFETIME
from cardiorisk.limits.window import limit_of, require_plan
from cardiorisk.pages.base import NEXT, PageHandler, local_page
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import EXAMPLE
from cardiorisk.store import rows_keys
from cardiorisk.store.values import KeyRecord, MintedKey
from cardiorisk.web.cookies import SESSION_COOKIE, device_cookie, give_cookie, give_device_cookie
from cardiorisk.web.shapes_accounts import (
    DeletionBody,
    KeyWishBody,
    LoginBody,
    PasswordChangeBody,
    RegistrationBody,
)

HOME = "cuenta"
LOGIN_DONE = {
    "borrada": marked("The account has been deleted, with all that was its."),
    "sesion": marked("Your session has ended. Log in to go on where you were."),
    "escrito": marked("Your session had ended; nothing was done. What you typed is kept: log in."),
}


class SignedInPage(PageHandler):
    async def admit(self) -> None:
        await super().admit()
        if self.caller is None:
            self.ask_to_log_in()
            raise Finish


class OperatorPage(SignedInPage):
    async def admit(self) -> None:
        await super().admit()
        if not self.principal.is_operator:
            raise errors.OperatorOnly("this page is for operators")


class SessionPage(PageHandler):
    async def log_in(self, login: Login) -> None:
        where = self.address, device_cookie(self)
        cookie = await self.services.accounts.begin_session(login, *where)
        give_cookie(self, SESSION_COOKIE, cookie, max_age=round(SESSION_LIFETIME.total_seconds()))
        give_device_cookie(self, login.username, self.services.store.tokens)

    def forget_session(self) -> None:
        give_cookie(self, SESSION_COOKIE, "", expires_days=-365)


class LoginPageHandler(SessionPage):
    is_for_strangers = True
    is_done_once = False  # another session does no harm

    def get(self) -> None:
        if self.caller is not None:
            self.go(self._next())
        else:
            self._ask()

    head = get

    async def post(self) -> None:
        next_page = self._next()  # what cannot be read is refused before anything is counted
        # An empty password is asked for, and not counted as a wrong one.
        if not self.lacks(USERNAME, PASSWORD):
            try:
                await self.log_in(LoginBody.accept(self.form).login)
            except (errors.InvalidLogin, errors.InvalidAccount):
                said = marked("The name or the password is wrong.")
                self.refuse([errors.FieldFault(PASSWORD, "")], said=said)
                self.set_status(401)
            else:
                self.go(next_page)
                return
        self._ask()

    def write_problem(self, error: errors.ServiceError) -> None:
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


NO_HOLDER = marked("No account is waiting for this key.")
REFUSED_KEYS = {
    errors.InvalidKey: NO_HOLDER,
    errors.LimitedKey: NO_HOLDER,
    errors.Conflict: marked("The account of this key has a password already: log in with it."),
}


class RegisterPageHandler(SessionPage):
    is_for_strangers = True

    def get(self) -> None:
        self._require_open()
        self.show("register.html", notice="")

    head = get

    async def post(self) -> None:
        key = self.form.pop("key", "").strip()
        if not key:
            self._require_open()
        with self.refusing("key", REFUSED_KEYS):
            holder = await self.services.store.principal(key) if key else None
            registration = Registration(**dict(RegistrationBody.accept(self.form)))
            await self.services.accounts.register(registration, self.address, holder)
            await self.log_in(Login(registration.username, registration.password))
        if self.faults:
            self.show("register.html", notice="")
        else:
            self.go(HOME)

    def write_problem(self, error: errors.ServiceError) -> None:
        if isinstance(error, errors.RegistrationClosed):
            self.write(self.rendered("register.html", notice=self.told(error)))
        else:
            super().write_problem(error)

    @property
    def is_closed(self) -> bool:
        return self.services.settings.registration == "closed"

    def _require_open(self) -> None:
        if self.is_closed:
            raise errors.RegistrationClosed


class LogoutPageHandler(SessionPage):
    is_done_once = False

    def require_own_form(self) -> None:
        if self.caller is not None:  # else there is nothing to end
            super().require_own_form()

    async def post(self) -> None:
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        self.forget_session()
        self.go("entrar")


SOLD_PLANS = ("freemium", "premium")
DONE = {
    "plan": marked("The plan has been changed."),
    "mismo": marked("The account is on this plan already; nothing has changed."),
    "clave": marked("The password has been changed. Every other session has ended."),
}


REFUSED_PASSWORDS = {
    errors.InvalidLogin: marked("The password is wrong."),
    errors.Conflict: marked("It is the last operator's. Make another operator first."),
}


class AccountPageHandler(SignedInPage, SessionPage):
    async def get(self) -> None:
        account, days = await self.services.accounts.view(self.principal.account_id)
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
        action = self.form.pop("accion", "")
        # An empty password is asked for, and not counted as a wrong one.
        needed = (PASSWORD, NEW_PASSWORD) if action == "clave" else (PASSWORD,)
        if not self.lacks(*needed, form=action):
            with self.refusing(PASSWORD, REFUSED_PASSWORDS, action):
                self.go(await self._do(action))
        if self.faults:
            await self.get()

    async def _do(self, action: str) -> str:
        accounts, where = self.services.accounts, (self.address, device_cookie(self))
        members = self.form | {USERNAME: self.principal.name}
        if action == "borrar":
            password = DeletionBody.accept(self.form).password
            await accounts.delete(self.principal, password, *where)
            self.forget_session()
            return "entrar?hecho=borrada"
        if action == "plan":
            plan = members.pop("plan", "")
            login = LoginBody.accept(members).login
            require_plan(plan, SOLD_PLANS)
            await accounts.switch_plan(login, plan, *where)
            return f"{HOME}?hecho={'mismo' if plan == self.principal.plan else 'plan'}"
        change = PasswordChangeBody.accept(members).change
        await accounts.change_password(change, *where)
        await self.log_in(Login(change.login.username, change.new_password))
        return f"{HOME}?hecho=clave"


KEYS_DONE = {"revocada": marked("The key has been revoked.")}
TOO_MANY_KEYS = marked("An account may have 20 active keys. Revoke one of them first.")
KEY_HAS_ENDED = marked("This key had been replaced or revoked, or had expired. Nothing was done.")
GRACE = timedelta(hours=1)
"""How long an old key still works where its owner wants time to change over."""


KEYS_A_PAGE = 20
SEARCH = "buscar"


class OwnKeysPage(SignedInPage):
    async def own_keys(self) -> tuple[KeyRecord, ...]:
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        return keys[::-1]


class KeysPageHandler(OwnKeysPage):
    async def get(self) -> None:
        await self._list()

    head = get

    async def post(self) -> None:
        action, key_id = self.form.pop("accion", ""), self.form.pop("clave", "")
        accounts = self.services.accounts
        minted = refused_id = None
        try:
            with self.refusing():
                if action == "crear":
                    wish = KeyWishBody.read_form(self.form)
                    made = wish.lifetime, wish.name, wish.limit
                    minted = await accounts.create_key(self.principal, *made)
                elif action in {"rotar", "rotar-hora"}:
                    grace = GRACE if action == "rotar-hora" else timedelta()
                    minted = (await accounts.rotate_key(self.principal, key_id, grace)).new
                else:
                    await accounts.revoke_key(self.principal, key_id)
                    self.go("claves?hecho=revocada")
                    return
                self.form.clear()
        except errors.Conflict:
            self.set_status(409)
            refused_id = key_id
        await self._list(minted, refused_id)

    async def _list(self, minted: MintedKey | None = None, refused_id: str | None = None) -> None:
        text = self.get_query_argument(SEARCH, "")[:NAME_CHARACTERS]
        now = self.services.accounts.now()
        keys = await self.own_keys()
        active = [key for key in keys if key.status(now) == "active"]
        conflict = ""
        if refused_id is not None:
            is_active = not refused_id or any(key.key_id == refused_id for key in active)
            conflict = TOO_MANY_KEYS if is_active else KEY_HAS_ENDED
        part = searchable(text)
        found = [key for key in keys if part in searchable(f"{key.name or ''} {key.prefix}")]
        found_active = [key for key in found if key.status(now) == "active"]
        self.show(
            "keys.html",
            active=self.page_of(found_active, KEYS_A_PAGE),
            count=len(found_active),
            ended=[key for key in found if key.status(now) != "active"],
            wanted=text,
            has_search=len(keys) > KEYS_A_PAGE or bool(text),
            minted=minted,
            example=json_encode(dict(EXAMPLE)),
            plan_limit=limit_of(self.principal.plan, self.services.settings.plans),
            done=self.done(KEYS_DONE),
            conflict=conflict,
        )


class KeyUseHandler(OwnKeysPage):
    """``/claves/uso``: a key's newest call, for the page that has shown the key."""

    async def get(self) -> None:
        key_id = self.get_query_argument("clave", "")
        keys = [key for key in await self.own_keys() if key.key_id == key_id]
        call = None
        if keys and (keys[0].last_used_at or self.services.store.is_used(key_id)):
            search = self.services.log_watch.search(lambda entry: entry.key_id == key_id, 1)
            for line in (await search).lines:
                call = {"estado": line.entry.status, "ms": line.entry.timings_ms.get("total")}
        self.answer({"llamada": call})
