"""The only place that builds the long-lived things and joins them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.limits import Limiter
from cardiorisk.predictor.predictor import Predictor
from cardiorisk.store.store import Store
from cardiorisk.web.routes import CardioriskApplication
from cardiorisk.web.services import Services, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.config import Settings


def make_app(settings: Settings, clock: Callable[[], float] = time.time) -> CardioriskApplication:
    """Build the application; nothing runs yet, and the network is not loaded.

    Args:
        settings: what to build.
        clock: seconds since the epoch, UTC.

    Raises:
        LogUnavailable: the bitácora cannot be opened.
        StoreUnavailable: the database cannot be opened or upgraded.
    """
    bitacora = Bitacora.open(settings.log_dir, sync=settings.bitacora_sync)
    return CardioriskApplication(
        Services(
            settings=settings,
            store=Store.open(settings.database_url),
            limiter=Limiter(clock),
            predictor=Predictor(),
            bitacora=bitacora,
            clock=clock,
            traffic=Traffic(),
        )
    )
