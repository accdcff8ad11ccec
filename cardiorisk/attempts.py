"""Attempts: how often somebody may try in a while, so that passwords cannot be guessed.

Pure: no thread, no disk, no time but the clock it is given. Tries under way take up what the
window has left until their outcome is known, so a thousand at the same moment get no further than
a thousand in a row. They are kept apart from what is counted: too many at once are sent away for
a second, and only what is counted keeps anybody out for the rest of the window.

A fixed window starts at the first try and is simple, exact and cheap; it lets through up to
twice its number within one window's length that straddles two of them. Memory is bounded: past
so many names the one heard of first is forgotten, so whoever can send tries from thousands of
addresses can make it forget. The counts are one process's own and start anew with it.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from cardiorisk.errors import Overloaded, TooManyAttempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_COUNTED = 16_384
"""Names or addresses that are counted at the same time; about 250 bytes each."""

_SITE_BITS = 64


@dataclass(slots=True)
class _Window:
    ends_at_seconds: float
    tries: int


class Attempts:
    """Counts of tries by whoever makes them, each in a window of its own.

    Args:
        most: tries a window allows.
        window_seconds: how long a window lasts from its first try.
        clock: seconds; one that is set back starts the windows anew.
        most_counted: bound of what is remembered.
    """

    def __init__(
        self,
        most: int,
        window_seconds: float,
        clock: Callable[[], float] = time.time,
        most_counted: int = MOST_COUNTED,
    ) -> None:
        self._most = most
        self._window_seconds = window_seconds
        self._clock = clock
        self._most_counted = most_counted
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    def require(self, who: str) -> None:
        """Check that somebody may try, and count nothing.

        Raises:
            TooManyAttempts: the window's tries are used up.
        """
        window = self._current(who)
        if window is not None and window.tries >= self._most:
            left_seconds = max(1, math.ceil(window.ends_at_seconds - self._clock()))
            raise TooManyAttempts(
                f"there were too many attempts; try again in {left_seconds} s", left_seconds
            )

    def count(self, who: str) -> None:
        """Count one try."""
        window = self._current(who)
        if window is None:
            window = _Window(self._clock() + self._window_seconds, 0)
            self._windows[who] = window
            if len(self._windows) > self._most_counted:
                self._windows.popitem(last=False)
        window.tries += 1

    @contextmanager
    def under_way(self, who: str) -> Iterator[None]:
        """Hold a place in the window for the length of the block, which may count a try.

        Raises:
            TooManyAttempts: the window's tries are used up.
            Overloaded: those under way may use them up; a second later, they have or have not.
        """
        self.require(who)
        window = self._current(who)
        if self._under_way[who] + (window.tries if window else 0) >= self._most:
            raise Overloaded("too many attempts are under way; try again in a second")
        self._under_way[who] += 1
        try:
            yield
        finally:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]

    def forget(self, who: str) -> None:
        """Start somebody's count anew."""
        self._windows.pop(who, None)

    def _current(self, who: str) -> _Window | None:
        """Return the window that is open for somebody; drop one that is not."""
        window = self._windows.get(who)
        if window is None:
            return None
        if 0 < window.ends_at_seconds - self._clock() <= self._window_seconds:
            return window
        del self._windows[who]
        return None


def site_of(address: str) -> str:
    """Return whom an IP address is counted as: itself or, of IPv6, its network of 64 bits.

    One subscriber is given at least such a network, so counting its single addresses would count
    nothing. Source: RFC 6177, section 2.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"
