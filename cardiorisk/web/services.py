"""What every handler may use: the long-lived things, built in ``app`` and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cardiorisk.accounts.accounts import Accounts
from cardiorisk.accounts.assessments import Assessments
from cardiorisk.accounts.operated import OperatedAccounts
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.config import Settings
from cardiorisk.http1.connection import REASONS
from cardiorisk.identity.passwords import Passwords
from cardiorisk.limits.window import Limiter
from cardiorisk.model.predictor import Predictor
from cardiorisk.monitoring.log_watch import LogWatch
from cardiorisk.monitoring.metrics import Metrics
from cardiorisk.monitoring.nodes import Nodes
from cardiorisk.monitoring.overview import Broadcast, Overviews
from cardiorisk.store.store import Store

if TYPE_CHECKING:  # they need an optional extra
    from cardiorisk.limits.redis import Redis
    from cardiorisk.limits.shared import SharedLimiter

_LOOK_SECONDS = 0.01
MOST_HELD_BYTES = 64 * 1024 * 1024  # beyond the common limit, of all bodies under way


class Traffic:
    """The requests whose headers have come in and that are not answered yet, ``open_requests``.

    ``refusals`` counts, by the reason, those that ended before they reached a handler;
    ``batch_turn`` is for whoever reads a batch: together they would keep everybody waiting.
    """

    def __init__(self) -> None:
        self.open_requests = 0
        self.refusals = dict.fromkeys(REASONS, 0)
        self._held_bytes: dict[object, int] = {}
        self.batch_turn = asyncio.Lock()

    async def wait_until_idle(self, deadline_seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                while self.open_requests:  # noqa: ASYNC110 - an event costs each request calls
                    await asyncio.sleep(_LOOK_SECONDS)

    def hold(self, connection: object, large_bytes: int) -> bool:
        others = sum(held for other, held in self._held_bytes.items() if other is not connection)
        if others + large_bytes > MOST_HELD_BYTES:
            return False
        self._held_bytes[connection] = large_bytes
        return True

    def let_go(self, connection: object) -> None:
        self._held_bytes.pop(connection, None)


@dataclass(frozen=True, slots=True)
class Files:
    openapi: Callable[[], bytes]  # the description of the API, JSON
    page: bytes  # shows it, HTML
    by_name: Mapping[str, tuple[str, bytes]]  # what the pages are made of, with its type
    version: str


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    limiter: Limiter  # what this process saw
    windows: Limiter | SharedLimiter  # who decides
    redis: Redis | None  # where it counts the windows
    predictor: Predictor
    bitacora: Bitacora
    metrics: Metrics
    passwords: Passwords
    accounts: Accounts
    assessments: Assessments
    operated: OperatedAccounts
    nodes: Nodes
    log_watch: LogWatch
    overviews: Overviews
    broadcast: Broadcast
    files: Files
    clock: Callable[[], float]  # seconds since the epoch, UTC; the limiter's and the bitácora's too
    traffic: Traffic

    async def start(self) -> None:
        await self.store.start()
        if self.redis is not None:
            await self.redis.start()
        self.nodes.start()
        self.overviews.start()

    async def load_network(self) -> None:
        await self.predictor.load(self.settings.model_dir, self.settings.engine)

    async def close(self) -> None:
        """Close everything but the predictor, whatever fails to."""
        async with AsyncExitStack() as closing:
            closing.callback(self.bitacora.close)
            closing.push_async_callback(self.store.close)
            if self.redis is not None:
                closing.push_async_callback(self.redis.close)
            closing.callback(self.passwords.close)
            closing.callback(self.log_watch.close)
            closing.callback(self.broadcast.close)
            closing.callback(self.overviews.close)
            closing.callback(self.nodes.close)
