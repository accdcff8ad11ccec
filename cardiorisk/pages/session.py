"""Sessions in a browser: the rungs for pages that need one, registering, logging in and out.

The cookie cannot be marked ``Secure``, because whether a proxy before the service spoke TLS cannot
be known here. See decision 0009.
"""

import re
from urllib.parse import quote

from tornado.web import Finish

from cardiorisk.errors import (
    AccountSuspended,
    FieldFault,
    InvalidAccount,
    InvalidLogin,
    OperatorOnly,
    ServiceError,
    Taken,
    TooManyAttempts,
)
from cardiorisk.identity.forms import PASSWORD, USERNAME, Login
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.tokens import SESSION_LIFETIME
from cardiorisk.pages.base import PageHandler
from cardiorisk.pages.languages import marked
from cardiorisk.web.cookies import SESSION_COOKIE
from cardiorisk.web.shapes_accounts import LoginBody, RegistrationBody

HOME = "cuenta"
NEXT = "siguiente"
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
            raise OperatorOnly("this page is for operators")


class SessionPage(PageHandler):
    async def log_in(self, login: Login) -> None:
        """Begin a session whose cookie the browser keeps as long as it lasts."""
        cookie = await self.services.accounts.begin_session(login, self.address)
        self.give_cookie(SESSION_COOKIE, cookie, max_age=round(SESSION_LIFETIME.total_seconds()))


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
        except (InvalidLogin, InvalidAccount):
            said = marked("The name or the password is wrong.")
            self.refuse([FieldFault(PASSWORD, "")], said=said)
            self.set_status(401)
            self._ask()
        else:
            self.go(next_page)

    def write_problem(self, error: ServiceError) -> None:
        """Show the form again to who has to wait or to ask, with the reason."""
        if isinstance(error, AccountSuspended | TooManyAttempts):
            notice = self.told(error)
            self.write(self.rendered("login.html", next_page=self._next(), notice=notice))
        else:
            super().write_problem(error)

    def _next(self) -> str:
        return local_page(self.get_query_argument(NEXT, ""), HOME)

    def _ask(self) -> None:
        self.show("login.html", next_page=self._next(), notice="")


class RegisterPageHandler(SessionPage):
    def get(self) -> None:
        self.show("register.html")

    head = get

    async def post(self) -> None:
        try:
            registration = RegistrationBody.accept(self.form).registration
            await self.services.accounts.register(registration, self.address)
        except InvalidAccount as error:
            self.refuse(error.faults)
            self.show("register.html")
        except Taken as error:
            self.refuse(error.faults, said=marked("It belongs to another account."))
            self.show("register.html")
        else:
            await self.log_in(Login(registration.username, registration.password))
            self.go(HOME)


class LogoutPageHandler(PageHandler):
    """``/salir``: end the session and forget its cookie, also where it has ended by itself."""

    async def post(self) -> None:
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        self.clear_cookie(SESSION_COOKIE, httponly=True, samesite="Strict")
        self.go("entrar")


def local_page(text: str, otherwise: str) -> str:
    """Return a text where it can only be the path of a page of ours, without its first slash.

    Letters and a slash between them are all that is let through before a question mark, and what
    a query is made of after it, so no other server and no header can be named.
    """
    return text if _PAGE.fullmatch(text) else otherwise
