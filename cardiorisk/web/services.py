"""What every handler may use: the long-lived things, built in ``app`` and nowhere else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.bitacora.writer import Bitacora
    from cardiorisk.config import Settings
    from cardiorisk.limits import Limiter
    from cardiorisk.predictor.predictor import Predictor, Replacement
    from cardiorisk.store.store import Store


class Traffic:
    """The requests that have come in and are not answered yet."""

    def __init__(self) -> None:
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def enter(self) -> None:
        """Count a request in."""
        self._open += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count a request out."""
        self._open -= 1
        if self._open == 0:
            self._idle.set()

    async def wait_until_idle(self, deadline_seconds: float) -> bool:
        """Wait until nothing is in flight, or the deadline; tell which of the two it was."""
        try:
            await asyncio.wait_for(self._idle.wait(), deadline_seconds)
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived things of one process.

    Attributes:
        clock: seconds since the epoch, UTC; the limiter and the bitácora read the same one.
    """

    settings: Settings
    store: Store
    limiter: Limiter
    predictor: Predictor
    bitacora: Bitacora
    clock: Callable[[], float]
    traffic: Traffic

    async def start(self) -> None:
        """Start what runs beside the requests; the network is loaded by ``load_network``."""
        await self.store.start()

    async def load_network(self) -> None:
        """Load the network; until it is loaded, assessments are refused as not ready.

        Raises:
            UnusableArtefact: the network's files do not hold.
        """
        await self.predictor.load(self.settings.model_dir, self.settings.engine)

    async def reload_network(self) -> Replacement:
        """Put the network that is on the disk now in the old one's place.

        Raises:
            NotReady: no network has been loaded yet.
            ReloadUnderWay: another reload has not ended yet.
            UnusableArtefact: the network's files do not hold; the old one goes on answering.
        """
        return await self.predictor.reload(self.settings.model_dir, self.settings.engine)

    async def close(self) -> None:
        """Close everything, the log last: whatever happens before it can still be written."""
        self.predictor.close()
        await self.store.close()
        self.bitacora.close()
