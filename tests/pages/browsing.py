"""A browser without a screen: it keeps cookies and sends forms with the token that it was given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cardiorisk.store import rows_accounts
from tests.support import change_account, create_key

if TYPE_CHECKING:
    from tornado.httpclient import HTTPResponse

    from cardiorisk.config import Settings
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Caller

NAME, PASSWORD = "ana", "correct horse battery"
REGISTRATION = {"username": NAME, "password": PASSWORD, "email": "ana@example.org"}


@dataclass
class Reader:
    """Somebody who reads the pages; ``token`` is the one in the page that was read last."""

    caller: Caller
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    async def open(self, path: str) -> HTTPResponse:
        return await self._send("GET", path)

    async def send(self, path: str, **fields: str) -> HTTPResponse:
        """Send a form of the page that was read last."""
        return await self._send("POST", path, urlencode({"_xsrf": self.token} | fields))

    async def call(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> HTTPResponse:
        """Call the API as a script of the page does."""
        sent = self.token if token is None else token
        headers = {"X-XSRFToken": sent} if sent else {}
        return await self._send(method, path, body, headers)

    async def log_in(self, name: str = NAME, password: str = PASSWORD) -> HTTPResponse:
        await self.open("/entrar")
        answer = await self.send("/entrar", username=name, password=password)
        await self.open("/")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = (headers or {}) | ({"Cookie": cookies} if cookies else {})
        sent_body = body.encode() if isinstance(body, str) else body
        response = await self.caller.send(method, path, sent_body, sent)
        for line in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
        found = re.search(r'name="_xsrf" value="([0-9a-f]+)"', response.body.decode())
        self.token = found[1] if found else self.token
        return response


async def registered(caller: Caller) -> Reader:
    """Register Ana, and give her a browser that has logged in."""
    assert (await caller.send("POST", "/register", dict(REGISTRATION))).code == 201
    reader = Reader(caller)
    assert (await reader.log_in()).code == 303
    return reader


async def operating(stranger: Caller, settings: Settings, app: CardioriskApplication) -> Reader:
    """Give Ana, who is account 1, an operator's browser, and Bruno account 2 and a key."""
    reader = await registered(stranger)
    create_key(settings, "bruno", "freemium")
    change_account(settings, NAME, rows_accounts.set_operator, is_operator=True)
    await app.services.store.refresh()
    await reader.open("/panel/cuentas")
    return reader
