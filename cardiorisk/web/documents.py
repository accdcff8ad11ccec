"""The API's description and the page that shows it, offline and with nothing inline."""

from __future__ import annotations

from cardiorisk.errors import NotFound
from cardiorisk.web.handlers import BaseHandler

# Swagger UI's style sheet has its icons in itself, hence the one "data:".
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ONE_YEAR = "public, max-age=31536000, immutable"


class OpenApiHandler(BaseHandler):
    """``/openapi.json``: the description."""

    def get(self) -> None:
        """Send it."""
        self.set_header("Content-Type", "application/json")
        self.finish(self.services.files.openapi)

    head = get


class DocsHandler(BaseHandler):
    """``/docs``: the page."""

    def get(self) -> None:
        """Send it."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(self.services.files.page)

    head = get


class DocsFileHandler(BaseHandler):
    """``/docs/{file}``: what the page is made of."""

    def get(self, name: str) -> None:
        """Send the file, to be kept: the page asks for another version by another URL.

        Raises:
            NotFound: it is not one of them.
        """
        served = self.services.files.by_name.get(name)
        if served is None:
            raise NotFound("there is no such file")
        self.set_header("Content-Type", served.content_type)
        self.set_header("Cache-Control", _ONE_YEAR)
        self.finish(served.body)

    head = get
