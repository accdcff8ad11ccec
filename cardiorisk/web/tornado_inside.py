"""What touches Tornado where it is not documented: here and nowhere else.

``tests/web/test_tornado_inside.py`` notices when Tornado changes, and ``setup.cfg`` holds it to one
minor version. What a request costs is why any of this is done.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from types import coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from tornado.httputil import HTTPHeaders, format_timestamp
from tornado.web import RequestHandler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator


class EmptyHeaders(HTTPHeaders):
    """Headers that begin empty, without asking what nothing is made of, as Tornado does."""

    def __init__(self) -> None:
        self._as_list = {}
        self._combined_cache = {}


class LeanHandler(RequestHandler):
    """Tornado's handler, which knows its methods, QUERY too, and begins its answers quickly.

    Attributes:
        allowed_methods: those that the class answers.
        every_answer: headers that every answer carries, beside its date.
    """

    SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "QUERY")
    allowed_methods: ClassVar[tuple[str, ...]] = ()
    every_answer: ClassVar[tuple[tuple[str, str], ...]] = ()

    # Tornado marks its own methods in the same way.
    query: Callable[..., Awaitable[None] | None] = RequestHandler._unimplemented_method  # noqa: SLF001

    def __init_subclass__(cls) -> None:
        unimplemented = RequestHandler._unimplemented_method  # noqa: SLF001 - Tornado's own mark
        cls.allowed_methods = tuple(
            method
            for method in cls.SUPPORTED_METHODS
            if getattr(cls, method.lower()) is not unimplemented
        )

    def clear(self) -> None:
        """Begin the answer, or begin it anew; Tornado would make and check each header."""
        self._headers = EmptyHeaders()
        for name, value in self.every_answer:
            self._headers[name] = value
        self._headers["Date"] = _http_date(int(time.time()))
        self._write_buffer = []
        self._status_code = 200
        self._reason = "OK"

    @property
    def answer_headers(self) -> HTTPHeaders:
        """The answer's headers; what is set here directly is not checked before it is sent."""
        return self._headers

    @property
    def is_finished(self) -> bool:
        """Whether ``on_finish`` has been called."""
        return self._finished


def run_handler(handler: RequestHandler, arguments: tuple[bytes, ...]) -> None:
    """Have a request answered, at once where nothing has to be waited for; no failure gets out.

    Args:
        handler: who answers.
        arguments: the parts of the path that vary.
    """
    run_eagerly(handler._execute([], *arguments))  # noqa: SLF001 - what Tornado's delegate calls


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return format_timestamp(second)


def run_eagerly(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, and return the task of the rest where there is one.

    A task would begin a turn of the loop later. Up to its first wait the coroutine runs in no task,
    so it must not ask for the current one there, as ``asyncio.timeout`` does. Python 3.12 can start
    a task eagerly; 3.11 cannot.

    Raises:
        BaseException: what ``work`` raised before its first wait.
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
    """Go on with a coroutine from the wait that it has come to."""
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
