"""The standard streams, of which any may be closed at the start, broken, full, or break later.

What a command only tells must not stop it; what was asked for, on standard output, may.
"""

import contextlib
import os
import select
import sys
from io import FileIO, RawIOBase, TextIOWrapper
from typing import Any


class Telling(FileIO):
    """A descriptor on which no write fails: it ``waits`` for a reader, or leaves out the rest."""

    def __init__(self, number: int, *, waits: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self._poll_milliseconds = None if waits else 0
        self.is_heard = True

    def write(self, text: Any, /) -> int:
        left = memoryview(text).cast("B")
        length = len(left)
        ready = select.poll()
        ready.register(self.fileno(), select.POLLOUT)
        with contextlib.suppress(OSError):
            # A pipe that is ready takes this much without blocking, and so do its like.
            while left and ready.poll(self._poll_milliseconds):
                left = left[super().write(left[: select.PIPE_BUF]) or 0 :]
        self.is_heard &= not left
        return length


def secure() -> None:
    """Open nothing where a stream is missing, lest the database get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    own = sys.__stdout__
    if own is sys.stdout is not None and isinstance(own.buffer, RawIOBase):  # PYTHONUNBUFFERED
        # Where a signal comes, it writes a part, and Python takes that for the whole.
        stream = open(1, "w", 1, own.encoding, own.errors, closefd=False)  # noqa: SIM115 - as above
        _put("stdout", stream)
    tell_only("stderr", waits=True)


def tell_only(name: str, *, waits: bool) -> Telling:
    """Make ``sys.stdout`` or ``sys.stderr`` a stream that fails nothing, unless it was replaced."""
    own = getattr(sys, f"__{name}__")
    telling = Telling(1 if name == "stdout" else 2, waits=waits)
    telling.is_heard = own is not None
    if getattr(sys, name) is own:
        encoding = own.encoding if own else "utf-8"
        stream = TextIOWrapper(telling, encoding, "backslashreplace", line_buffering=True)
        _put(name, stream)
    return telling


def _put(name: str, stream: TextIOWrapper) -> None:
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def abandon_stdout() -> None:
    """Let what could not be written go nowhere, so that the exit does not try it again."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
