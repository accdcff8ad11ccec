"""The ladder of handlers, read from the top: each class adds one promise to every request.

logged: timed, named, and written to the bitácora before its answer leaves; base: checked in one
order and answered in one form, failures too; identified: the caller is known; operator: it is an
operator; authenticated: within the plan's limit; assessing: patients are assessed in one way.

A failure is always raised and never finished by hand, because Tornado would go on with the
request after a ``finish`` in ``prepare``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tornado.httputil import format_timestamp
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from cardiorisk.bitacora.entry import Entry
from cardiorisk.errors import (
    BodyTooLarge,
    ClientClosed,
    InternalFailure,
    LogUnavailable,
    MalformedBody,
    MethodNotAllowed,
    MissingKey,
    NotFound,
    OperatorOnly,
    RateLimited,
    ServiceError,
)
from cardiorisk.http1.headers import EmptyHeaders
from cardiorisk.identity.keys import PREFIX
from cardiorisk.limits.window import WINDOW_SECONDS, Verdict, limit_of
from cardiorisk.measuring import Timings
from cardiorisk.web.cookies import require_cookie_principal, session_cookie
from cardiorisk.web.problems import CONTENT_TYPE, problem_body, problem_headers, problem_of, to_json
from cardiorisk.web.reader import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from tornado.httputil import HTTPHeaders

    from cardiorisk.identity.keys import Principal
    from cardiorisk.model.assessing import Assessment
    from cardiorisk.patients.patient import Patient
    from cardiorisk.web.services import Services

    Ask = Callable[[Patient], asyncio.Future[Assessment]]

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_EVERY_ANSWER = (
    ("Server", "cardiorisk"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class LoggedHandler(RequestHandler):
    """A request that is timed, named, and written to the bitácora before it is answered."""

    SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "QUERY")
    allowed_methods: ClassVar[tuple[str, ...]] = ()

    # Tornado marks its own methods in the same way.
    query: Callable[..., Awaitable[None] | None] = RequestHandler._unimplemented_method  # noqa: SLF001

    def __init_subclass__(cls) -> None:
        """Note the methods that the handler answers, once for all its requests."""
        unimplemented = RequestHandler._unimplemented_method  # noqa: SLF001 - Tornado's own mark
        cls.allowed_methods = tuple(
            method
            for method in cls.SUPPORTED_METHODS
            if getattr(cls, method.lower()) is not unimplemented
        )

    def initialize(self, services: Services, route: str) -> None:
        """Start the timer and name the request: Tornado calls this first, for any method.

        Args:
            services: the long-lived things.
            route: the template of the path, the only form of it that is logged.
        """
        self.timings = Timings()
        self.services = services
        self.route = route
        self.arrived_at_seconds = services.clock()
        self.request_id = _request_id(self.request.headers)
        self.caller: Principal | None = None
        self.verdict: Verdict | None = None
        self.patient: Patient | None = None
        self.assessment: Assessment | None = None
        self._error: ServiceError | None = None
        self._answer: asyncio.Future[None] | None = None

    def clear(self) -> None:
        """Begin the answer, or begin it anew, with what every answer carries.

        The same as Tornado's, but for the headers, which it would make and check one by one.
        """
        self._headers = EmptyHeaders()
        for name, value in _EVERY_ANSWER:
            self._headers[name] = value
        self._headers["Date"] = _http_date(int(time.time()))
        self._write_buffer = []
        self._status_code = 200
        self._reason = "OK"

    def compute_etag(self) -> None:
        """Spend nothing on a tag: no answer here may be kept."""

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Write the bitácora's line, then let the answer leave.

        Tornado calls this again when the handler's method returns, hence the first two lines.
        """
        if self._answer is not None:
            return self._answer
        if chunk is not None:
            self.write(chunk)
        self.timings.stop()
        try:
            self.services.bitacora.append(self._entry().line())
        except LogUnavailable as error:
            self._show(error)
        self._set_last_headers()
        if self.services.bitacora.is_durable:
            self._answer = asyncio.ensure_future(self._finish_when_on_disk())
            self._answer.add_done_callback(self._report_lost_answer)
        else:
            self._answer = super().finish()
        return self._answer

    def on_finish(self) -> None:
        """Count the request out."""
        self.services.traffic.leave()
        self.services.metrics.count(self.method(), self.route, self.get_status(), self.timings)

    def method(self) -> str:
        """Return the method as it may be logged; one that nobody knows is a stranger's text."""
        known = self.request.method in self.SUPPORTED_METHODS
        return self.request.method if known and self.request.method else "*"

    def _show(self, error: ServiceError) -> None:
        """Replace whatever the answer was with the problem document of ``error``."""
        self._error = error
        self.clear()
        problem = problem_of(error)
        self.set_status(problem.status)
        for name, value in problem_headers(error).items():
            self.set_header(name, value)
        if isinstance(error, MethodNotAllowed):
            self.set_header("Allow", ", ".join(self.allowed_methods))
        self.write_problem(error)

    def write_problem(self, error: ServiceError) -> None:
        """Write the body of a failure's answer; its status and headers are set."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.write(problem_body(error, self.request_id))

    def _set_last_headers(self) -> None:
        """Set the headers that are known last, or that an error's ``clear`` takes away."""
        headers = self._headers
        headers["X-Request-ID"] = self.request_id
        headers["Server-Timing"] = self.timings.server_timing()
        if self.caller is not None and self.verdict is not None:
            plan, verdict = self.caller.plan, self.verdict
            headers["RateLimit-Policy"] = f'"{plan}";q={verdict.limit};w={WINDOW_SECONDS}'
            headers["RateLimit"] = f'"{plan}";r={verdict.remaining};t={verdict.resets_in_seconds}'

    def _entry(self) -> Entry:
        assessment = self.assessment if self._error is None else None
        caller = self.caller
        shows_inputs = self.services.settings.log_inputs and self.patient is not None
        return Entry(
            ts_seconds=self.arrived_at_seconds,
            request_id=self.request_id,
            key_id=caller.key_id if caller else None,
            plan=caller.plan if caller else None,
            method=self.method(),
            route=self.route,
            status=self.get_status(),
            ip=self.request.remote_ip or "",
            riesgo_cardiaco=assessment.at_risk if assessment else None,
            probabilidad=assessment.probability if assessment else None,
            modelo=assessment.model_version if assessment else self.services.predictor.version,
            code=self._error.code if self._error else None,
            timings_ms={**self.timings.stages_ms, "total": self.timings.total_ms},
            inputs=self.patient if shows_inputs else None,
        )

    async def _finish_when_on_disk(self) -> None:
        try:
            await self.services.bitacora.synced()
        except LogUnavailable as error:
            # The line that may be lost says that an answer was given; say that none was.
            self._show(error)
            self.timings.stop()
            self._set_last_headers()
            with suppress(LogUnavailable):
                self.services.bitacora.append(self._entry().line())
        with suppress(StreamClosedError):
            await super().finish()

    def _report_lost_answer(self, answer: asyncio.Future[None]) -> None:
        """Count a request out, and say so, where its answer failed on its way out."""
        if answer.cancelled() or answer.exception() is None:
            return
        if not self._finished:  # else on_finish has counted it out
            self.services.traffic.leave()
        logger.error("request %s was not answered", self.request_id, exc_info=answer.exception())


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return format_timestamp(second)


def _request_id(headers: HTTPHeaders) -> str:
    """Return the caller's own id where it is well formed and no key, else a new one."""
    given = headers["X-Request-ID"] if "X-Request-ID" in headers else ""  # noqa: SIM401 - faster
    is_good = _REQUEST_ID.fullmatch(given) and PREFIX not in given
    return given if is_good else secrets.token_hex(16)


Result = TypeVar("Result")

_BEARER = "bearer "


class BaseHandler(LoggedHandler):
    """A request that is checked in one order and answered in one form."""

    changing_methods: ClassVar[tuple[str, ...]] = ("POST", "DELETE")
    _awaited: asyncio.Future[Any] | None = None

    async def prepare(self) -> None:
        """Check the request in the order that is promised: method, key, limit, body.

        Then, where something is to be changed, the log: a change whose answer could not be given
        would be done and never heard of, a new key lost for good.
        """
        if self.request.method not in self.allowed_methods:
            raise MethodNotAllowed(f"use {' or '.join(self.allowed_methods)}")
        await self.admit()
        if len(self.request.body) > BODY_LIMIT_BYTES:
            raise BodyTooLarge(f"a body may hold {BODY_LIMIT_BYTES // 1024} KiB")
        if self.request.method in self.changing_methods:
            self.services.bitacora.require_writable()

    async def admit(self) -> None:
        """Let the caller in; anybody may come in here."""

    def credential(self) -> str:
        """Take the credential out of the ``Authorization`` header, with or without ``Bearer``.

        Raises:
            MissingKey: there is no such header.
        """
        authorization = self.request.headers.get("Authorization", "")
        if not authorization:
            raise MissingKey("send your API key in the Authorization header")
        if authorization[: len(_BEARER)].lower() == _BEARER:
            return authorization[len(_BEARER) :].strip()
        return authorization

    async def while_connected(self, awaited: asyncio.Future[Result]) -> Result:
        """Wait for a future that is cancelled if the caller hangs up."""
        self._awaited = awaited
        return await awaited

    def on_connection_close(self) -> None:
        """Stop working for a caller who has hung up."""
        if self._awaited is not None:
            self._awaited.cancel()

    def answer_nothing(self) -> None:
        """Say that it is done, and no more."""
        self.set_status(204)
        self.finish()

    def answer(self, document: Any, status: int = 200) -> None:
        """Give a JSON answer."""
        self.set_status(status)
        self.answer_json(to_json(document))

    def answer_json(self, body: bytes) -> None:
        """Give a JSON answer that is written already."""
        self._headers["Content-Type"] = "application/json"
        self.finish(body)

    def write_error(self, status_code: int, **context: Any) -> None:  # noqa: ARG002 - Tornado's
        """Show the failure that ended the request, whoever raised it."""
        self._show(self.error_of(context["exc_info"][1]))

    def error_of(self, exception: BaseException) -> ServiceError:
        """Give a failure its name; one without a name shows nothing of itself."""
        if isinstance(exception, ServiceError):
            return exception
        if isinstance(exception, asyncio.CancelledError):
            return ClientClosed("the caller hung up before the answer")
        status = exception.status_code if isinstance(exception, HTTPError) else 500
        if status == 405:  # noqa: PLR2004 - Tornado's answer to a method it has never heard of
            return MethodNotAllowed(f"use {' or '.join(self.allowed_methods)}")
        if status == 400:  # noqa: PLR2004 - Tornado's answer to escapes that are not UTF-8
            return MalformedBody("the request cannot be read")
        return InternalFailure("quote the request id when you report this")

    def log_exception(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Report what nobody expected, with neither the request's values nor its key."""
        if exception is None or not isinstance(self.error_of(exception), InternalFailure):
            return
        logger.error(
            "unexpected failure in request %s (%s %s)",
            self.request_id,
            self.method(),
            self.route,
            exc_info=(kind or type(exception), exception, traceback),
        )


class NotFoundHandler(BaseHandler):
    """Whatever has no other handler."""

    async def prepare(self) -> None:
        """Refuse the request.

        Raises:
            NotFound: always.
        """
        raise _nothing_here()

    def error_of(self, exception: BaseException) -> ServiceError:
        """Answer a method that does not exist like any other: it is the path that is wrong."""
        error = super().error_of(exception)
        return (
            NotFound("there is nothing at this path")
            if isinstance(error, MethodNotAllowed)
            else error
        )


def _nothing_here() -> NotFound:
    return NotFound("there is nothing at this path; POST /service assesses a patient")


OUTSIDE_TRAINING = "queda fuera de lo que vio el entrenamiento; GET /model da los intervalos"


class IdentifiedHandler(BaseHandler):
    """A request whose caller is known."""

    async def admit(self) -> None:
        """Let in who has a valid API key or access token, or a page of ours with its cookie.

        Raises:
            MissingKey: there is neither an ``Authorization`` header nor a cookie.
            InvalidKey: the credential is not one of ours, or no longer.
            WrongXsrfToken: a cookie came alone, as another site could have it sent.
        """
        try:
            self.caller = await self.services.store.principal(self.credential())
        except MissingKey:
            cookie = session_cookie(self)
            if not cookie:
                raise
            self.caller = await require_cookie_principal(self, cookie)
        finally:
            self.timings.end_stage("auth")

    @property
    def principal(self) -> Principal:
        """Who is calling; known from ``admit`` on."""
        assert self.caller is not None  # noqa: S101 - for mypy; admit has let the caller in
        return self.caller


class OperatorHandler(IdentifiedHandler):
    """A request of an operator; it is not counted, so that a used-up plan cannot lock one out."""

    async def admit(self) -> None:
        """Let in operators.

        Raises:
            OperatorOnly: the caller is known and no operator.
        """
        await super().admit()
        if not self.principal.is_operator:
            raise OperatorOnly("this needs a key of an operator's account")


class AuthenticatedHandler(IdentifiedHandler):
    """A request whose caller is known and within the plan's limit."""

    async def admit(self) -> None:
        """Let in who is known and has requests left in this minute.

        Raises:
            RateLimited: the plan's requests of this minute are used up.
        """
        await super().admit()
        self.draw_on_window()

    def draw_on_window(self) -> None:
        """Count the request against the plan of the caller, who is known.

        Raises:
            RateLimited: the plan's requests of this minute are used up.
        """
        principal = self.caller
        assert principal is not None  # noqa: S101 - for mypy; nobody unknown is counted
        limit = limit_of(principal.plan, self.services.settings.plans)
        self.verdict = self.services.limiter.hit(principal.account_id, limit)
        self.timings.end_stage("limit")
        if not self.verdict.allowed:
            seconds = self.verdict.resets_in_seconds
            self.services.metrics.count_refusal(principal.plan)
            raise RateLimited(
                f"the plan {principal.plan} allows {limit} requests a minute; "
                f"the next minute starts in {seconds} s",
                seconds,
            )


class AssessingHandler(AuthenticatedHandler):
    """A request that has a patient assessed."""

    def validated(self, read: Callable[[], Result]) -> Result:
        """Read what was sent, with its own stage of the timer."""
        try:
            return read()
        finally:
            self.timings.end_stage("validate")

    async def assess(self, patient: Patient, ask: Ask | None = None) -> Assessment:
        """Ask the network, with its own stage of the timer.

        Args:
            patient: whom to ask about.
            ask: how to ask, if not by the predictor's ``assess``.
        """
        self.patient = patient
        ask = ask or self.services.predictor.assess
        self.assessment = await self.while_connected(ask(patient))
        self.timings.end_stage("predict")
        return self.assessment

    def warnings(self) -> dict[str, Any]:
        """Return the answer's member that warns of inputs beyond what training saw, if any are."""
        if self.assessment is None or not self.assessment.outside_training:
            return {}
        names = self.assessment.outside_training
        return {"advertencias": [{"field": name, "detail": OUTSIDE_TRAINING} for name in names]}
