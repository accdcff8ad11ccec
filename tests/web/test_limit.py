"""The plan's limit as a caller meets it: exact, told in headers, open again with the minute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support import Caller, told

if TYPE_CHECKING:
    from tests.support import SettableClock


async def test_forty_simultaneous_calls_get_exactly_five_answers(freemium: Caller) -> None:
    freemium.client.max_clients = 40  # type: ignore[attr-defined]
    codes = [r.code for r in await asyncio.gather(*(freemium.assess() for _ in range(40)))]
    assert sorted(codes) == [200] * 5 + [429] * 35


async def test_every_answer_says_what_is_left_until_when(freemium: Caller) -> None:
    response = await freemium.assess()
    assert response.headers["RateLimit-Policy"] == '"freemium";q=5;w=60'
    # The test's clock stands 12.25 s into a minute, so 47.75 s are left.
    assert response.headers["RateLimit"] == '"freemium";r=4;t=48'


async def test_a_refusal_says_when_to_come_back(freemium: Caller, clock: SettableClock) -> None:
    for _ in range(5):
        await freemium.assess()
    clock.now_seconds += 30
    response = await freemium.assess()
    assert told(response) == (429, "rate-limited")
    assert response.headers["Retry-After"] == "18"
    assert response.headers["RateLimit"] == '"freemium";r=0;t=18'
    clock.now_seconds += 18
    assert (await freemium.assess()).code == 200


async def test_an_invalid_request_is_counted(freemium: Caller) -> None:
    await freemium.send("POST", "/service", b"{")
    response = await freemium.send("GET", "/service", {"edad": 1})
    assert response.headers["RateLimit"] == '"freemium";r=3;t=48'


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/service"), ("BREW", "/service")]
)
async def test_a_wrong_path_or_method_is_not_counted(
    freemium: Caller, method: str, path: str
) -> None:
    await freemium.send(method, path)
    assert (await freemium.assess()).headers["RateLimit"] == '"freemium";r=4;t=48'
