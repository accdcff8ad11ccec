"""Sessions in a browser: the rungs for pages that want one, logging in, and logging out.

``SignedInPage`` promises that the reader has logged in; ``OperatorPage``, that it is an operator.
The surprise: the cookie cannot be marked ``Secure``, because whether a proxy before the service
spoke TLS cannot be known here. See decision 0072.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado.web import Finish

from cardiorisk.errors import InvalidAccount, InvalidLogin, OperatorOnly
from cardiorisk.registration import PASSWORD, USERNAME, parse_login
from cardiorisk.tokens import SESSION_LIFETIME
from cardiorisk.web.cookies import SESSION_COOKIE
from cardiorisk.web.pages.base import PageHandler
from cardiorisk.web.pages.forms import local_page
from cardiorisk.web.pages.languages import marked

if TYPE_CHECKING:
    from cardiorisk.keys import Principal

HOME = "cuenta"
NEXT = "siguiente"


class SignedInPage(PageHandler):
    """A page for readers who have logged in; others are sent to do so, and back."""

    async def admit(self) -> None:
        """Let in who has a session.

        Raises:
            Finish: nobody has; the answer leads to the login.
        """
        await super().admit()
        if self.caller is None:
            self.go(f"entrar?{NEXT}={local_page(self.route[1:], HOME)}")
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


class LoginPageHandler(PageHandler):
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
        name = self.form.get(USERNAME.wire_name, "")
        members = {
            USERNAME.wire_name: name,
            PASSWORD.wire_name: self.form.get(PASSWORD.wire_name, ""),
        }
        try:
            cookie = await self.services.accounts.begin_session(
                parse_login(members), self.request.remote_ip or ""
            )
        except (InvalidLogin, InvalidAccount):
            self.set_status(401)
            self._ask(name, marked("The name or the password is wrong."))
        else:
            self.begin_session(cookie)
            self.go(self._next())

    def begin_session(self, cookie: str) -> None:
        """Have the browser keep the session's cookie until it is closed or the session ends."""
        self.set_cookie(
            SESSION_COOKIE,
            cookie,
            max_age=round(SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="Strict",
        )

    def _next(self) -> str:
        return local_page(self.get_query_argument(NEXT, ""), HOME)

    def _ask(self, username: str = "", fault: str = "") -> None:
        self.show("login.html", username=username, fault=fault, next_page=self._next())


class LogoutPageHandler(PageHandler):
    """``/salir``: end the session, also where it has ended by itself."""

    async def post(self) -> None:
        """End the session and forget its cookie."""
        if self.caller is not None:
            await self.services.accounts.logout(self.caller)
        self.clear_cookie(SESSION_COOKIE, httponly=True, samesite="Strict")
        self.go("entrar")
