"""What touches Tornado where it is not documented, for the sake of what a request costs.

``tests/web/test_tornado_inside.py`` notices when Tornado changes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from functools import lru_cache
from types import coroutine
from typing import Any, ClassVar

from tornado.httputil import HTTPHeaders, format_timestamp
from tornado.web import RequestHandler

from cardiorisk.errors import ServiceError

BODY_LIMIT_BYTES = 64 * 1024


class AnswerHeaders(HTTPHeaders):
    """Tornado's headers, begun and set without a check of each."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._as_list = {name: [value] for name, value in fields}
        self._combined_cache = {}

    def put(self, name: str, value: str) -> None:
        self._as_list[name] = [value]
        self._combined_cache.pop(name, None)


class LeanHandler(RequestHandler):
    """Tornado's handler, which knows its methods, QUERY too, and begins its answers quickly."""

    SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "QUERY")
    allowed_methods: tuple[str, ...] = ()  # but for OPTIONS, which all answer alike
    every_answer: ClassVar[tuple[tuple[str, str], ...]] = ()
    body_limit_bytes: ClassVar[int] = BODY_LIMIT_BYTES
    body_fault: ServiceError | None = None  # why the body was not accepted

    # Tornado marks its own methods in the same way.
    query: Callable[..., Awaitable[None] | None] = RequestHandler._unimplemented_method  # noqa: SLF001 - see above

    def __init_subclass__(cls, *, has_head: bool = False) -> None:
        if has_head:
            cls.head = cls.get  # a HEAD is answered as a GET is
        unimplemented = RequestHandler._unimplemented_method  # noqa: SLF001 - Tornado's own mark
        cls.allowed_methods = tuple(
            method
            for method in cls.SUPPORTED_METHODS
            if method != "OPTIONS" and getattr(cls, method.lower()) is not unimplemented
        )

    def clear(self) -> None:
        self.answer_headers = self._headers = AnswerHeaders(self.every_answer)
        self.answer_headers.put("Date", _http_date(int(time.time())))
        self._write_buffer = []
        self.status = self._status_code = 200
        self._reason = "OK"

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        super().set_status(status_code, reason)
        self.status = status_code

    def write_whole(self, content_type: str, body: bytes) -> None:
        self._write_buffer = [body]
        self.answer_headers.put("Content-Type", content_type)
        self.answer_headers.put("Content-Length", str(len(body)))

    @property
    def is_finished(self) -> bool:
        return self._finished

    def _log(self) -> None:
        """Keep no second log: the bitácora is the only record of requests."""


def run_handler(handler: RequestHandler, arguments: tuple[bytes, ...]) -> None:
    """Have a request answered, at once where nothing has to be waited for; no failure gets out."""
    run_eagerly(handler._execute([], *arguments))  # noqa: SLF001 - what Tornado's delegate calls


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return format_timestamp(second)


def run_eagerly(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, and return the task of the rest where there is one.

    Python 3.11 cannot start a task eagerly. Up to its first wait the coroutine runs in no task, so
    it must not ask for the current one there, as ``asyncio.timeout`` does.
    """
    try:
        waiting = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_rest(work, waiting))


async def _rest(work: Coroutine[Any, Any, None], waiting: Any) -> None:
    await _resumed(work, waiting)


@coroutine
def _resumed(work: Coroutine[Any, Any, None], waiting: Any) -> Generator[Any, Any, None]:
    try:
        while True:
            try:
                sent = yield waiting
            except BaseException as raised:  # noqa: BLE001 - handed on, whatever it is
                waiting = work.throw(raised)
            else:
                waiting = work.send(sent)
    except StopIteration:
        return
    finally:
        work.close()
