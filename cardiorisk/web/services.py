"""What every handler may use: the long-lived things, built in ``app`` and nowhere else.

The network is closed last, by ``server``: its thread cannot be interrupted.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from cardiorisk.accounts.accounts import Accounts
from cardiorisk.accounts.assessments import Assessments
from cardiorisk.accounts.operated import OperatedAccounts
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.config import Settings
from cardiorisk.identity.passwords import Passwords
from cardiorisk.limits.window import Limiter
from cardiorisk.model.predictor import Predictor, Replacement
from cardiorisk.monitoring.log_watch import LogWatch
from cardiorisk.monitoring.metrics import Metrics
from cardiorisk.monitoring.overview import Broadcast, Overviews
from cardiorisk.store.store import Store
from cardiorisk.web.reader import Traffic


@dataclass(frozen=True, slots=True)
class ServedFile:
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """What is served ready-made."""

    openapi: Callable[[], bytes]  # the description of the API, JSON
    page: bytes  # shows it, HTML
    by_name: Mapping[str, ServedFile]  # what that page is made of
    assets: Mapping[str, ServedFile]  # what the other pages are made of
    assets_version: str


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    store: Store
    limiter: Limiter
    predictor: Predictor
    bitacora: Bitacora
    metrics: Metrics
    passwords: Passwords
    accounts: Accounts
    assessments: Assessments
    operated: OperatedAccounts
    log_watch: LogWatch
    overviews: Overviews
    broadcast: Broadcast
    files: Files
    clock: Callable[[], float]  # seconds since the epoch, UTC; the limiter's and the bitácora's too
    traffic: Traffic

    async def start(self) -> None:
        await self.store.start()
        self.overviews.start()

    async def load_network(self) -> None:
        await self.predictor.load(self.settings.model_dir, self.settings.engine)

    async def reload_network(self) -> Replacement:
        """Put the network that is on the disk now in the old one's place, if its files hold."""
        return await self.predictor.reload(self.settings.model_dir, self.settings.engine)

    async def close(self) -> None:
        """Close everything but the predictor, whatever fails to."""
        async with AsyncExitStack() as closing:
            closing.callback(self.bitacora.close)
            closing.push_async_callback(self.store.close)
            closing.callback(self.passwords.close)
            closing.callback(self.log_watch.close)
            closing.callback(self.broadcast.close)
            closing.callback(self.overviews.close)
