"""Sessions in a browser: the rungs for pages that want one, registering, logging in and out.

``SignedInPage`` promises that the reader has logged in; ``OperatorPage``, that it is an operator.
The surprise: the cookie cannot be marked ``Secure``, because whether a proxy before the service
spoke TLS cannot be known here. See decision 0009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tornado.web import Finish

from cardiorisk.errors import (
    AccountSuspended,
    FieldFault,
    InvalidAccount,
    InvalidLogin,
    OperatorOnly,
    Taken,
    TooManyAttempts,
)
from cardiorisk.identity.forms import PASSWORD, USERNAME, Login, parse_login, parse_registration
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.tokens import SESSION_LIFETIME
from cardiorisk.pages.base import PageHandler
from cardiorisk.pages.forms import local_page, with_query
from cardiorisk.pages.languages import marked
from cardiorisk.web.cookies import SESSION_COOKIE

if TYPE_CHECKING:
    from cardiorisk.errors import ServiceError
    from cardiorisk.identity.keys import Principal

HOME = "cuenta"
NEXT = "siguiente"
WRONG_LOGIN = marked("The name or the password is wrong.")


class SignedInPage(PageHandler):
    """A page for readers who have logged in; others are sent to do so, and back."""

    async def admit(self) -> None:
        """Let in who has a session.

        Raises:
            Finish: nobody has; the answer leads to the login.
        """
        await super().admit()
        if self.caller is None:
            query = "" if may_hold_key(self.request.query) else self.request.query
            wanted = local_page(with_query(self.route[1:], query), HOME)
            self.go(f"entrar?{NEXT}={quote(wanted)}")
            raise Finish

    @property
    def principal(self) -> Principal:
        """Who is reading; known from ``admit`` on."""
        assert self.caller is not None  # noqa: S101 - for mypy; admit has let the reader in
        return self.caller


class OperatorPage(SignedInPage):
    """A page for operators."""

    async def admit(self) -> None:
        """Let in operators.

        Raises:
            OperatorOnly: the reader is known and no operator.
        """
        await super().admit()
        if not self.principal.is_operator:
            raise OperatorOnly("this page is for operators")


class SessionPage(PageHandler):
    """A page that may begin a session."""

    @property
    def address(self) -> str:
        """The reader's address, by which attempts are counted."""
        return self.request.remote_ip or ""

    async def log_in(self, login: Login) -> None:
        """Begin a session whose cookie the browser keeps as long as it lasts.

        Raises:
            InvalidLogin: the name or the password is wrong.
            TooManyAttempts: the name or the client's address has failed too often.
        """
        cookie = await self.services.accounts.begin_session(login, self.address)
        self.set_cookie(
            SESSION_COOKIE,
            cookie,
            max_age=round(SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="Strict",
        )


class LoginPageHandler(SessionPage):
    """``/entrar``: a name and a password for a session."""

    def get(self) -> None:
        """Show the form, or what comes after it to who has logged in already."""
        if self.caller is not None:
            self.go(self._next())
        else:
            self._ask()

    head = get

    async def post(self) -> None:
        """Begin a session, or say what is wrong."""
        next_page = self._next()  # what cannot be read is refused before anything is counted
        # An empty password is asked for, and not counted as a wrong one.
        if self.lacks(USERNAME.wire_name, PASSWORD.wire_name):
            self._ask()
            return
        try:
            await self.log_in(parse_login(self.form))
        except (InvalidLogin, InvalidAccount):
            self.refuse([FieldFault(PASSWORD.wire_name, "")], said=WRONG_LOGIN)
            self.set_status(401)
            self._ask()
        else:
            self.go(next_page)

    def write_problem(self, error: ServiceError) -> None:
        """Show the form again to who has to wait or to ask, with the reason."""
        if isinstance(error, AccountSuspended | TooManyAttempts):
            names = {"next_page": self._next(), "notice": self.told(error)}
            self.write(self._rendered("login.html", **names))
        else:
            super().write_problem(error)

    def _next(self) -> str:
        return local_page(self.get_query_argument(NEXT, ""), HOME)

    def _ask(self) -> None:
        self.show("login.html", next_page=self._next(), notice="")


class RegisterPageHandler(SessionPage):
    """``/registro``: a new account, and a session for it."""

    def get(self) -> None:
        """Show the form."""
        self.show("register.html")

    head = get

    async def post(self) -> None:
        """Make the account and begin a session, or say at each field what is wrong."""
        try:
            registration = parse_registration(self.form)
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
    """``/salir``: end the session, also where it has ended by itself."""

    async def post(self) -> None:
        """End the session and forget its cookie."""
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        self.clear_cookie(SESSION_COOKIE, httponly=True, samesite="Strict")
        self.go("entrar")
