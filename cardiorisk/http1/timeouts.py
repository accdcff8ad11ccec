"""How long a caller may take to send: connections that owe us bytes, and until when.

Tornado's own timeouts make a timer, a future and a task for every wait. Here a wait is an entry in
a table, and one sweep a second closes whoever is overdue, so a deadline costs a request next to
nothing and is kept to within a second.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


QUIET_SECONDS = 75.0
"""From a connection's start, or the answer before, to the end of the next request's headers."""
BODY_SECONDS = 20.0
"""From the end of the headers to the end of the body."""
TAKING_SECONDS = 300.0
"""From the end of an answer to the caller's having taken enough of it."""
SWEEP_SECONDS = 1.0


class Closable(Protocol):
    """A connection, as far as it matters here."""

    def close(self) -> None:
        """End at once."""


class Patience:
    """Connections that are waited for; used on the event loop only.

    Args:
        clock: seconds from a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Each table has one limit, so its entries run out in the order in which they came.
        self._headers_due: dict[Closable, float] = {}
        self._body_due: dict[Closable, float] = {}
        self._taking_due: dict[Closable, float] = {}

    @property
    def waits(self) -> int:
        """How many connections owe us something."""
        return len(self._headers_due) + len(self._body_due) + len(self._taking_due)

    def await_headers(self, connection: Closable) -> None:
        """Begin to wait for a request."""
        self._headers_due[connection] = self._clock() + QUIET_SECONDS

    def await_body(self, connection: Closable) -> None:
        """Begin to wait for the body of the request whose headers have come."""
        self._headers_due.pop(connection, None)
        self._body_due[connection] = self._clock() + BODY_SECONDS

    def await_taking(self, connection: Closable) -> None:
        """Begin to wait for the caller to take its answer, and for nothing else."""
        self.forget(connection)
        self._taking_due[connection] = self._clock() + TAKING_SECONDS

    def forget(self, connection: Closable) -> None:
        """Wait no longer: what was waited for has come, or the connection has ended."""
        self._headers_due.pop(connection, None)
        self._body_due.pop(connection, None)
        self._taking_due.pop(connection, None)

    def close_overdue(self) -> None:
        """Close every connection whose time is over."""
        now = self._clock()
        for due in (self._headers_due, self._body_due, self._taking_due):
            while due:
                connection, until = next(iter(due.items()))
                if until > now:
                    break
                del due[connection]
                connection.close()
