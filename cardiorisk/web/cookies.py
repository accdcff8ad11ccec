"""A browser's cookies: whose session a request belongs to, and whether our page sent it.

Any site can make a browser send its cookies, so a request must also carry the XSRF token that
belongs to its cookie, which only our pages hold: the cookie, signed. See decision 0009.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from cardiorisk.errors import WrongXsrfToken

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from cardiorisk.identity.tokens import Tokens

SESSION_COOKIE = "sesion"
XSRF_HEADER = "X-XSRFToken"
LONGEST_COOKIE = 1024
"""Characters that are looked at; a session's cookie has about 400."""


def session_cookie(handler: RequestHandler) -> str:
    cookie = handler.get_cookie(SESSION_COOKIE) or ""
    return cookie if len(cookie) <= LONGEST_COOKIE else ""


def require_xsrf_token(given: str, cookie: str, tokens: Tokens) -> None:
    """Check that a request comes from a page of ours.

    Raises:
        WrongXsrfToken: the token is missing, or that of another cookie.
    """
    expected = tokens.xsrf_token(cookie).encode()
    if not cookie or not hmac.compare_digest(expected, given.encode("utf-8", "replace")):
        raise WrongXsrfToken(
            f"a cookie speaks for you, so send the page's token too, in {XSRF_HEADER}; "
            "load the page again if it is an old one"
        )
