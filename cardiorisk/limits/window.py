"""The limit: so many requests in each clock minute (UTC), per account, and per key with its own.

See decision 0004. What was counted is also kept by the day.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from cardiorisk.errors import FieldFault, InvalidAccount, RateLimited
from cardiorisk.identity.keys import KeyWindow

WINDOW_SECONDS = 60
MOST_ENDED_MINUTES = 60  # whose counts wait to be taken


class Verdict(NamedTuple):
    """Tells of the window that has less left or, of two alike, that of the smaller limit."""

    allowed: bool  # and counted
    limit: int
    remaining: int
    resets_in_seconds: int  # 1 to 60; to 120 after a clock was set back by less than a minute
    is_key_s: bool = False

    def refusal(self, plan: str, want: int) -> RateLimited:
        allows = "this key" if self.is_key_s else f"the plan {plan}"
        left = f"{self.remaining} left for {want} patients; " if want > 1 else ""
        if want > self.limit:
            left += f"send at most {self.limit} at once; "
        told = f"{allows} allows {self.limit} requests a minute; {left}the next minute starts in"
        return RateLimited(f"{told} {self.resets_in_seconds} s", self.resets_in_seconds)


class _Minute:
    def __init__(self, number: int) -> None:
        self.number = number
        self.day = datetime.fromtimestamp(number * WINDOW_SECONDS, UTC).date()
        self.used: dict[int, int] = {}  # by account
        self.taken: dict[int, int] = {}  # of that, or not this process's

    def untaken(self, account_id: int) -> int:
        return self.used.get(account_id, 0) - self.taken.get(account_id, 0)


class Limiter:
    """Counts of the current minute, in memory; call it on the event loop only."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._minute = _Minute(0)
        self._ended: deque[_Minute] = deque(maxlen=MOST_ENDED_MINUTES)
        self._used_by_keys: dict[str, int] = {}  # in the current minute, by a window's name
        self._late = Counter[tuple[int, date]]()  # calls of minutes that had ended, not taken

    def hit(
        self,
        account_id: int,
        limit: int,
        window: KeyWindow | None = None,
        want: int = 1,
        now: float | None = None,  # where another clock than ours counts
    ) -> Verdict:
        """Count ``want`` requests (0 only looks) in the account's and its key's window, or none."""
        now = self._clock() if now is None else now
        minute = self._current(now)
        used = minute.used.get(account_id, 0)
        left, is_key_s = max(0, limit - used), False
        if window is not None:
            used_by_key = self._used_by_keys.get(window.name, 0)
            its = max(0, window.limit - used_by_key), window.limit, True
            left, limit, is_key_s = min((left, limit, False), its)
        allowed = want <= left
        if allowed and want:
            left -= want
            minute.used[account_id] = used + want
            if window is not None:
                self._used_by_keys[window.name] = used_by_key + want
        left_seconds = (minute.number + 1) * WINDOW_SECONDS - now
        return Verdict(allowed, limit, left, max(1, math.ceil(left_seconds)), is_key_s)

    def seen(self, account_id: int, window: KeyWindow | None) -> tuple[int, int, int]:
        minute = self._current(self._clock())
        used_by_key = 0 if window is None else self._used_by_keys.get(window.name, 0)
        return minute.number, minute.used.get(account_id, 0), used_by_key

    def see(
        self, now: float, account_id: int, window: KeyWindow | None, used: int, used_by_key: int
    ) -> None:
        """Take over what others counted too; only what is hit here becomes calls."""
        minute = self._current(now)
        others = used - minute.used.get(account_id, 0)
        if others:
            minute.taken[account_id] = minute.taken.get(account_id, 0) + others
            minute.used[account_id] = used
        if window is not None:
            self._used_by_keys[window.name] = used_by_key

    def active_accounts(self) -> int:
        return len(self._current(self._clock()).used)

    def used(self, account_id: int) -> int:
        return self.seen(account_id, None)[1]

    def take_calls(self) -> Counter[tuple[int, date]]:
        """Return what was counted here since the last time, by account and day (UTC)."""
        calls, self._late = self._late, Counter()
        for minute in (*self._ended, self._minute):
            for account_id in minute.used:
                calls[account_id, minute.day] += minute.untaken(account_id)
        self._ended.clear()
        self._minute.taken = dict(self._minute.used)
        return +calls

    def add_calls(self, late: Counter[tuple[int, date]]) -> None:
        self._late += late

    def calls_of(self, account_id: int) -> Counter[date]:
        late = self._late.items()
        calls = Counter({day: count for (whose, day), count in late if whose == account_id})
        for minute in (*self._ended, self._minute):
            calls[minute.day] += minute.untaken(account_id)
        return +calls

    def _current(self, now: float) -> _Minute:
        """Return the current minute; a clock set back by less than one stays in that it reached."""
        number = int(now // WINDOW_SECONDS)
        minute = self._minute
        if number > minute.number or number < minute.number - 1:
            if minute.used:
                self._ended.append(minute)
            self._minute = minute = _Minute(number)
            self._used_by_keys = {}
        return minute


def require_plan(plan: str, plans: Collection[str]) -> None:
    if plan not in plans:
        raise InvalidAccount((FieldFault("plan", f"must be one of {', '.join(plans)}"),))


def require_below(limit: int | None, plan: str, plans: Mapping[str, int]) -> None:
    allowed = limit_of(plan, plans)
    if limit is not None and limit >= allowed:
        accepted = f"must be less than the {allowed} requests a minute that the plan {plan} allows"
        raise InvalidAccount((FieldFault("limit", accepted),))


def limit_of(plan: str, plans: Mapping[str, int]) -> int:
    """Return a plan's requests a minute; one that is no longer set gets the least."""
    return plans.get(plan) or min(plans.values())
