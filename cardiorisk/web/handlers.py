"""The ladder of handlers, read from the top; each class adds one promise to every request.

A failure is raised and never finished by hand: Tornado goes on after a ``finish`` in ``prepare``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter
from typing import Any, ClassVar

import orjson
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from cardiorisk import errors
from cardiorisk.bitacora.entry import Entry
from cardiorisk.identity.keys import PREFIX, Principal
from cardiorisk.limits.window import WINDOW_SECONDS, Verdict, limit_of
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients.patient import Patient
from cardiorisk.patients.words import Language, preferred
from cardiorisk.web import credentials
from cardiorisk.web.operations import require_known
from cardiorisk.web.problems import content_type_of, problem_answer, problem_headers, problem_of
from cardiorisk.web.services import Services
from cardiorisk.web.tornado_inside import LeanHandler

Ask = Callable[[Patient], asyncio.Future[Assessment]]

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")


class LoggedHandler(LeanHandler):
    """A request that is timed, named, and written to the bitácora before it is answered."""

    filas: int | None = None  # how many patients a batch holds, once it has been read
    answered_by: str | None = None  # the version of the network that did
    every_answer = (
        *(("Server", "cardiorisk"), ("Cache-Control", "no-store")),
        ("X-Content-Type-Options", "nosniff"),
    )

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        self._began_s = self._stage_began_s = perf_counter()
        self.timings_ms: dict[str, float] = {}  # of each stage that has ended, and of the total
        self.services = services
        self.route, self.plan = route, plan
        self.arrived_at_seconds = services.clock()
        self.request_id = _request_id(self.request.headers)
        self.caller: Principal | None = None
        self.verdict: Verdict | None = None
        self.patient: Patient | None = None
        self.assessment: Assessment | None = None
        self._error: errors.ServiceError | None = None
        self._answer: asyncio.Future[None] | None = None
        self.is_stream = False

    def end_stage(self, name: str) -> None:
        now_s = perf_counter()
        self.timings_ms[name] = round((now_s - self._stage_began_s) * 1000, 3)
        self._stage_began_s = now_s

    def compute_etag(self) -> None:
        """Spend nothing on a tag: no answer here may be kept."""

    def finish(
        self, chunk: str | bytes | dict[str, Any] | None = None, content_type: str = ""
    ) -> asyncio.Future[None]:
        """Write the line, then let the answer leave; with its type, ``chunk`` is the whole body."""
        if self._answer is not None:  # Tornado calls this again when the method returns
            return self._answer
        if self.is_stream:
            self._answer = super().finish(chunk)
            return self._answer
        try:
            self._write_line()
        except errors.LogUnavailable as error:
            chunk = None
            self._show(error)
        self._set_last_headers()
        if content_type and isinstance(chunk, bytes):
            self.write_whole(content_type, chunk)
        elif chunk is not None:
            self.write(chunk)
        if self.services.bitacora.is_durable:
            self._answer = asyncio.ensure_future(self._finish_when_on_disk())
            self._answer.add_done_callback(self._report_lost_answer)
        else:
            self._answer = super().finish()
        return self._answer

    async def begin_stream(self, content_type: str) -> None:
        self.set_header("Content-Type", content_type)
        self.set_header("X-Accel-Buffering", "no")  # or nginx keeps each piece until the next
        self._write_line()
        await self.services.bitacora.synced()
        self._set_last_headers()
        self.is_stream = True
        self._count()
        await self.flush()

    def on_finish(self) -> None:
        if not self.is_stream:
            self._count()
        self.services.traffic.open_requests -= 1

    @property
    def address(self) -> str:
        return self.request.remote_ip or ""

    def method(self) -> str:
        """Return what may be logged; one that nobody knows is a stranger's text."""
        method = self.request.method or ""
        return method if method in self.SUPPORTED_METHODS else "*"

    def speak(self) -> Language:
        headers, language = self.request.headers, self.services.settings.language
        if "Accept-Language" in headers:
            language = preferred(headers["Accept-Language"], language)
        self.answer_headers.put("Content-Language", language)
        self.answer_headers.put("Vary", "Accept-Language")
        return language

    def write_problem(self, error: errors.ServiceError) -> None:
        language = self.speak() if isinstance(error, errors.InvalidPatient) else "en"
        path = self.request.path
        document = problem_answer(error, self.request_id, path, language)
        self.write_whole(content_type_of(path), to_json(document))

    def _show(self, error: errors.ServiceError) -> None:
        self._error = error
        self.clear()
        self.set_status(problem_of(error).status)
        for name, value in problem_headers(error).items():
            self.set_header(name, value)
        if isinstance(error, errors.MethodNotAllowed):
            self._set_allow()
        self.write_problem(error)

    def _set_allow(self) -> None:
        self.set_header("Allow", ", ".join((*self.allowed_methods, "OPTIONS")))

    def _write_line(self) -> None:
        self.timings_ms["total"] = round((perf_counter() - self._began_s) * 1000, 3)
        self.services.bitacora.append(self._entry().line())

    def _count(self) -> None:
        self.services.metrics.count(self.method(), self.route, self.status, self.timings_ms)

    def _set_last_headers(self) -> None:
        """Set the headers that are known last, or that an error's ``clear`` takes away."""
        stages = ", ".join([f"{name};dur={ms}" for name, ms in self.timings_ms.items()])
        put = self.answer_headers.put
        put("X-Request-ID", self.request_id)
        put("Server-Timing", stages)
        caller, verdict = self.caller, self.verdict
        if caller is not None and verdict is not None:
            policy = "key" if verdict.is_key_s else caller.plan
            put("RateLimit-Policy", f'"{policy}";q={verdict.limit};w={WINDOW_SECONDS}')
            put("RateLimit", f'"{policy}";r={verdict.remaining};t={verdict.resets_in_seconds}')

    def _entry(self) -> Entry:
        assessment = self.assessment if self._error is None else None
        caller = self.caller
        return Entry(
            ts_seconds=self.arrived_at_seconds,
            request_id=self.request_id,
            key_id=caller.key_id if caller else None,
            plan=caller.plan if caller else None,
            method=self.method(),
            route=self.route,
            status=self.status,
            ip=self.address,
            riesgo_cardiaco=assessment.at_risk if assessment else None,
            probabilidad=assessment.probability if assessment else None,
            modelo=self.answered_by or self.services.predictor.version,
            code=self._error.code if self._error else None,
            timings_ms=self.timings_ms,
            inputs=self.patient if self.services.settings.log_inputs else None,
            filas=self.filas,
            node=self.services.settings.node,
        )

    async def _finish_when_on_disk(self) -> None:
        try:
            await self.services.bitacora.synced()
        except errors.LogUnavailable as error:
            # The line that may be lost says that an answer was given; say that none was.
            self._show(error)
            with suppress(errors.LogUnavailable):
                self._write_line()
            self._set_last_headers()
        with suppress(StreamClosedError):
            await super().finish()

    def _report_lost_answer(self, answer: asyncio.Future[None]) -> None:
        if answer.cancelled() or answer.exception() is None:
            return
        if not self.is_finished:  # else on_finish has counted it out
            self.services.traffic.open_requests -= 1
        logger.error("request %s was not answered", self.request_id, exc_info=answer.exception())


def _request_id(headers: HTTPHeaders) -> str:
    given = headers["X-Request-ID"] if "X-Request-ID" in headers else ""  # noqa: SIM401 - faster
    return given if _REQUEST_ID.fullmatch(given) and PREFIX not in given else secrets.token_hex(16)


def to_json(document: Any) -> bytes:
    """Write an answer's body: UTF-8 with a line end, so that a terminal shows it well."""
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, which is no text, stands in what a stranger wrote
        text = json.dumps(document, ensure_ascii=False, default=str)
        return f"{text}\n".encode("utf-8", "replace")


class BaseHandler(LoggedHandler):
    changing_methods: ClassVar[tuple[str, ...]] = ("POST", "DELETE")

    async def prepare(self) -> None:
        """Check the request in the order that is promised: method, key, limit, body, log."""
        if self.request.method not in self.allowed_methods:
            if self.request.method == "OPTIONS":
                return
            raise self.wrong_method()
        await self.admit()
        if self.request.query_arguments:
            require_known(getattr(self, self.method().lower()), self.request.query_arguments)
        if self.body_fault is not None:
            raise self.body_fault
        if self.request.method in self.changing_methods:
            self.services.bitacora.require_writable()

    async def admit(self) -> None:
        """Let the caller in, here anybody."""

    def options(self, *_: str) -> None:
        self._set_allow()
        self.answer_nothing()

    @property
    def principal(self) -> Principal:
        assert self.caller is not None  # noqa: S101 - for mypy: known from ``admit`` on
        return self.caller

    def credential(self) -> str:
        authorization = self.request.headers.get("Authorization", "")
        if not authorization:
            raise errors.MissingKey(credentials.said_of_missing(self.request))
        if authorization[:7].lower() == "bearer ":
            return authorization[7:].strip()
        if " " in authorization:
            raise errors.InvalidKey(credentials.said_of_scheme(authorization))
        return authorization

    def answer_nothing(self) -> None:
        self.set_status(204)
        self.finish()

    def answer(self, document: Any, status: int = 200) -> None:
        if status != self.status:
            self.set_status(status)
        self.finish(to_json(document), "application/json")

    def write_error(self, status_code: int, **context: Any) -> None:  # noqa: ARG002 - Tornado's
        self._show(self.error_of(context["exc_info"][1]))

    def error_of(self, exception: BaseException) -> errors.ServiceError:
        """Give a failure its name; one without a name shows nothing of itself."""
        if isinstance(exception, errors.ServiceError):
            return exception
        if isinstance(exception, asyncio.CancelledError):
            return errors.ClientClosed("the caller hung up before the answer")
        status = exception.status_code if isinstance(exception, HTTPError) else None
        if status == HTTPStatus.METHOD_NOT_ALLOWED:  # one that Tornado has never heard of
            return self.wrong_method()
        if status == HTTPStatus.BAD_REQUEST:  # escapes that are not UTF-8
            return errors.MalformedBody("the request cannot be read")
        return errors.InternalFailure("quote the request id when you report this")

    def wrong_method(self) -> errors.ServiceError:
        return errors.MethodNotAllowed(f"use {' or '.join(self.allowed_methods)}")

    def log_exception(self, *raised: Any) -> None:
        if isinstance(self.error_of(raised[1]), errors.InternalFailure):
            said = "unexpected failure in request %s (%s %s)"
            logger.error(said, self.request_id, self.method(), self.route, exc_info=raised)


class IdentifiedHandler(BaseHandler):
    async def admit(self) -> None:
        store = self.services.store
        try:
            self.caller = await store.principal(self.credential())
        except errors.MissingKey:
            cookie = credentials.session_cookie(self)
            if not cookie:
                raise
            given = self.request.headers.get(credentials.XSRF_HEADER, "")
            credentials.require_own_page(self.request, given, cookie, store.tokens)
            self.caller = await store.session_principal(cookie)
        finally:
            self.end_stage("auth")

    def _set_last_headers(self) -> None:
        caller = self.caller
        if self.verdict is None and caller is not None:  # what this process has seen
            limit = limit_of(caller.plan, self.services.settings.plans)
            seen = self.services.limiter
            self.verdict = seen.hit(caller.account_id, limit, caller.window, want=0)
        super()._set_last_headers()


class OperatorHandler(IdentifiedHandler):
    """A request of an operator; it is not counted, so that a used-up plan cannot lock one out."""

    async def admit(self) -> None:
        await super().admit()
        if not self.principal.is_operator:
            raise errors.OperatorOnly("this needs a key of an operator's account, without a limit")


class AuthenticatedHandler(IdentifiedHandler):
    draws_when_admitted: ClassVar[int] = 1

    async def admit(self) -> None:
        await super().admit()
        await self.draw_on_window(self.draws_when_admitted)

    async def draw_on_window(self, want: int = 1) -> None:
        """Count requests against the plan and the key's limit; of none, one must still be left."""
        caller = self.principal
        limit = limit_of(caller.plan, self.services.settings.plans)
        verdict = self.services.windows.hit(caller.account_id, limit, caller.window, want)
        if not isinstance(verdict, Verdict):
            verdict = await verdict
        self.verdict = verdict
        self.end_stage("limit")
        if not verdict.allowed or not (want or verdict.remaining):
            self.services.metrics.count_refusal(caller.plan)
            raise verdict.refusal(caller.plan, want)


class AssessingHandler(AuthenticatedHandler):
    _asked: asyncio.Future[Any] | None = None

    async def assess(self, patient: Patient, ask: Ask | None = None) -> Assessment:
        self.patient = patient
        self._asked = asked = (ask or self.services.predictor.assess)(patient)
        self.assessment = await asked
        self.answered_by = self.assessment.model_version
        self.end_stage("predict")
        return self.assessment

    def on_connection_close(self) -> None:
        """Let nobody work for a caller who has hung up."""
        if self._asked is not None:
            self._asked.cancel()
