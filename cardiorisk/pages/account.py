"""An account's pages, and the rungs for pages that need a session.

A key that was just made stands in the answer to the form, which is no redirect, and nowhere else.
"""

from datetime import timedelta

from tornado.escape import json_encode
from tornado.web import Finish

from cardiorisk import errors
from cardiorisk.identity import texts
from cardiorisk.identity.texts import PASSWORD, USERNAME, Login
from cardiorisk.identity.tokens import SESSION_LIFETIME
from cardiorisk.limits.window import limit_of, require_plan
from cardiorisk.pages.base import NEXT, PageHandler, local_page
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import EXAMPLE
from cardiorisk.store import rows_keys
from cardiorisk.store.values import KeyRecord, MintedKey
from cardiorisk.web import credentials
from cardiorisk.web import shapes_accounts as shapes

HOME = "cuenta"
SOLD_PLANS = ("freemium", "premium")
NO_HOLDER = marked("No account is waiting for this key.")
REFUSED_KEYS = {
    errors.InvalidKey: NO_HOLDER,
    errors.LimitedKey: NO_HOLDER,
    errors.Conflict: marked("The account of this key has a password already: log in with it."),
}
REFUSED_PASSWORDS = {
    errors.InvalidLogin: marked("The password is wrong."),
    errors.Conflict: marked("It is the last operator's. Make another operator first."),
}
TOO_MANY_KEYS = marked("An account may have 20 active keys. Revoke one of them first.")
KEY_HAS_ENDED = marked("This key had been replaced or revoked, or had expired. Nothing was done.")
GRACES = {"rotar": timedelta(), "rotar-hora": timedelta(hours=1)}
KEYS_A_PAGE = 20


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
        where = self.address, credentials.device_cookie(self)
        cookie = await self.services.accounts.begin_session(login, *where)
        max_age = round(SESSION_LIFETIME.total_seconds())
        credentials.give_cookie(self, credentials.SESSION_COOKIE, cookie, max_age=max_age)
        credentials.give_device_cookie(self, login.username, self.services.store.tokens)


class LoginPageHandler(SessionPage):
    is_for_strangers = True
    is_done_once = False  # another session does no harm

    def get(self) -> None:
        if self.caller is not None:
            self.go(self._next())
        else:
            self.show("login.html", next_page=self._next())

    async def post(self) -> None:
        next_page = self._next()  # what cannot be read is refused before anything is counted
        # An empty password is asked for, and not counted as a wrong one.
        if not self.lacks(USERNAME, PASSWORD):
            try:
                await self.log_in(shapes.LoginBody.accept(self.form).login)
            except (errors.InvalidLogin, errors.InvalidAccount):
                self.refuse({PASSWORD: marked("The name or the password is wrong.")})
                self.set_status(401)
            else:
                self.go(next_page)
                return
        self.show("login.html", next_page=next_page)

    def write_problem(self, error: errors.ServiceError) -> None:
        if isinstance(error, errors.AccountSuspended | errors.TooManyAttempts):
            self.notice = self.told(error)
            self.write(self.rendered("login.html", next_page=self._next()))
        else:
            super().write_problem(error)

    def _next(self) -> str:
        return local_page(self.get_query_argument(NEXT, ""), HOME)


class RegisterPageHandler(SessionPage):
    is_for_strangers = True

    def get(self) -> None:
        if self.is_closed:
            raise errors.RegistrationClosed
        self.show("register.html")

    async def post(self) -> None:
        key = self.form.pop("key", "").strip()
        if self.is_closed and not key:
            raise errors.RegistrationClosed
        with self.refusing("key", REFUSED_KEYS):
            holder = await self.services.store.principal(key) if key else None
            wish = texts.Registration(**dict(shapes.RegistrationBody.accept(self.form)))
            await self.services.accounts.register(wish, self.address, holder)
            await self.log_in(Login(wish.username, wish.password))
        if self.faults:
            self.show("register.html")
        else:
            self.go(HOME)

    def write_problem(self, error: errors.ServiceError) -> None:
        if isinstance(error, errors.RegistrationClosed):
            self.notice = self.told(error)
            self.write(self.rendered("register.html"))
        else:
            super().write_problem(error)

    @property
    def is_closed(self) -> bool:
        return self.services.settings.registration == "closed"


class LogoutPageHandler(PageHandler):
    is_done_once = False

    def require_own_form(self) -> None:
        if self.caller is not None:  # else there is nothing to end
            super().require_own_form()

    async def post(self) -> None:
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        if credentials.session_cookie(self):  # else another site may have sent this without it
            credentials.give_cookie(self, credentials.SESSION_COOKIE, "", expires_days=-365)
        self.go("entrar")


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
        )

    async def post(self) -> None:
        action = self.form.pop("accion", "")
        # An empty password is asked for, and not counted as a wrong one.
        needed = (PASSWORD, texts.NEW_PASSWORD) if action == "clave" else (PASSWORD,)
        if not self.lacks(*needed, form=action):
            with self.refusing(PASSWORD, REFUSED_PASSWORDS, action):
                self.go(await self._do(action))
        if self.faults:
            await self.get()

    async def _do(self, action: str) -> str:
        accounts, where = self.services.accounts, (self.address, credentials.device_cookie(self))
        members = self.form | {USERNAME: self.principal.name}
        if action == "borrar":
            password = shapes.DeletionBody.accept(self.form).password
            await accounts.delete(self.principal, password, *where)
            credentials.give_cookie(self, credentials.SESSION_COOKIE, "", expires_days=-365)
            return "entrar?hecho=borrada"
        if action == "plan":
            plan = members.pop("plan", "")
            login = shapes.LoginBody.accept(members).login
            require_plan(plan, SOLD_PLANS)
            await accounts.switch_plan(login, plan, *where)
            return f"{HOME}?hecho={'mismo' if plan == self.principal.plan else 'plan'}"
        change = shapes.PasswordChangeBody.accept(members)
        await accounts.change_password(change.login, change.new_password, *where)
        await self.log_in(Login(change.username, change.new_password))
        return f"{HOME}?hecho=clave"


class OwnKeysPage(SignedInPage):
    async def own_keys(self) -> tuple[KeyRecord, ...]:
        account_id = self.principal.account_id
        keys = await self.services.store.read(lambda rows: rows_keys.list_keys(rows, account_id))
        return keys[::-1]


class KeysPageHandler(OwnKeysPage):
    async def get(self) -> None:
        await self._list()

    async def post(self) -> None:
        action, key_id = self.form.pop("accion", ""), self.form.pop("clave", "")
        accounts, minted = self.services.accounts, None
        try:
            with self.refusing():
                if action == "crear":
                    wish = shapes.KeyWishBody.read_form(self.form)
                    made = wish.lifetime, wish.name, wish.limit
                    minted = await accounts.create_key(self.principal, *made)
                elif action in GRACES:
                    rotation = await accounts.rotate_key(self.principal, key_id, GRACES[action])
                    minted = rotation.new
                else:
                    await accounts.revoke_key(self.principal, key_id)
                    self.go("claves?hecho=revocada")
                    return
                self.form.clear()
        except errors.Conflict:
            self.set_status(409)
            now = accounts.now()
            active = {key.key_id for key in await self.own_keys() if key.status(now) == "active"}
            self.notice = TOO_MANY_KEYS if key_id in {"", *active} else KEY_HAS_ENDED
        await self._list(minted)

    async def _list(self, minted: MintedKey | None = None) -> None:
        wanted = self.get_query_argument("buscar", "")[: texts.NAME_CHARACTERS]
        keys, now = await self.own_keys(), self.services.accounts.now()
        part = texts.searchable(wanted)
        found = [key for key in keys if part in texts.searchable(f"{key.name or ''} {key.prefix}")]
        active = [key for key in found if key.status(now) == "active"]
        self.show(
            "keys.html",
            active=self.page_of(active, KEYS_A_PAGE),
            count=len(active),
            ended=[key for key in found if key.status(now) != "active"],
            wanted=wanted,
            has_search=len(keys) > KEYS_A_PAGE or bool(wanted),
            minted=minted,
            example=json_encode(dict(EXAMPLE)),
            plan_limit=limit_of(self.principal.plan, self.services.settings.plans),
        )


class KeyUseHandler(OwnKeysPage):
    """``/claves/uso``: a key's newest call, for the page that has shown the key."""

    async def get(self) -> None:
        key_id = self.get_query_argument("clave", "")
        keys = [key for key in await self.own_keys() if key.key_id == key_id]
        call, watch = None, self.services.log_watch
        is_used = keys and (keys[0].last_used_at or self.services.store.is_used(key_id))
        if is_used and watch.has_room:  # else the page asks again
            search = watch.search(lambda entry: entry.key_id == key_id, 1)
            for line in (await search).lines:
                call = {"estado": line.entry.status, "ms": line.entry.timings_ms.get("total")}
        self.answer({"llamada": call})
