"""What every page is: a request like any other, answered in HTML and in the reader's language.

A page decides nothing about a patient or an account: it asks for that as any other client would. It
knows its reader by the session's cookie, and takes no form without the XSRF token. No page may hold
a script or a style, not even a ``style`` attribute: the policy below makes a browser refuse them.
"""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from math import ceil
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tornado.escape import json_encode
from tornado.locale import CSVLocale

from cardiorisk import errors
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.model.card import in_words
from cardiorisk.pages.languages import FAILURES, PASSING, RULES, marked
from cardiorisk.patients.words import preferred
from cardiorisk.web.cookies import find_cookie, give_cookie, require_own_page, session_cookie
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.services import Services

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LANGUAGE_PARAMETER = "idioma"
"""Both the parameter that chooses a language and the cookie that keeps the choice."""
DONE_PARAMETER = "hecho"
VISIT_COOKIE = "visita"
"""Stands for a reader who has not logged in, so that a login form has an XSRF token too."""
XSRF_FIELD = "_xsrf"
_MOST_FIELDS = 20
_DEEPEST = 20
"""Slashes in an unknown path that is answered with a page, whose links hold a ``../`` for each."""

MANY = ("lote", marked("Many patients"))
MEMBERS_PLACES = (
    ("", marked("Try a patient")),
    MANY,
    ("cuenta", marked("Account")),
    ("claves", marked("Keys")),
    ("evaluaciones", marked("Assessments")),
)
OPERATORS_PLACES = (*MEMBERS_PLACES, ("panel", marked("Panel")))
STRANGERS_PLACES = (
    MEMBERS_PLACES[1],
    ("entrar", marked("Log in")),
    ("registro", marked("Register")),
)


class PageHandler(BaseHandler):
    """A page in the language that was just chosen, else the one kept, else the browser's."""

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        super().initialize(services, route, plan)
        self.form: dict[str, str] = {}
        self.faults: dict[str, str] = {}  # in English, by the field's id
        self._languages: Mapping[str, CSVLocale] = self.settings["languages"]

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method == "POST":
            self.form = read_form(self.request.body)
            given = self.form.pop(XSRF_FIELD, "")
            cookie = self._cookie()
            require_own_page(self.request, given, cookie, self.services.store.tokens)

    async def admit(self) -> None:
        """Find out who is reading, where a living session says so; anybody may read.

        Who is suspended reads like anybody, and is told so when they log in.
        """
        cookie = session_cookie(self)
        try:
            with suppress(errors.InvalidKey, errors.AccountSuspended):
                if cookie:
                    self.caller = await self.services.store.session_principal(cookie)
        finally:
            self.end_stage("auth")

    @property
    def root(self) -> str:
        """The way from this page to the service's root, which need not be its server's."""
        return "../" * (self.route.count("/") - 1)

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Pages to go to, by their paths and what they are called, in English."""
        if self.caller is None:
            return STRANGERS_PLACES
        return OPERATORS_PLACES if self.caller.is_operator else MEMBERS_PLACES

    def current(self, path: str) -> str:
        """Return how a place is marked in the menu: this page, one above it, or neither."""
        if self.route == f"/{path}":
            return "page"
        return "true" if path and self.route.startswith(f"/{path}/") else ""

    @property
    def form_token(self) -> str:
        """What this reader's forms and calls must carry."""
        cookie = self._cookie()
        if not cookie:
            cookie = secrets.token_hex(16)
            give_cookie(self, VISIT_COOKIE, cookie)
        return self.services.store.tokens.xsrf_token(cookie)

    def field(
        self, name: str, label: str, *, kind: str = "text", form: str = "", **more: str
    ) -> bytes:
        """Write one field of a form, with its fault; a password is never written back.

        Its id is ``form-name`` where the page has several forms. ``more`` are attributes of the
        input, and ``hint``, a text beside it.
        """
        return self.render_string(
            "field.html",
            name=name,
            id=f"{form}-{name}" if form else name,
            label=label,
            kind=kind,
            value="" if kind == "password" else self.form.get(name, ""),
            hint=more.pop("hint", ""),
            attributes=more,
        )

    def moment(self, moment: datetime) -> str:
        """Write a moment for a reader, to the minute and in UTC, as HTML."""
        return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>'

    def number(self, value: float, form: str = "g") -> str:
        """Write a number as the reader does, in a form of ``format``."""
        text = format(value, form)
        return text if self.locale.code == "en" else text.replace(".", ",")

    def percent(self, probability: float) -> str:
        """Write a probability in per cent as the page's scripts do: never as 0 nor as 100."""
        words = in_words(probability)
        if words[0] in "<>":
            return words if self.locale.code == "en" else words.replace(".", ",")
        share = 100 * probability
        decimals = 0 if share.is_integer() else max(1, len(words) - len("0.00"))
        return f"{self.number(share, f'.{decimals}f')}\N{NO-BREAK SPACE}%"

    def in_language(self, code: str) -> str:
        """Return the way to this page in another language, with the query that it was asked with.

        A key that somebody has typed into a search is left behind.
        """
        asked = {
            name: texts[-1]
            for name, texts in self.request.query_arguments.items()
            if name != LANGUAGE_PARAMETER and not may_hold_key(texts[-1].decode("latin-1"))
        }
        return f"?{urlencode(asked | {LANGUAGE_PARAMETER: code.encode()})}"

    def done(self, texts: Mapping[str, str]) -> str:
        """Return what is said of what has just been done, by the word in the address."""
        return texts.get(self.get_query_argument(DONE_PARAMETER, ""), "")

    def refuse(self, faults: Iterable[errors.FieldFault], form: str = "", said: str = "") -> None:
        """Note what is wrong with the fields of a form, for the page that is shown again.

        Each fault is told as ``said``, in English, else as the field's own rule.
        """
        self.set_status(422)
        for fault in faults:
            place = f"{form}-{fault.field}" if form else fault.field
            self.faults[place] = said or RULES.get(fault.field, fault.detail)

    def lacks(self, *names: str, form: str = "") -> bool:
        """Note which fields of a form were left empty, and tell whether any was."""
        empty = [errors.FieldFault(name, "") for name in names if not self.form.get(name)]
        if empty:
            self.refuse(empty, form, marked("Fill this in."))
        return bool(empty)

    def go(self, page: str) -> None:
        """Send the browser to another page by GET; its path has no slash at its start."""
        self.set_status(303)
        self.set_header("Location", self.root + page)
        self.finish()

    def get_user_locale(self) -> CSVLocale | None:
        """Return the language that the reader chose, keeping a new choice."""
        # Not Tornado's way to an argument, which raises: the page that tells of a failure asks too.
        given = self.request.query_arguments.get(LANGUAGE_PARAMETER, [b""])
        chosen = given[-1].decode("ascii", "replace")
        if chosen in self._languages:
            give_cookie(self, LANGUAGE_PARAMETER, chosen, expires_days=365)
            return self._languages[chosen]
        return self._languages.get(find_cookie(self, LANGUAGE_PARAMETER))

    def get_browser_locale(self, default: str = "") -> CSVLocale:  # noqa: ARG002 - Tornado's
        asked = self.request.headers.get("Accept-Language", "")
        return self._languages[preferred(asked, self.services.settings.language)]

    @property
    def translations(self) -> str:
        """The reader's words for the English texts, as JSON for the page's scripts."""
        return json_encode(self._languages[self.locale.code].translations["unknown"])

    def show(self, template: str, **names: Any) -> None:
        self.finish(self.rendered(template, **names))

    def rendered(self, template: str, **names: Any) -> bytes:
        """Set a page's headers and return it; ``names`` are what its template uses."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # Under no-referrer a form's Origin would be null.
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Content-Language", self.locale.code)
        return self.render_string(
            template,
            assets=f"{self.root}static/{self.services.files.assets_version}",
            root=self.root,
            language=self.locale.code,
            caller=self.caller,
            **names,
        )

    def write_problem(self, error: errors.ServiceError) -> None:
        said = self.told(error)
        self.write(self.rendered("failure.html", said=said, request_id=self.request_id))

    def told(self, error: errors.ServiceError) -> str:
        """Return what the reader is told of a failure, with how long to wait."""
        said = self.locale.translate(FAILURES.get(error.code, PASSING))
        if isinstance(error, errors.RateLimited):
            return said % {"seconds": error.resets_in_seconds}
        if isinstance(error, errors.TooManyAttempts):
            return said % {"minutes": max(1, ceil(error.resets_in_seconds / 60))}
        return said

    def _cookie(self) -> str:
        """Return the cookie that the XSRF token belongs to, empty where there is none yet."""
        return session_cookie(self) or find_cookie(self, VISIT_COOKIE)


class NowhereHandler(PageHandler):
    """Whatever has no other handler, with a page for a browser.

    ``OPTIONS *``, which asks about the whole service, is told the methods that some path answers.
    """

    async def prepare(self) -> None:
        if self._is_for_a_reader:
            await self.admit()
        if (self.request.method, self.request.path) != ("OPTIONS", "*"):
            raise self.wrong_method()
        self.allowed_methods = ("GET", "HEAD", "POST", "DELETE", "QUERY")

    def wrong_method(self) -> errors.ServiceError:
        """Answer a method that does not exist like any other: it is the path that is wrong."""
        return errors.NotFound("there is nothing at this path; POST /service assesses a patient")

    @property
    def root(self) -> str:
        """The way to the service's root from the path that was asked for, which is a stranger's."""
        return "../" * (self.request.path.count("/") - 1)

    def write_problem(self, error: errors.ServiceError) -> None:
        writer = PageHandler if self._is_for_a_reader else BaseHandler
        writer.write_problem(self, error)

    @property
    def _is_for_a_reader(self) -> bool:
        headers = self.request.headers
        asks = "Authorization" not in headers and "text/html" in headers.get("Accept", "")
        return asks and self.request.path.count("/") <= _DEEPEST


def read_form(body: bytes) -> dict[str, str]:
    """Read the fields of a form, the last of each name.

    Raises:
        MalformedBody: it is no form, or has far too many fields.
    """
    try:
        text, most = body.decode("ascii"), _MOST_FIELDS
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=most))
    except ValueError as error:
        raise errors.MalformedBody("the form cannot be read") from error
