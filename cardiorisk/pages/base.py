"""What every page is: a request like any other, answered in HTML and in the reader's language.

A page decides nothing about a patient or an account: it asks for that as any other client would. It
knows its reader by the session's cookie. Every form carries one field, ``form_key``, without which
none is taken and by which none is done twice. The policy below lets a page hold no script or style.
"""

import asyncio
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from math import ceil
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from tornado.escape import json_encode
from tornado.locale import CSVLocale
from tornado.web import Finish

from cardiorisk import errors
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.texts import NEW_PASSWORD, PASSWORD, find_number
from cardiorisk.model.card import in_words
from cardiorisk.pages.deeds import SENT_BEFORE, Deeds, Outcome
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
DONE_PARAMETER, PAGE_PARAMETER = "hecho", "pagina"
VISIT_COOKIE = "visita"
"""Stands for a browser, so that a login form has an XSRF token too."""
FORM_KEY = "_xsrf"
NEXT = "siguiente"
_UNTYPED = frozenset(
    {PASSWORD, NEW_PASSWORD, "key", "accion", "clave", "cuenta", "evaluacion", "hacer"}
)
"""Fields that are not kept for later: secrets, and what nobody types."""
_KEY = re.compile(r"([0-9a-f]{64})\.[0-9a-f]{32}\.([0-9]{1,18})")
_PAGE = re.compile(r"(\./|[a-z]{1,20}(/[a-z]{1,20})?)(\?[A-Za-z0-9%&=+._~*-]{0,600})?")
MORE_CALLS = marked("The plan premium has more.")
TAKEN = marked("It belongs to another account.")
OTHER_LOGIN = marked("This form was for another login; now it is %(name)s. Nothing was done.")
_MOST_FIELDS = 20
_DEEPEST = 20
"""Slashes in an unknown path that is answered with a page, whose links hold a ``../`` for each."""

PLACES = {
    "": marked("Try a patient"),
    "lote": marked("Many patients"),
    "cuenta": marked("Account"),
    "claves": marked("Keys"),
    "evaluaciones": marked("Assessments"),
    "panel": marked("Panel"),
    "entrar": marked("Log in"),
    "registro": marked("Register"),
}


Item = TypeVar("Item")
Refusals = Mapping[type[errors.ServiceError], str]


class PageHandler(BaseHandler):
    """A page in the language that was just chosen, else the one kept, else the browser's."""

    is_for_strangers: ClassVar[bool] = False
    """Whether its form is taken from who has logged in since it was shown."""
    is_done_once: ClassVar[bool] = True

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        super().initialize(services, route, plan)
        self.form: dict[str, str] = {}
        self.faults: dict[str, str] = {}  # in English, by the field's id
        self.repeated = ""
        self.page = self.pages = 1
        self._languages: Mapping[str, CSVLocale] = self.settings["languages"]
        self._deeds: Deeds = self.settings["deeds"]
        self._is_under_way = False
        self._form_key, self._form_token, self._form_owner = "", "", 0
        self._sent: dict[str, str] = {}
        self._location, self._shown, self._new_visit = "", ("", dict[str, Any]()), ""
        self._cookies: list[tuple[str, str, dict[str, Any]]] = []

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method == "POST":
            self.require_own_form()
            if self.is_done_once:
                self._deeds.begin(self._form_key)
                self._is_under_way = True
        elif self.request.method == "GET":
            self.form = self._deeds.take_typed(find_cookie(self, VISIT_COOKIE), self.route)

    async def admit(self) -> None:
        cookie = session_cookie(self)
        try:
            with suppress(errors.InvalidKey, errors.AccountSuspended):
                if cookie:
                    self.caller = await self.services.store.session_principal(cookie)
        finally:
            self.end_stage("auth")
        is_form = self.request.method == "POST" and "POST" in self.allowed_methods
        if is_form and self.body_fault is None:
            self.form = read_form(self.request.body)
            self._form_key = self.form.pop(FORM_KEY, "")
            self._sent = dict(self.form)
            if found := _KEY.fullmatch(self._form_key):
                self._form_token, self._form_owner = found[1], int(found[2])
                await self._show_again()

    async def _show_again(self) -> None:
        """End the request with what came of the same form before, if it was sent before.

        A form may have ended its session, so a redirect needs none; whatever is shown does.
        """
        outcome = await self._deeds.outcome(self._form_key)
        if outcome is None:
            return
        is_same = outcome.form == self._sent
        if outcome.location:
            if not is_same:
                raise errors.WrongXsrfToken(SENT_BEFORE)
            with suppress(errors.WrongXsrfToken):
                self.require_own_form()
                for name, value, lifetime in outcome.cookies:
                    self.set_cookie(name, value, **lifetime)
            self.go(outcome.location)
        elif self.caller is None or self.caller.account_id != self._form_owner:
            return
        else:
            self.repeated = "" if is_same else SENT_BEFORE
            self.show(outcome.template, **outcome.names)
        raise Finish

    def require_own_form(self) -> None:
        is_session = self._form_owner or (self.caller and not self.is_for_strangers)
        cookie = session_cookie(self) if is_session else find_cookie(self, VISIT_COOKIE)
        require_own_page(self.request, self._form_token, cookie, self.services.store.tokens)

    def keep_typed(self) -> bool:
        """Keep what was typed for this browser's next look at the page; tell whether it is kept."""
        typed = {name: text for name, text in self._sent.items() if name not in _UNTYPED}
        return self._deeds.keep_typed(find_cookie(self, VISIT_COOKIE), self.route, typed)

    @property
    def here(self) -> str:
        """The path of this page with its query, without its first slash; a key is left out."""
        query = self.request.query
        path = self.route[1:] or "./"
        return local_page(f"{path}?{query}" if query and not may_hold_key(query) else path, path)

    def ask_to_log_in(self) -> None:
        """Send the reader to log in and back, and say so where a session has ended."""
        way = f"entrar?{NEXT}={quote(self.here)}"
        if self._form_owner or session_cookie(self):
            way += f"&{DONE_PARAMETER}={'escrito' if self.keep_typed() else 'sesion'}"
        self.go(way)

    def set_cookie(self, name: str, value: str, *rest: Any, **lifetime: Any) -> None:  # type: ignore[override]
        self._cookies.append((name, value, lifetime))
        super().set_cookie(name, value, *rest, **lifetime)

    def finish(
        self, chunk: str | bytes | dict[str, Any] | None = None, content_type: str = ""
    ) -> asyncio.Future[None]:
        if self._is_under_way:
            self._is_under_way = False
            self._deeds.end(self._form_key, self._outcome())
        return super().finish(chunk, content_type)

    def on_connection_close(self) -> None:
        """Go on with what is done once: a browser hangs up where its button is pressed again."""
        if not self._is_under_way:
            super().on_connection_close()

    def _outcome(self) -> Outcome | None:
        if self._error is not None or self.status >= 400:  # noqa: PLR2004 - refused
            return None
        return Outcome(self._sent, self._location, *self._shown, tuple(self._cookies))

    @property
    def root(self) -> str:
        return "../" * (self.route.count("/") - 1)

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        strangers, members = ("lote", "entrar", "registro"), tuple(PLACES)[:5]
        paths = strangers if self.caller is None else members
        if self.caller is not None and self.caller.is_operator:
            paths += ("panel",)
        return tuple((path, PLACES[path]) for path in paths)

    def current(self, path: str) -> str:
        if self.route == f"/{path}":
            return "page"
        return "true" if path and self.route.startswith(f"/{path}/") else ""

    @property
    def form_token(self) -> str:
        visit = find_cookie(self, VISIT_COOKIE) or self._new_visit
        if not visit:
            visit = self._new_visit = secrets.token_hex(16)
            give_cookie(self, VISIT_COOKIE, visit)
        cookie = session_cookie(self) if self.caller else visit
        return self.services.store.tokens.xsrf_token(cookie)

    @property
    def form_key(self) -> str:
        """Write the field that every form must carry, another one each time, with whose it is."""
        owner = self.caller.account_id if self.caller else 0
        key = f"{self.form_token}.{secrets.token_hex(16)}.{owner}"
        return f'<input type="hidden" name="{FORM_KEY}" value="{key}">'

    def field(
        self, name: str, label: str, *, kind: str = "text", form: str = "", **more: str
    ) -> bytes:
        """Write a field with its fault; ``more`` are its attributes, and a ``hint`` beside it."""
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
        return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>'

    def number(self, value: float, form: str = "g") -> str:
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

    def with_query(self, **changed: str) -> str:
        """Return the way to this page with its query, but for what is changed, and for a key."""
        asked = {
            name: texts[-1]
            for name, texts in self.request.query_arguments.items()
            if not may_hold_key(texts[-1].decode("latin-1"))
        }
        for name, text in changed.items():
            asked.pop(name, None)
            asked |= {name: text.encode()}
        return f"?{urlencode(asked)}"

    def page_of(self, items: Sequence[Item], size: int) -> Sequence[Item]:
        """Return the part of a list that is asked for; the template says which it is."""
        self.pages = max(1, ceil(len(items) / size))
        asked = self.get_query_argument(PAGE_PARAMETER, "1")
        self.page = find_number(asked, 1, self.pages) or (self.pages if asked.isdecimal() else 1)
        return items[(self.page - 1) * size : self.page * size]

    def done(self, texts: Mapping[str, str]) -> str:
        return texts.get(self.get_query_argument(DONE_PARAMETER, ""), "")

    def refuse(self, faults: Iterable[errors.FieldFault], form: str = "", said: str = "") -> None:
        """Note what is wrong with fields; ``said`` tells it in English, else the field's rule."""
        self.set_status(422)
        for fault in faults:
            place = f"{form}-{fault.field}" if form else fault.field
            self.faults[place] = said or RULES.get(fault.field, fault.detail)

    @contextmanager
    def refusing(
        self, field: str = "", said: Refusals | None = None, form: str = ""
    ) -> Iterator[None]:
        """Note why a form is refused; some errors are told, in English, at one of its fields."""
        said = said or {}
        try:
            yield
        except (errors.InvalidAccount, errors.Taken) as error:
            self.refuse(error.faults, form, TAKEN if isinstance(error, errors.Taken) else "")
        except tuple(said) as error:
            self.refuse([errors.FieldFault(field, "")], form, said[type(error)])
            if isinstance(error, errors.Conflict):
                self.set_status(409)

    def lacks(self, *names: str, form: str = "") -> bool:
        empty = [errors.FieldFault(name, "") for name in names if not self.form.get(name)]
        if empty:
            self.refuse(empty, form, marked("Fill this in."))
        return bool(empty)

    def go(self, page: str) -> None:
        """Send the browser to another page; its path has no slash at its start."""
        self.set_status(303)
        self._location = page
        self.set_header("Location", self.root + page)
        self.finish()

    def get_user_locale(self) -> CSVLocale | None:
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
        return json_encode(self._languages[self.locale.code].translations["scripts"])

    def show(self, template: str, **names: Any) -> None:
        self.finish(self.rendered(template, **names))

    def rendered(self, template: str, **names: Any) -> bytes:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # Under no-referrer a form's Origin would be null.
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Content-Language", self.locale.code)
        self._shown = template, names
        return self.render_string(
            template,
            assets=f"{self.root}static/{self.services.files.version}",
            root=self.root,
            language=self.locale.code,
            caller=self.caller,
            **names,
        )

    def write_problem(self, error: errors.ServiceError) -> None:
        is_form = isinstance(error, errors.WrongXsrfToken)
        is_kept = is_form and self.keep_typed()
        said, request_id = self.told(error), self.request_id
        names = {"said": said, "is_form": is_form, "is_kept": is_kept, "request_id": request_id}
        self.write(self.rendered("failure.html", **names))

    def told(self, error: errors.ServiceError) -> str:
        said = self.locale.translate(FAILURES.get(error.code, PASSING))
        if isinstance(error, errors.WrongXsrfToken):
            if str(error) == SENT_BEFORE:
                return self.locale.translate(SENT_BEFORE)
            if self.caller and self._form_owner not in {0, self.caller.account_id}:
                return self.locale.translate(OTHER_LOGIN) % {"name": self.caller.name}
        if isinstance(error, errors.RateLimited):
            more = self.locale.translate(MORE_CALLS) if self.principal.plan == "freemium" else ""
            return f"{said % {'seconds': error.resets_in_seconds}} {more}"
        if isinstance(error, errors.TooManyAttempts):
            return said % {"minutes": max(1, ceil(error.resets_in_seconds / 60))}
        return said


class NowhereHandler(PageHandler):
    """Whatever has no other handler, with a page for a browser; and ``OPTIONS *``."""

    async def prepare(self) -> None:
        if self._is_for_a_reader:
            await self.admit()
        if (self.request.method, self.request.path) != ("OPTIONS", "*"):
            raise self.wrong_method()
        self.allowed_methods = ("GET", "HEAD", "POST", "DELETE", "QUERY")

    def wrong_method(self) -> errors.ServiceError:
        return errors.NotFound("there is nothing at this path; POST /service assesses a patient")

    @property
    def root(self) -> str:
        return "../" * (self.request.path.count("/") - 1)

    def write_problem(self, error: errors.ServiceError) -> None:
        writer = PageHandler if self._is_for_a_reader else BaseHandler
        writer.write_problem(self, error)

    @property
    def _is_for_a_reader(self) -> bool:
        headers = self.request.headers
        asks = "Authorization" not in headers and "text/html" in headers.get("Accept", "")
        return asks and self.request.path.count("/") <= _DEEPEST


def local_page(text: str, otherwise: str) -> str:
    """Return a text where it can only be the path of a page of ours, without its first slash."""
    return text if _PAGE.fullmatch(text) else otherwise


def read_form(body: bytes) -> dict[str, str]:
    try:
        text, most = body.decode("ascii"), _MOST_FIELDS
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=most))
    except ValueError as error:
        raise errors.MalformedBody("the form cannot be read") from error
