"""Values that are at hand for a while, in this process alone."""

import asyncio
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Expiring(Generic[Value]):
    """The newest so many values, each for so many seconds; then nothing is left of them."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._kept: dict[object, tuple[Value, asyncio.TimerHandle]] = {}

    def put(self, place: object, value: Value) -> None:
        self.pop(place)
        timer = asyncio.get_running_loop().call_later(self._seconds, self.pop, place)
        self._kept[place] = value, timer
        if len(self._kept) > self._most:
            self.pop(next(iter(self._kept)))

    def get(self, place: object) -> Value | None:
        return self._kept[place][0] if place in self._kept else None

    def pop(self, place: object) -> Value | None:
        if place not in self._kept:
            return None
        value, timer = self._kept.pop(place)
        timer.cancel()
        return value
