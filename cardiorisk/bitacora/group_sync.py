"""Waiting for the disk together."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from cardiorisk.errors import LogUnavailable

Files = tuple[int, ...]
Fsync = Callable[[int], None]


class GroupSync:
    """The queue before the disk: who comes while an ``fsync`` runs shares the next one.

    When one fails, those who wait for the next are refused with it: the system reports a failed
    write-back once and then forgets the pages. Source: fsync(2), Linux, section on errors.
    ``begin`` and ``end`` of each are called on the event loop.
    """

    def __init__(
        self,
        begin: Callable[[], Files],
        end: Callable[[Files, BaseException | None], None],
        fsync: Fsync,
    ) -> None:
        self._begin = begin
        self._end = end
        self._fsync = fsync
        self._thread = ThreadPoolExecutor(1, "bitacora-sync")
        self._next: asyncio.Future[None] | None = None
        self._running: Future[None] | None = None

    async def wait(self) -> None:
        """Wait for an ``fsync`` that starts after this call."""
        if (turn := self._next) is None:
            turn = self._next = asyncio.get_running_loop().create_future()
            if self._running is None:
                self._start(turn)
        await asyncio.shield(turn)  # a caller who goes away leaves the others waiting

    def close(self) -> None:
        """Wait for the running ``fsync``, sync once more, and let whoever still waits go."""
        self._thread.shutdown()
        files = self._begin()
        error = None if self._running is None else self._running.exception()
        try:
            self._sync(files)
        except OSError as failure:
            error = failure
        self._end(files, error)
        self._release(self._next, error)
        if error is not None:
            raise error

    def _start(self, turn: asyncio.Future[None]) -> None:
        self._next, files = None, self._begin()
        self._running = self._thread.submit(self._sync, files)
        asyncio.wrap_future(self._running).add_done_callback(partial(self._finish, turn, files))

    def _sync(self, files: Files) -> None:
        for file in files:
            self._fsync(file)

    def _finish(
        self, turn: asyncio.Future[None], files: Files, running: asyncio.Future[None]
    ) -> None:
        self._running, error = None, running.exception()
        self._end(files, error)
        self._release(turn, error)
        if error is not None:
            self._release(self._next, error)
        elif self._next is not None:
            self._start(self._next)

    def _release(self, turn: asyncio.Future[None] | None, error: BaseException | None) -> None:
        if turn is self._next:
            self._next = None
        if turn is None or turn.done():
            return
        if error is None:
            turn.set_result(None)
            return
        refusal = LogUnavailable("the bitácora cannot be put on the disk")
        refusal.__cause__ = error
        turn.set_exception(refusal)
        turn.exception()  # all who waited may have gone away
