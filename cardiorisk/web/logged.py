"""The lowest rung of the ladder of handlers: no answer leaves before its line is in the bitácora.

``LoggedHandler`` promises that a request is timed from its arrival, named, and written down before
its answer leaves, with the headers that every answer has. What a request must be, and what it is
answered, is decided by the rungs above it.

The surprise: the line and the last headers are written in ``finish``, the only place that every
answer passes, Tornado's own errors included.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from tornado.httputil import format_timestamp
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from cardiorisk.bitacora.entry import Entry
from cardiorisk.errors import LogUnavailable, MethodNotAllowed, ServiceError
from cardiorisk.http1.headers import EmptyHeaders
from cardiorisk.identity.keys import PREFIX
from cardiorisk.limits.window import WINDOW_SECONDS, Verdict
from cardiorisk.measuring import Timings
from cardiorisk.web.problems import CONTENT_TYPE, problem_body, problem_headers, problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tornado.httputil import HTTPHeaders

    from cardiorisk.identity.keys import Principal
    from cardiorisk.model.assessing import Assessment
    from cardiorisk.patients.patient import Patient
    from cardiorisk.web.services import Services

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
