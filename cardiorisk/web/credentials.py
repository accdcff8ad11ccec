"""What is told to callers who send a key where it is not looked for, and never the key itself."""

import re

from tornado.httputil import HTTPServerRequest

from cardiorisk.identity.keys import shows_credential

HOW = "send `Authorization: <key>` or `Authorization: Bearer <key>`"
_HEADERS = (
    *("X-API-Key", "API-Key", "ApiKey", "X-API-Token", "X-Auth-Token", "X-Access-Token"),
    *("X-Authorization", "Auth", "Token", "Key", "Ocp-Apim-Subscription-Key"),
)
_PARAMETER = re.compile(
    r"(?i)(^|[&;]) ?(x[-_])?((api|access|auth)[-_]?)?(key|token|authorization)="
)
"""Of a query string or of cookies, a name that is given to keys."""
_SCHEMES = {"basic": "Basic", "apikey": "ApiKey", "api-key": "Api-Key", "token": "Token"}
_SCHEMES |= {"digest": "Digest", "key": "Key", "jwt": "JWT", "negotiate": "Negotiate"}


def said_of_missing(request: "HTTPServerRequest") -> str:
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
