"""Values that are at hand for a while, in this process alone."""

import asyncio
from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Expiring(Generic[Value]):
    """The newest so many values, each for so many seconds; then nothing is left of them."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[object, tuple[float, Value]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, place: object, value: Value) -> None:
        loop = asyncio.get_running_loop()
        self._kept.pop(place, None)
        self._kept[place] = loop.time() + self._seconds, value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._sweep)

    def get(self, place: object) -> Value | None:
        return self._kept[place][1] if place in self._kept else None

    def pop(self, place: object) -> Value | None:
        return self._kept.pop(place)[1] if place in self._kept else None

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._kept:
            ends_at, _ = next(iter(self._kept.values()))
            if ends_at > loop.time():
                self._timer = loop.call_at(ends_at, self._sweep)
                return
            self._kept.popitem(last=False)
