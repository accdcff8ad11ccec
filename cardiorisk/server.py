"""The process: listen, load the network, serve, and on a signal drain and close in order.

SIGHUP does not end it: it replaces the network by the one that is on the disk now.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Protocol

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from cardiorisk.app import make_app
from cardiorisk.errors import CannotListen, ServiceError

if TYPE_CHECKING:
    from socket import socket

    from cardiorisk.config import Settings
    from cardiorisk.web.services import Services

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
"""How long answers under way may take after a signal."""
_IDLE_SECONDS = 75.0
_BODY_SECONDS = 20.0
_HEADER_BYTES = 16 * 1024


class Announcer(Protocol):
    """Whoever is told how far the start has come."""

    def listening(self, url: str) -> None:
        """Hear that connections are accepted at ``url``."""

    def first_key(self, key: str) -> None:
        """Hear the key of the account that an empty database was given; it is shown once."""

    def ready(self, url: str, model_version: str) -> None:
        """Hear that patients can be assessed."""

    def stopping(self) -> None:
        """Hear that a signal has ended the service."""


async def serve(settings: Settings, announcer: Announcer) -> None:
    """Serve until SIGTERM or SIGINT; a second signal does not wait for answers under way.

    Raises:
        CannotListen: the address is taken or not ours.
        LogUnavailable: the bitácora cannot be opened.
        StoreUnavailable: the database cannot be opened.
        UnusableArtefact: the network's files do not hold.
    """
    stops = _watch_signals(signal.SIGTERM, signal.SIGINT)
    reloads = _watch_signals(signal.SIGHUP)
    application = make_app(settings)
    services = application.services
    server = HTTPServer(
        application,
        idle_connection_timeout=_IDLE_SECONDS,
        body_timeout=_BODY_SECONDS,
        max_header_size=_HEADER_BYTES,
    )
    try:
        sockets = _bind(settings)
        await services.start()
        server.add_sockets(sockets)
        url = _url(sockets[0])
        announcer.listening(url)
        if (key := await services.store.create_first_key()) is not None:
            announcer.first_key(key)
        if await _load_network(services, stops):
            announcer.ready(url, services.predictor.card.version)
            await _reload_until_stopped(services, reloads, stops)
        announcer.stopping()
    finally:
        await _stop(server, services, stops)


def _bind(settings: Settings) -> list[socket]:
    try:
        return bind_sockets(settings.port, settings.host)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another port with --port"
        ) from error


def _watch_signals(*numbers: signal.Signals) -> asyncio.Queue[signal.Signals]:
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, received.put_nowait, number)
    return received


async def _reload_until_stopped(
    services: Services,
    reloads: asyncio.Queue[signal.Signals],
    stops: asyncio.Queue[signal.Signals],
) -> None:
    reloading = asyncio.ensure_future(_reload_at_each(services, reloads))
    try:
        await stops.get()
    finally:
        reloading.cancel()


async def _reload_at_each(services: Services, reloads: asyncio.Queue[signal.Signals]) -> None:
    """Reload at each signal; those that come meanwhile make one more reload together."""
    while True:
        await reloads.get()
        while not reloads.empty():
            reloads.get_nowait()
        try:
            replacement = await services.reload_network()
        except ServiceError as error:
            logger.warning("the network %s goes on: %s", services.predictor.card.version, error)
        except Exception:
            logger.exception("the network %s goes on", services.predictor.card.version)
        else:
            logger.warning(
                "the network %s has replaced %s", replacement.new_version, replacement.old_version
            )


async def _load_network(services: Services, stops: asyncio.Queue[signal.Signals]) -> bool:
    """Load the network unless a signal comes first; tell which of the two it was."""
    loading = asyncio.ensure_future(services.load_network())
    stop = asyncio.ensure_future(stops.get())
    await asyncio.wait({loading, stop}, return_when=asyncio.FIRST_COMPLETED)
    if stop.done():
        loading.cancel()
        return False
    stop.cancel()
    loading.result()
    return True


async def _stop(
    server: HTTPServer, services: Services, stops: asyncio.Queue[signal.Signals]
) -> None:
    server.stop()
    drained = asyncio.ensure_future(services.traffic.wait_until_idle(DRAIN_SECONDS))
    second_signal = asyncio.ensure_future(stops.get())
    await asyncio.wait({drained, second_signal}, return_when=asyncio.FIRST_COMPLETED)
    drained.cancel()
    second_signal.cancel()
    await server.close_all_connections()
    await services.close()


def _url(bound: socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
