"""Forms that are done once: a second press shows what came of the first.

That is in this process's memory alone, as a new key is among it and must be written nowhere.
Another process that is sent the second press takes it for one of its own.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from tornado.web import Finish

from cardiorisk import errors
from cardiorisk.accounts.expiring import Expiring
from cardiorisk.identity.texts import NEW_PASSWORD, PASSWORD
from cardiorisk.pages.languages import marked
from cardiorisk.web.credentials import find_cookie, give_cookie, require_own_page, session_cookie
from cardiorisk.web.handlers import BaseHandler
from cardiorisk.web.services import Services

SENT_BEFORE = marked("This form had been sent before. Nothing was done this time.")
SHOWN_SECONDS = 600.0  # then a form is only known to have been sent
MOST_DEEDS, MOST_TYPED, MOST_TYPED_CHARACTERS = 10_000, 1_000, 2_000
VISIT_COOKIE = "visita"  # stands for a browser, so that a login form has an XSRF token too
FORM_KEY = "_xsrf"
_FORM_KEY = re.compile(r"([0-9a-f]{64})\.[0-9a-f]{32}\.([0-9]{1,18})")
_MOST_FIELDS = 20
# Secrets, and what nobody types.
_UNTYPED = {PASSWORD, NEW_PASSWORD, "key", "accion", "clave", "cuenta", "evaluacion", "hacer"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a form: a page or, where ``location`` is not empty, the way to one.

    ``form`` is the digest of what was sent, which may be long and hold a password, and ``cookies``
    what the answer gave, for ``set_cookie``.
    """

    form: bytes
    location: str
    template: str
    names: Mapping[str, Any]
    cookies: tuple[tuple[str, str, Mapping[str, Any]], ...]


class Deeds:
    """Outcomes by the key of a form; also what was typed into forms that could not be taken."""

    def __init__(self, most: int = MOST_DEEDS, shown_seconds: float = SHOWN_SECONDS) -> None:
        self._most = most
        self._under_way: dict[str, asyncio.Future[Outcome | None]] = {}
        self._outcomes = Expiring[Outcome](most, shown_seconds)
        self._sent: dict[str, None] = {}
        self._typed = Expiring[dict[str, str]](MOST_TYPED, shown_seconds)

    async def outcome(self, key: str) -> Outcome | None:
        """Return what came of a form, once that is known; None where it may be done now."""
        while key in self._under_way:
            await asyncio.shield(self._under_way[key])
        outcome = self._outcomes.get(key)
        if outcome is None and key in self._sent:
            raise errors.WrongXsrfToken(SENT_BEFORE)
        return outcome

    def begin(self, key: str) -> None:
        """Note that a form is being worked on; ``outcome`` has just said that it may be."""
        self._under_way[key] = asyncio.get_running_loop().create_future()

    def end(self, key: str, outcome: Outcome | None) -> None:
        """Note what came of it; None where nothing was done, so that it may be sent again."""
        if outcome is not None:
            self._outcomes.put(key, outcome)
            self._sent[key] = None
            if len(self._sent) > self._most:
                del self._sent[next(iter(self._sent))]
        self._under_way.pop(key).set_result(outcome)

    def keep_typed(self, visit: str, route: str, typed: dict[str, str]) -> bool:
        if not visit or not typed or sum(map(len, typed.values())) > MOST_TYPED_CHARACTERS:
            return False
        self._typed.put((visit, route), typed)
        return True

    def take_typed(self, visit: str, route: str) -> dict[str, str]:
        return self._typed.pop((visit, route)) or {}


class DeedHandler(BaseHandler):
    """Takes a form of a page that its browser was shown, once; its subclasses write pages."""

    is_done_once: ClassVar[bool] = True
    is_for_strangers: ClassVar[bool] = False
    """Whether its form is taken from who has logged in since it was shown."""

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        super().initialize(services, route, plan)
        self.form: dict[str, str] = {}
        self.faults: dict[str, str] = {}  # in English, by the field's id
        self.notice = ""  # what the page tells first
        self.form_owner = 0
        self._deeds: Deeds = self.settings["deeds"]
        self._is_under_way = False
        self._form_key, self._form_token, self._new_visit = "", "", ""
        self._sent: dict[str, str] = {}
        self._location, self._shown = "", ("", dict[str, Any]())
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
            if found := _FORM_KEY.fullmatch(self._form_key):
                self._form_token, self.form_owner = found[1], int(found[2])
                await self._show_again()

    async def _show_again(self) -> None:
        """End the request with what came of the same form before, if it was sent before.

        A form may have ended its session, so a redirect needs none; whatever is shown does.
        """
        outcome = await self._deeds.outcome(self._form_key)
        if outcome is None:
            return
        is_same = outcome.form == digest(self._sent)
        if outcome.location:
            if not is_same:
                raise errors.WrongXsrfToken(SENT_BEFORE)
            with suppress(errors.WrongXsrfToken):
                self.require_own_form()
                for name, value, lifetime in outcome.cookies:
                    self.set_cookie(name, value, **lifetime)
            self.go(outcome.location)
        elif self.caller is None or self.caller.account_id != self.form_owner:
            return
        else:
            self.notice = "" if is_same else SENT_BEFORE
            self.show(outcome.template, **outcome.names)
        raise Finish

    def require_own_form(self) -> None:
        is_session = self.form_owner or (self.caller and not self.is_for_strangers)
        cookie = session_cookie(self) if is_session else find_cookie(self, VISIT_COOKIE)
        require_own_page(self.request, self._form_token, cookie, self.services.store.tokens)

    @property
    def form_token(self) -> str:
        visit = find_cookie(self, VISIT_COOKIE) or self._new_visit
        if not visit:
            visit = self._new_visit = secrets.token_hex(16)
            give_cookie(self, VISIT_COOKIE, visit)
        return self.services.store.tokens.xsrf_token(session_cookie(self) if self.caller else visit)

    @property
    def form_key(self) -> str:
        """Write the field that every form must carry, another one each time, with whose it is."""
        owner = self.caller.account_id if self.caller else 0
        key = f"{self.form_token}.{secrets.token_hex(16)}.{owner}"
        return f'<input type="hidden" name="{FORM_KEY}" value="{key}">'

    def keep_typed(self) -> bool:
        """Keep what was typed for this browser's next look at the page; tell whether it is kept."""
        typed = {name: text for name, text in self._sent.items() if name not in _UNTYPED}
        return self._deeds.keep_typed(find_cookie(self, VISIT_COOKIE), self.route, typed)

    def go(self, page: str) -> None:
        """Send the browser to another page; its path has no slash at its start."""
        self.set_status(303)
        self._location = page
        self.set_header("Location", self.root + page)
        self.finish()

    def show(self, template: str, **names: Any) -> None:
        self.finish(self.rendered(template, **names))

    def rendered(self, template: str, **names: Any) -> bytes:
        self._shown = template, names
        return self.render_string(template, **names)

    @property
    def root(self) -> str:
        return "../" * (self.route.count("/") - 1)

    def set_cookie(self, name: str, value: str, *rest: Any, **lifetime: Any) -> None:  # type: ignore[override]  # any kind
        self._cookies.append((name, value, lifetime))
        super().set_cookie(name, value, *rest, **lifetime)

    def finish(
        self, chunk: str | bytes | dict[str, Any] | None = None, content_type: str = ""
    ) -> asyncio.Future[None]:
        if self._is_under_way:
            self._is_under_way = False
            is_refused = self._error is not None or self.status >= 400  # noqa: PLR2004 - refused
            sent, cookies = digest(self._sent), tuple(self._cookies)
            outcome = Outcome(sent, self._location, *self._shown, cookies)
            self._deeds.end(self._form_key, None if is_refused else outcome)
        return super().finish(chunk, content_type)

    def on_connection_close(self) -> None:
        """Go on with what is done once: a browser hangs up where its button is pressed again."""
        if not self._is_under_way:
            super().on_connection_close()


def digest(form: Mapping[str, str]) -> bytes:
    return sha256(repr(sorted(form.items())).encode("ascii", "backslashreplace")).digest()


def read_form(body: bytes) -> dict[str, str]:
    try:
        text, most = body.decode("ascii"), _MOST_FIELDS
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=most))
    except ValueError as error:
        raise errors.MalformedBody("the form cannot be read") from error
