"""The process: listen, load the network, serve, and on a signal drain and close in order.

It listens before the network is loaded, and refuses assessments until then, unless it is set to
wait (decision 0003).
"""

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Coroutine
from contextlib import suppress
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Protocol

from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets

from cardiorisk.app import make_app
from cardiorisk.config import Settings
from cardiorisk.errors import CannotListen, ServiceError
from cardiorisk.http1.listener import SWEEP_SECONDS, Listener, bind_unix
from cardiorisk.store import rows_accounts
from cardiorisk.web.services import Services

logger = logging.getLogger(__name__)

# After a signal, for requests that have been sent and are not read yet; so often as long as there
# are connections, which a proxy may use at the very moment at which they are closed.
SETTLE_SECONDS, SETTLES = 0.05, 10
DRAIN_SECONDS = 10.0  # for answers under way, after a signal
_MOST_DESCRIPTORS = 65_536
_OWN_DESCRIPTORS = 64  # for log, database and network; or half of what there are
_FEWEST_DESCRIPTORS = 48  # half of which it needs: 15 stay open, 8 for who is turned away
_FEW_CONNECTIONS = 256  # fewer than this are worth a word


class Announcer(Protocol):
    def listening(self, url: str) -> None: ...
    def loading(self) -> None: ...
    def first_key(self, key: str) -> None: ...
    def ready(self, url: str, model_version: str) -> None: ...
    def stopping(self) -> None: ...


async def serve(settings: Settings, announcer: Announcer) -> None:
    """Serve until SIGTERM or SIGINT; a second signal does not wait for answers under way."""
    loop = asyncio.get_running_loop()
    stops: asyncio.Queue[None] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stops.put_nowait, None)
    reload_asked = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reload_asked.set)
    most_connections = _most_connections()
    application = make_app(settings)
    services = application.services
    listener = Listener(application, most_connections, services.traffic.refusals)
    sweep = PeriodicCallback(listener.close_overdue, SWEEP_SECONDS * 1000)
    tick = PeriodicCallback(services.bitacora.tick, 1000)
    try:
        sweep.start()
        tick.start()
        await services.start()
        is_early = settings.listen == "start" and not settings.reuse_port
        url = _listen(settings, listener, announcer) if is_early else ""
        announcer.loading()
        if await services.store.read(rows_accounts.is_empty):  # or a lock would end the start
            demo = await services.store.change(
                lambda rows: rows_accounts.create_demo(rows, services.store.now())
            )
            if demo is not None:
                announcer.first_key(demo.key)
        if await _unless_stopped(services.load_network(), stops):
            gc.collect()
            gc.freeze()  # with TensorFlow, one look at all of it would stop every answer for 0.2 s
            await services.nodes.look()
            url = url or _listen(settings, listener, announcer)
            _notify_systemd()
            announcer.ready(url, services.predictor.card.version)
            await _unless_stopped(_reload_when_asked(services, reload_asked), stops)
        announcer.stopping()
    finally:
        await _stop(listener, services, stops)
        sweep.stop()
        tick.stop()


def _most_connections() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST_DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    said, advice = f"this process may open {files} files", "raise the limit, as with ulimit -n 1024"
    if files < _FEWEST_DESCRIPTORS:
        raise CannotListen(f"{said} and needs {_FEWEST_DESCRIPTORS} or more; {advice}")
    connections = files - min(_OWN_DESCRIPTORS, files // 2)
    if connections < _FEW_CONNECTIONS:
        taken = f"so it takes {connections} connections at a time and answers others with 503"
        logger.warning("%s, %s; %s", said, taken, advice)
    return connections


def _bind(settings: Settings) -> list[socket]:
    path = settings.socket_path
    try:
        if path is not None:
            return [bind_unix(path, int(settings.socket_mode, 8))]
        host = None if settings.host == "::" else settings.host  # which may be IPv6 alone
        return bind_sockets(settings.port, host, reuse_port=settings.reuse_port)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and (error.strerror or str(error))) or "not an address"
        place = settings.host if path else f"{settings.host}:{settings.port}"
        advice = "choose another address or path with --host, or another port with --port"
        raise CannotListen(f"cannot listen on {place}: {reason}; {advice}") from error


def _listen(settings: Settings, listener: Listener, announcer: Announcer) -> str:
    sockets = _bind(settings)
    listener.listen(sockets)
    announcer.listening(url := _url(sockets[0]))
    return url


def _notify_systemd() -> None:
    """Say that the start is done. Source: sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket(AF_UNIX, SOCK_DGRAM) as told, suppress(OSError):
            told.sendto(b"READY=1", address.replace("@", "\0", 1))


async def _reload_when_asked(services: Services, asked: asyncio.Event) -> None:
    """Reload at each signal; those that come meanwhile make one more reload together."""
    while await asked.wait():
        asked.clear()
        try:
            replacement = await services.nodes.reload()
        except ServiceError as error:
            logger.warning("the network %s goes on: %s", services.predictor.version, error)
        except Exception:
            logger.exception("the network %s goes on", services.predictor.version)
        else:
            new, old = replacement.new_version, replacement.old_version
            logger.warning("the network %s has replaced %s", new, old)


async def _stop(listener: Listener, services: Services, stops: asyncio.Queue[None]) -> None:
    """Take no more, finish what is under way, close; each further signal skips a wait."""
    listener.drain()
    await _settle(listener)  # half a second at most, so that a second signal is for what follows
    services.broadcast.close()  # or their answers, which have no end, would be waited for
    clock = asyncio.get_running_loop().time
    deadline = clock() + DRAIN_SECONDS
    # Asked again without waiting: a request may have come in since the waiting ended.
    while services.traffic.open_requests and clock() < deadline:
        if not await _unless_stopped(services.traffic.wait_until_idle(deadline - clock()), stops):
            break
    await listener.close()
    await services.close()
    if not await _unless_stopped(services.predictor.close(), stops):
        os._exit(0)  # only the network's thread is left, and cannot be stopped as it imports


async def _settle(listener: Listener) -> None:
    for _ in range(SETTLES):
        await asyncio.sleep(SETTLE_SECONDS)
        if not listener.connections:
            return


async def _unless_stopped(work: Coroutine[None, None, object], stops: asyncio.Queue[None]) -> bool:
    """Wait for the work, or leave it at the next signal; tell whether it was done."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stops.get())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        return False
    working.result()
    return True


def _url(bound: socket) -> str:
    address = bound.getsockname()
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
