"""A browser's cookies: whose session a request belongs to, and whether our page sent it.

Any site can make a browser send its cookies, so a request must also carry the XSRF token that
belongs to its cookie, which only our pages hold: the cookie, signed. See decision 0009.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from cardiorisk.errors import WrongXsrfToken
from cardiorisk.identity.tokens import DEVICE_LIFETIME, Tokens

SESSION_COOKIE = "sesion"
DEVICE_COOKIE = "dispositivo"
"""Shows that a name has logged in there before; see ``limits/throttle.py``."""
XSRF_HEADER = "X-XSRFToken"
_PORTS = {"http": 80, "https": 443}
LONGEST_COOKIE = 1024
"""Characters that are looked at; a session's cookie has about 400."""
MOST_COOKIES = 200
"""A browser keeps 180 of a site at most."""


def session_cookie(handler: RequestHandler) -> str:
    return find_cookie(handler, SESSION_COOKIE)


def device_cookie(handler: RequestHandler) -> str:
    return find_cookie(handler, DEVICE_COOKIE)


def give_cookie(handler: RequestHandler, name: str, value: str, **lifetime: Any) -> None:
    """Give the browser a cookie that no script can read and no other site can have sent.

    Over https, as far as a trusted proxy says so, it is never sent by http.
    """
    is_secure = handler.request.protocol == "https"
    handler.set_cookie(name, value, httponly=True, samesite="Strict", secure=is_secure, **lifetime)


def give_device_cookie(handler: RequestHandler, name: str, tokens: Tokens) -> None:
    max_age = round(DEVICE_LIFETIME.total_seconds())
    give_cookie(handler, DEVICE_COOKIE, tokens.device_token(name), max_age=max_age)


def find_cookie(handler: RequestHandler, name: str) -> str:
    """Return a cookie; empty where it is missing or long, or where there are far too many."""
    if handler.request.headers.get("Cookie", "").count(";") >= MOST_COOKIES:
        return ""  # to read thousands would keep others waiting
    cookie = handler.get_cookie(name) or ""
    return cookie if len(cookie) <= LONGEST_COOKIE else ""


def require_own_page(request: HTTPServerRequest, given: str, cookie: str, tokens: Tokens) -> None:
    """Check that a request comes from a page of ours: by what the browser says, and by token."""
    if not _is_from_here(request):
        raise WrongXsrfToken(
            "a cookie speaks for you, and the browser says that a page elsewhere has sent this; "
            "behind a proxy, have it pass Host on"
        )
    expected = tokens.xsrf_token(cookie).encode()
    if not cookie or not hmac.compare_digest(expected, given.encode("utf-8", "replace")):
        raise WrongXsrfToken(
            f"a cookie speaks for you, so send the page's token too, in {XSRF_HEADER}; "
            "load the page again if it is an old one"
        )


def _is_from_here(request: HTTPServerRequest) -> bool:
    """Tell whether a request comes from a page of ours, as far as its browser says.

    ``Sec-Fetch-Site`` comes first, as no proxy changes it. Else ``Origin`` is held against
    ``Host``: its scheme is not, since a proxy with TLS calls by http, and its port only where
    ``Host`` has one, which a proxy may leave out.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None or origin is None:
        return site in {None, "same-origin", "none"}
    try:
        ours, theirs = urlsplit(f"//{request.host}"), urlsplit(origin)
        ports = {None, theirs.port or _PORTS.get(theirs.scheme)}
    except ValueError:  # it is none
        return False
    return theirs.hostname == ours.hostname and ours.port in ports
