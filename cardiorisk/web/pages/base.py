"""What every page is: a request like any other, answered in HTML and in the reader's language.

A page must not decide anything about a patient or an account: its scripts ask the API for that, as
any other client would. The surprise: no page may hold a script or a style, not even a ``style``
attribute; the policy below makes a browser refuse them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.errors import NotFound
from cardiorisk.web.base import BaseHandler
from cardiorisk.web.pages.languages import DEFAULT, LANGUAGES, preferred

if TYPE_CHECKING:
    from cardiorisk.web.pages.languages import Language

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LANGUAGE_PARAMETER = "idioma"
"""Both the parameter that chooses a language and the cookie that keeps the choice."""
_ONE_YEAR = "public, max-age=31536000, immutable"
_CHOICE_DAYS = 365


class PageHandler(BaseHandler):
    """A page in the language that was just chosen, else the one kept, else the browser's."""

    def get_user_locale(self) -> Language | None:
        """Return the language that the reader chose, keeping a new choice."""
        chosen = self.get_query_argument(LANGUAGE_PARAMETER, "")
        if chosen in LANGUAGES:
            self.set_cookie(
                LANGUAGE_PARAMETER,
                chosen,
                expires_days=_CHOICE_DAYS,
                httponly=True,
                samesite="Strict",
            )
            return self._language(chosen)
        kept = self.get_cookie(LANGUAGE_PARAMETER, "")
        return self._language(kept) if kept in LANGUAGES else None

    def get_browser_locale(self, default: str = DEFAULT) -> Language:  # noqa: ARG002 - Tornado's
        """Return the language that the browser likes best."""
        return self._language(preferred(self.request.headers.get("Accept-Language", "")))

    def show(self, template: str, **names: Any) -> None:
        """Answer with a page.

        Args:
            template: its file.
            names: what the template uses beside ``_`` and ``language``.
        """
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        assets = f"static/{self.services.files.assets_version}"
        code = self.locale.code
        self.set_header("Content-Language", code)
        self.finish(self.render_string(template, assets=assets, language=code, **names))

    @property
    def texts(self) -> dict[str, str]:
        """The reader's words for the English texts, for the page's scripts."""
        return dict(self._language(self.locale.code).texts)

    def _language(self, code: str) -> Language:
        language: Language = self.settings["languages"][code]
        return language


class AssetHandler(BaseHandler):
    """``/static/{version}/{file}``: what the pages are made of.

    The version stands in the path, so that a module's relative imports carry it along.
    """

    def get(self, version: str, name: str) -> None:
        """Send the file, to be kept for a year.

        Raises:
            NotFound: it is not one of them, or of another version, which must not be kept.
        """
        files = self.services.files
        served = files.assets.get(name)
        if served is None or version != files.assets_version:
            raise NotFound("there is no such file")
        self.set_header("Content-Type", served.content_type)
        self.set_header("Cache-Control", _ONE_YEAR)
        self.finish(served.body)

    head = get
