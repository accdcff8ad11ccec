"""The second rung of the ladder of handlers; each rung adds one promise to every request.

``BaseHandler`` promises that a request is checked in one order and answered in one form, failures
too. The rungs above it are in ``callers``. The surprise: a failure is always raised and never
finished by hand, because Tornado would go on with the request after a ``finish`` in ``prepare``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tornado.web import HTTPError

from cardiorisk.errors import (
    BodyTooLarge,
    ClientClosed,
    InternalFailure,
    MalformedBody,
    MethodNotAllowed,
    MissingKey,
    NotFound,
    ServiceError,
)
from cardiorisk.web.logged import LoggedHandler
from cardiorisk.web.problems import to_json
from cardiorisk.web.reader import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger(__name__)
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
