"""What is at hand for a while: so many values, for so long."""

from __future__ import annotations

import asyncio

from cardiorisk.accounts.expiring import Expiring


async def test_the_newest_are_kept_and_each_is_taken_once() -> None:
    kept = Expiring[str](2, 60)
    for place in ("a", "b", "a", "c"):
        kept.put(place, place.upper())
    assert [kept.get(place) for place in ("a", "b", "c")] == ["A", None, "C"]
    assert (kept.pop("a"), kept.pop("a"), kept.get("a")) == ("A", None, None)


async def test_each_goes_in_its_time_whenever_it_came() -> None:
    kept = Expiring[int](100, 0.02)
    kept.put("early", 1)
    await asyncio.sleep(0.01)
    kept.put("late", 2)
    for place in ("early", "late"):
        for _ in range(200):
            if kept.get(place) is None:
                break
            await asyncio.sleep(0.01)
        assert kept.get(place) is None
    kept.put("again", 3)
    assert kept.get("again") == 3
