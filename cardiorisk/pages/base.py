"""What every page is: a request like any other, answered in HTML and in the reader's language."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from tornado.escape import json_encode
from tornado.locale import CSVLocale

from cardiorisk import errors
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.identity.texts import find_number
from cardiorisk.model.card import in_words
from cardiorisk.pages.deeds import SENT_BEFORE, DeedHandler
from cardiorisk.pages.languages import FAILURES, PASSING, RULES, marked
from cardiorisk.patients.words import preferred
from cardiorisk.web.credentials import find_cookie, give_cookie, session_cookie
from cardiorisk.web.handlers import BaseHandler

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LANGUAGE = "idioma"  # the parameter that chooses it, and the cookie that keeps the choice
PAGE, NEXT = "pagina", "siguiente"
_PATH = re.compile(r"(\./|[a-z]{1,20}(/[a-z]{1,20})?)(\?[A-Za-z0-9%&=+._~*-]{0,600})?")
MORE_CALLS = marked("The plan premium has more.")
TAKEN = marked("It belongs to another account.")
OTHER_LOGIN = marked("This form was for another login; now it is %(name)s. Nothing was done.")
_MARKS_ES = str.maketrans(".,", ",.")
_DEEPEST = 20  # slashes in an unknown path that gets a page, whose links hold a ``../`` for each

Item = TypeVar("Item")
Refusals = Mapping[type[errors.ServiceError], str]


class PageHandler(DeedHandler):
    """A page in the language that was just chosen, else the one kept, else the browser's."""

    page = pages = 1

    def __init_subclass__(cls) -> None:
        """Answer HEAD as GET."""
        cls.head = cls.__dict__.get("get", cls.head)
        super().__init_subclass__()

    @property
    def here(self) -> str:
        """The path of this page with its query, without its first slash; a key is left out."""
        query = self.request.query
        path = self.route[1:] or "./"
        return local_page(f"{path}?{query}" if query and not may_hold_key(query) else path, path)

    def ask_to_log_in(self) -> None:
        """Send the reader to log in and back, and say so where a session has ended."""
        way = f"entrar?{NEXT}={quote(self.here)}"
        if self.form_owner or session_cookie(self):
            way += f"&hecho={'escrito' if self.keep_typed() else 'sesion'}"
        self.go(way)

    def field(
        self, name: str, label: str, *, kind: str = "text", form: str = "", **more: str
    ) -> bytes:
        """Write a field with its fault; ``more`` are its attributes, and a ``hint`` beside it."""
        names = {"name": name, "label": label, "kind": kind, "form": form, "more": more}
        return self.render_string("field.html", **names)

    def moment(self, moment: datetime) -> str:
        return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>'

    def number(self, value: float | str, form: str = "g") -> str:
        text = format(value, form)
        return text if self.locale.code == "en" else text.translate(_MARKS_ES)

    def percent(self, probability: float) -> str:
        """Write a probability in per cent as the page's scripts do: never as 0 nor as 100."""
        words = in_words(probability)
        if words[0] in "<>":
            return self.number(words, "")
        share = 100 * probability
        decimals = 0 if share.is_integer() else max(1, len(words) - len("0.00"))
        return f"{self.number(share, f'.{decimals}f')}\N{NO-BREAK SPACE}%"

    def with_query(self, **changed: str) -> str:
        """Return the way to this page with its query, but for what is changed, and for a key."""
        given = {name: texts[-1] for name, texts in self.request.query_arguments.items()}
        kept = {
            name: text
            for name, text in given.items()
            if name not in changed and not may_hold_key(text.decode("latin-1"))
        }
        return f"?{urlencode(kept | changed)}"

    def page_of(self, items: Sequence[Item], size: int) -> Sequence[Item]:
        """Return the part of a list that is asked for; the template says which it is."""
        self.pages = max(1, ceil(len(items) / size))
        asked = self.get_query_argument(PAGE, "1")
        self.page = find_number(asked, 1, self.pages) or (self.pages if asked.isdecimal() else 1)
        return items[(self.page - 1) * size : self.page * size]

    @property
    def deed(self) -> str:
        """What was done, where that led to this page."""
        return self._given("hecho")

    def _given(self, name: str) -> str:
        # Not Tornado's way, which raises: the page that tells of a failure asks too.
        return self.request.query_arguments.get(name, [b""])[-1].decode("ascii", "replace")

    def refuse(self, said: Mapping[str, str], form: str = "") -> None:
        """Note what is wrong with fields, in English."""
        self.set_status(422)
        self.faults |= {f"{form}-{name}" if form else name: text for name, text in said.items()}

    @contextmanager
    def refusing(
        self, field: str = "", said: Refusals | None = None, form: str = ""
    ) -> Iterator[None]:
        """Note why a form is refused; some errors are told, in English, at one of its fields."""
        said = said or {}
        try:
            yield
        except errors.Taken as error:
            self.refuse({fault.field: TAKEN for fault in error.faults}, form)
        except errors.InvalidAccount as error:
            told = {fault.field: RULES.get(fault.field, fault.detail) for fault in error.faults}
            self.refuse(told, form)
        except tuple(said) as error:
            self.refuse({field: said[type(error)]}, form)
            if isinstance(error, errors.Conflict):
                self.set_status(409)

    def lacks(self, *names: str, form: str = "") -> bool:
        empty = {name: marked("Fill this in.") for name in names if not self.form.get(name)}
        if empty:
            self.refuse(empty, form)
        return bool(empty)

    def get_user_locale(self) -> CSVLocale | None:
        chosen = self._given(LANGUAGE)
        languages: Mapping[str, CSVLocale] = self.settings["languages"]
        if chosen in languages:
            give_cookie(self, LANGUAGE, chosen, expires_days=365)
            return languages[chosen]
        return languages.get(find_cookie(self, LANGUAGE))

    def get_browser_locale(self, default: str = "") -> CSVLocale:  # noqa: ARG002 - Tornado's
        asked = self.request.headers.get("Accept-Language", "")
        chosen = preferred(asked, self.services.settings.language)
        return self.settings["languages"][chosen]  # type: ignore[no-any-return] # Tornado's settings

    @property
    def translations(self) -> str:
        return json_encode(self.settings["languages"][self.locale.code].translations["scripts"])

    def rendered(self, template: str, **names: Any) -> bytes:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # Under no-referrer a form's Origin would be null.
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Content-Language", self.locale.code)
        return super().rendered(template, **names)

    def get_template_namespace(self) -> dict[str, Any]:
        return super().get_template_namespace() | {
            "assets": f"{self.root}static/{self.services.files.version}",
            "root": self.root,
            "language": self.locale.code,
            "caller": self.caller,
        }

    def write_problem(self, error: errors.ServiceError) -> None:
        is_form = isinstance(error, errors.WrongXsrfToken)
        is_kept = is_form and self.keep_typed()
        self.notice = self.told(error)
        names = {"is_form": is_form, "is_kept": is_kept, "request_id": self.request_id}
        self.write(self.rendered("failure.html", **names))

    def told(self, error: errors.ServiceError) -> str:
        said = self.locale.translate(FAILURES.get(error.code, PASSING))
        if isinstance(error, errors.WrongXsrfToken):
            if str(error) == SENT_BEFORE:
                return self.locale.translate(SENT_BEFORE)
            if self.caller and self.form_owner not in {0, self.caller.account_id}:
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
    return text if _PATH.fullmatch(text) else otherwise
