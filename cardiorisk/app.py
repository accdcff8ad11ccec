"""The only place that builds the long-lived things and joins them, before a port is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cardiorisk.accounts.accounts import Accounts
from cardiorisk.accounts.assessments import Assessments
from cardiorisk.accounts.operated import OperatedAccounts
from cardiorisk.bitacora.writer import Bitacora
from cardiorisk.config import Settings
from cardiorisk.errors import InvalidSettings, NotFound
from cardiorisk.identity.passwords import Passwords
from cardiorisk.limits.throttle import Throttle, Tries
from cardiorisk.limits.window import Limiter
from cardiorisk.model.predictor import Predictor
from cardiorisk.monitoring.log_watch import LogWatch
from cardiorisk.monitoring.metrics import LastHour, Metrics, Sources
from cardiorisk.monitoring.nodes import Nodes
from cardiorisk.monitoring.overview import Broadcast, Overviews
from cardiorisk.routes import API_ROUTES, NO_ROUTE, CardioriskApplication
from cardiorisk.store.database import open_served
from cardiorisk.store.store import Store
from cardiorisk.web.documents import load_files
from cardiorisk.web.handlers import to_json
from cardiorisk.web.openapi import describe, expected_answers
from cardiorisk.web.problems import PROBLEMS
from cardiorisk.web.services import Services, Traffic

if TYPE_CHECKING:
    from cardiorisk.limits.redis import Redis
    from cardiorisk.limits.shared import SharedLimiter


def make_app(settings: Settings, clock: Callable[[], float] = time.time) -> CardioriskApplication:
    """Build the application; ``clock`` gives seconds since the epoch."""
    bitacora = Bitacora(
        settings.log_dir,
        node=settings.node,
        sync=settings.bitacora_sync,
        seal_key_file=settings.seal_key_file,
        wall_clock=clock,
    )
    secret = settings.token_secret
    limiter, counts, windows, redis = _limits(settings, clock)
    store = Store(
        open_served(settings.database_url),
        clock=clock,
        limiter=limiter,
        token_secret=secret.get_secret_value().encode() if secret is not None else None,
    )
    predictor, traffic, passwords = Predictor(), Traffic(), Passwords()
    nodes = Nodes(settings, store, predictor)
    requests = (lambda: traffic.open_requests), traffic.refusals
    sources = Sources(store, limiter, predictor, bitacora, *requests, redis, nodes)
    nowhere = "GET", NO_ROUTE, PROBLEMS[NotFound.code].status
    expected = [*expected_answers(API_ROUTES), nowhere]
    metrics = Metrics(expected, settings.plans, sources, settings.node)
    log_watch = LogWatch(bitacora.path, clock)
    overviews = Overviews(LastHour(metrics.counts, clock), sources, log_watch, clock)
    return CardioriskApplication(
        Services(
            settings=settings,
            store=store,
            limiter=limiter,
            windows=windows,
            redis=redis,
            predictor=predictor,
            bitacora=bitacora,
            metrics=metrics,
            passwords=passwords,
            accounts=Accounts(store, passwords, Throttle(counts), settings.plans),
            assessments=Assessments(store),
            operated=OperatedAccounts(store, settings.plans),
            log_watch=log_watch,
            overviews=overviews,
            nodes=nodes,
            broadcast=Broadcast(),
            files=load_files(lambda: to_json(describe(API_ROUTES))),
            clock=clock,
            traffic=traffic,
        )
    )


def _limits(
    settings: Settings, clock: Callable[[], float]
) -> tuple[Limiter, Tries, Limiter | SharedLimiter, Redis | None]:
    url, refuses = settings.windows_url.get_secret_value(), settings.windows_down == "refuse"
    if not url:
        limiter = Limiter(clock)
        return limiter, Tries(clock), limiter, None
    try:
        from cardiorisk.limits import shared  # noqa: PLC0415 - needs an optional extra
    except ModuleNotFoundError as error:
        needed = "CARDIORISK_WINDOWS_URL needs hiredis: pip install 'cardiorisk[cluster]'"
        raise InvalidSettings(needed) from error
    redis = shared.shared_redis(url, refuses=refuses)
    windows = shared.SharedLimiter(redis, clock)
    return windows.local, shared.SharedTries(redis, clock), windows, redis
