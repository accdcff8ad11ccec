"""The windows of all processes together, in Redis, by its clock; see decision 0004.

While it is away each process counts on from what it saw last, or refuses. What a process has seen
goes with its question, so that a Redis that has lost its counts takes them over.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cardiorisk.identity.keys import KeyWindow
from cardiorisk.limits.redis import Arguments, Redis, digest
from cardiorisk.limits.throttle import Place, Tries, require_left
from cardiorisk.limits.window import WINDOW_SECONDS, Limiter, Verdict

_HIT, _TRY = (Path(__file__).with_name(name).read_text() for name in ("hit.lua", "tries.lua"))
_HIT_DIGEST, _TRY_DIGEST = digest(_HIT), digest(_TRY)
_MOST_APART_SECONDS = 24 * 3600  # of Redis's clock and ours


def shared_redis(url: str, *, refuses: bool) -> Redis:
    trial = (1, "cardiorisk:window:{0}", 1, 1_000_000, 1_000_000, "", 0, 0, 0)
    return Redis(url, (_HIT, _TRY), trial, refuses=refuses)


class SharedLimiter:
    """Decides as ``Limiter`` does, for all processes; ``local`` has what this one saw."""

    def __init__(self, redis: Redis, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._clock = clock
        self._ahead_seconds = 0.0  # how far Redis's clock is ahead of ours
        self.local = Limiter(lambda: clock() + self._ahead_seconds)

    def hit(
        self, account_id: int, limit: int, window: KeyWindow | None = None, want: int = 1
    ) -> Verdict | asyncio.Future[Verdict]:
        """Count as ``Limiter.hit`` does; what is full stays so until the minute ends."""
        minute, used, used_by_key = self.local.seen(account_id, window)
        key_limit, name = (limit, "") if window is None else (window.limit, window.name)
        if used_by_key >= key_limit <= limit or (used >= limit and window is None):
            return self.local.hit(account_id, limit, window, want)
        asked = want, limit, key_limit, name, minute, used, used_by_key

        def settle(reply: list[int] | None) -> Verdict:
            if reply is None:
                return self.local.hit(account_id, limit, window, want)
            seconds, microseconds, *before = map(int, reply)
            now = seconds + microseconds / 1_000_000
            ahead_seconds = now - self._clock()
            if abs(ahead_seconds) > _MOST_APART_SECONDS:
                raise ValueError(seconds)
            self._ahead_seconds = ahead_seconds
            is_late = now // WINDOW_SECONDS == minute < self.local.seen(account_id, window)[0]
            counting = Limiter() if is_late else self.local
            counting.see(now, account_id, window, *before)
            verdict = counting.hit(account_id, limit, window, want, now)
            if is_late:  # read when the next minute had begun here, which has counts of its own
                self.local.add_calls(counting.take_calls())
            return verdict

        place = f"cardiorisk:window:{{{account_id}}}"
        return self._redis.ask(("EVALSHA", _HIT_DIGEST, 1, place, *asked), settle)


class SharedTries(Tries):
    def __init__(self, redis: Redis, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._redis = redis
        self._last_told: asyncio.Future[Any] | None = None

    async def tries(self, *places: Place) -> list[int]:
        found = await self._ask(places, 0, 0)
        return found[::3] if found else await super().tries(*places)

    async def hold(self, *places: Place) -> None:
        found = await self._ask(places, 1, 0)
        if not found:
            await super().hold(*places)
        for place, *counts in zip(places, found[::3], found[1::3], found[2::3], strict=False):
            require_left(place, *counts)

    def end(self, *places: Place, tries: int = 0) -> None:
        super().end(*places, tries=tries)
        self._tell(self._ask(places, -1, tries))

    def clear(self, place: Place) -> None:
        super().clear(place)
        self._tell(self._redis.ask(("HDEL", _attempts(place), "tries"), bool))

    async def arrived(self) -> None:
        if self._last_told is not None:  # what was told before it is answered before it
            await asyncio.wait([self._last_told])

    def _tell(self, told: asyncio.Future[Any]) -> None:
        self._last_told = told
        told.add_done_callback(asyncio.Future.exception)

    def _ask(self, places: tuple[Place, ...], held: int, tries: int) -> asyncio.Future[list[int]]:
        """Have places held and tries added; tries, places and seconds left come back of each."""
        keys = [_attempts(place) for place in places]
        bounds = [number for place in places for number in (place.kind.most, place.kind.seconds)]

        def settle(reply: list[int] | None) -> list[int]:
            if reply is not None and len(reply) != 3 * len(places):
                raise ValueError(len(reply))
            return list(map(int, reply or ()))

        asked: Arguments = ("EVALSHA", _TRY_DIGEST, len(keys), *keys, held, int(tries), *bounds)
        return self._redis.ask(asked, settle)


def _attempts(place: Place) -> str:
    return f"cardiorisk:{{attempts}}:{place.kind.name}:{place.who}"
