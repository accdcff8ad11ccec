"""Browser applications elsewhere: which may call the API, and what they may see of its answers.

No answer allows credentials: a cookie opens nothing to such a page, which sends its key.
"""

from collections.abc import Collection

from cardiorisk.config import ANY_ORIGIN
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.tornado_inside import LeanHandler

# What a page elsewhere may send, and what it may read, beside what any page may.
SENT_HEADERS = "Authorization, Content-Type, Inference-Header-Content-Length, X-Request-ID"
SHOWN_HEADERS = (
    "Inference-Header-Content-Length, Location, Link, RateLimit, RateLimit-Policy, Retry-After, "
    "Server-Timing, WWW-Authenticate, X-Request-ID"
)
KEPT_SECONDS = 7200


def for_origins(allowed: Collection[str], handler: type[LeanHandler]) -> type[LeanHandler]:
    return type(handler.__name__, (CrossOriginHandler, handler), {}) if allowed else handler


class CrossOriginHandler(BaseHandler):
    """A handler whose answers, failures too, say which page may see them."""

    def options(self, *arguments: str) -> None:
        if self._allowed_origin() and "Access-Control-Request-Method" in self.request.headers:
            self.set_header("Access-Control-Allow-Methods", ", ".join(self.allowed_methods))
            self.set_header("Access-Control-Allow-Headers", SENT_HEADERS)
            self.set_header("Access-Control-Max-Age", str(KEPT_SECONDS))
        super().options(*arguments)

    def _set_last_headers(self) -> None:
        super()._set_last_headers()
        origin = self._allowed_origin()
        if origin != ANY_ORIGIN:
            self.add_header("Vary", "Origin")
        if origin:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Expose-Headers", SHOWN_HEADERS)

    def _allowed_origin(self) -> str:
        given = self.request.headers.get("Origin")
        allowed = self.services.settings.allowed_origins
        return next((origin for origin in allowed if origin in {ANY_ORIGIN, given}), "")
