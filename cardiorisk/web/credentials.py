"""How a caller is known: by a key in ``Authorization``, and a browser by its cookies.

Any site can make a browser send its cookies, so a request must also carry the XSRF token that
belongs to its cookie, which only our pages hold: the cookie, signed. See decision 0009.
"""

import hmac
import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from cardiorisk.errors import WrongXsrfToken
from cardiorisk.identity.keys import shows_credential
from cardiorisk.identity.tokens import DEVICE_LIFETIME, Tokens

SESSION_COOKIE = "sesion"
DEVICE_COOKIE = "dispositivo"  # that a name has logged in there before; see limits/throttle.py
XSRF_HEADER = "X-XSRFToken"
LONGEST_COOKIE = 1024  # characters that are looked at; a session's cookie has about 400
MOST_COOKIES = 200  # a browser keeps 180 of a site at most
_PORTS = {"http": 80, "https": 443}

HOW = "send `Authorization: <key>` or `Authorization: Bearer <key>`"
_HEADERS = ("X-API-Key", "API-Key", "ApiKey", "X-Auth-Token", "X-Access-Token", "Token")
# Of a query string or of cookies, a name that is given to keys.
_PARAMETER = re.compile(
    r"(?i)(^|[&;]) ?(x[-_])?((api|access|auth)[-_]?)?(key|token|authorization)="
)
_SCHEMES = {name.lower(): name for name in ("Basic", "ApiKey", "Api-Key", "Token", "Digest", "JWT")}


def said_of_missing(request: HTTPServerRequest) -> str:
    headers = request.headers
    header = next((name for name in _HEADERS if name in headers), "")
    if header:
        return f"a key in {header} is not looked at: {HOW}"
    for place, text in (("the URL", request.query), ("a cookie", headers.get("Cookie", ""))):
        if shows_credential(text) or _PARAMETER.search(text):
            return f"a key in {place} is not looked at: {HOW}"
    if any(map(shows_credential, headers.values())):
        return f"a key in another header is not looked at: {HOW}"
    return "send your API key in the Authorization header"


def said_of_scheme(authorization: str) -> str:
    scheme = _SCHEMES.get(authorization.partition(" ")[0].lower().rstrip(":"), "this")
    more = "; POST /login takes a name and a password" if scheme == "Basic" else ""
    return f"Authorization in the form of {scheme} is not understood: {HOW}{more}"


def give_cookie(handler: RequestHandler, name: str, value: str, **lifetime: Any) -> None:
    """Give the browser a cookie that no script can read and no other site can have sent."""
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


session_cookie = partial(find_cookie, name=SESSION_COOKIE)
device_cookie = partial(find_cookie, name=DEVICE_COOKIE)


def require_own_page(request: HTTPServerRequest, given: str, cookie: str, tokens: Tokens) -> None:
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
