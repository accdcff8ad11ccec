"""A browser without a screen: it keeps cookies and sends forms with the token that it was given."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tornado.httpclient import HTTPResponse

from tests.support import Caller

NAME, PASSWORD = "ana", "correct horse battery"
REGISTRATION = {"username": NAME, "password": PASSWORD, "email": "ana@example.org"}
ASKS_FOR_PAGES = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@dataclass
class Reader:
    """Somebody who reads the pages.

    Attributes:
        token: the one in the page that was read last.
        owner: whose forms are on it.
        key: of the form that was sent last.
        says: headers by which the browser tells where its requests come from.
    """

    caller: Caller
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    owner: str = "0"
    key: str = ""
    says: dict[str, str] = field(default_factory=dict)

    async def open(self, path: str) -> HTTPResponse:
        return await self._send("GET", path)

    async def read(self, path: str) -> str:
        return text(await self.open(path))

    async def send(self, path: str, **fields: str) -> HTTPResponse:
        """Send a form of the page that was read last, as if it had been loaded anew for it."""
        self.key = f"{self.token}.{secrets.token_hex(16)}.{self.owner}" if self.token else ""
        return await self.send_again(path, **fields)

    async def send_again(self, path: str, **fields: str) -> HTTPResponse:
        """Send the form that was sent last, as a second press of its button does."""
        return await self._send("POST", path, urlencode({"_xsrf": self.key} | fields).encode())

    async def call(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> HTTPResponse:
        """Call the API as a script of the page does."""
        sent = self.token if token is None else token
        return await self._send(method, path, body, {"X-XSRFToken": sent} if sent else {})

    async def register(self, name: str = NAME) -> None:
        await self.open("/registro")
        fields = REGISTRATION | {"username": name, "email": f"{name}@example.org"}
        assert (await self.send("/registro", **fields)).code == 303
        await self.open("/")

    async def log_in(self, name: str = NAME, password: str = PASSWORD) -> HTTPResponse:
        await self.open("/entrar")
        answer = await self.send("/entrar", username=name, password=password)
        await self.open("/")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = (headers or {}) | self.says | ({"Cookie": cookies} if cookies else {})
        response = await self.caller.send(method, path, body, sent)
        for line in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
        found = re.search(
            r'name="_xsrf" value="([0-9a-f]{64})\.[0-9a-f]{32}\.(\d+)"', text(response)
        )
        self.token, self.owner = found.groups() if found else (self.token, self.owner)
        return response


async def registered(caller: Caller) -> Reader:
    """Register Ana, and give her a browser that has logged in."""
    reader = Reader(caller)
    await reader.register()
    return reader


def text(response: HTTPResponse) -> str:
    return response.body.decode()


def faults(response: HTTPResponse) -> dict[str, str]:
    """Read what is said at each field, by its id."""
    return dict(re.findall(r'id="error-([a-z_-]+)">([^<]+)<', text(response)))
