"""Who watches is counted, bounded, and ended when the service stops."""

from __future__ import annotations

import asyncio

import pytest

from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.monitoring.overview import Broadcast


async def test_one_more_than_may_watch_is_refused_until_one_leaves() -> None:
    broadcast = Broadcast(most_watchers=2)
    with broadcast.watching():
        with broadcast.watching(), pytest.raises(Overloaded), broadcast.watching():
            pass
        with broadcast.watching():
            pass


async def test_closing_ends_everybody_and_lets_nobody_in() -> None:
    broadcast = Broadcast()
    with broadcast.watching() as end:
        broadcast.close()
        broadcast.close()
        await asyncio.wait_for(end, 1)
    with pytest.raises(NotReady), broadcast.watching():
        pass
