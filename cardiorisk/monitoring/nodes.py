"""Which network every process runs, and that all run the one that an operator wants.

A wish holds while some process runs what is wanted: where all were started anew with other files,
it is forgotten. See ``docs/cluster.md``.
"""

import asyncio
import logging
import os
import socket
from contextlib import suppress

from cardiorisk.config import Settings
from cardiorisk.errors import ServiceError, UnusableArtefact
from cardiorisk.model.card import CARD_FILE, load_card
from cardiorisk.model.predictor import Predictor, Replacement
from cardiorisk.store import rows_nodes
from cardiorisk.store.store import Store
from cardiorisk.store.values import NodeRecord
from cardiorisk.workers import Failures

ANNOUNCE_SECONDS = 30.0

_logger = logging.getLogger(__name__)


class Nodes:
    def __init__(self, settings: Settings, store: Store, predictor: Predictor) -> None:
        self._settings = settings
        self._store = store
        self._predictor = predictor
        self._name = settings.node or f"{socket.gethostname()}:{os.getpid()}"
        self._failures = Failures(_logger)
        self._following: asyncio.Task[None] | None = None
        self.seen: tuple[NodeRecord, ...] = ()  # the processes of the last look, by name
        self.fault: str | None = None  # why the network that is wanted is not the one here

    def start(self) -> None:
        self._following = asyncio.create_task(self._follow(), name="nodes")

    def close(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def reload(self) -> Replacement:
        """Load the network that is on the disk now; the old one goes on where it does not hold."""
        settings = self._settings
        replacement = await self._predictor.reload(settings.model_dir, settings.engine)
        with suppress(ServiceError):  # it was told; here it is loaded all the same
            await self._announce()
        return replacement

    async def reload_everywhere(self) -> Replacement:
        replacement = await self.reload()
        version, now = replacement.new_version, self._store.now()
        try:
            await self._store.change(lambda rows: rows_nodes.want(rows, version, now))
        except ServiceError:
            if self._store.database.is_shared:  # others go on as they are, which must be known
                raise
        return replacement

    async def look(self) -> None:
        if self._predictor.version is None:
            return
        with suppress(ServiceError):  # the store tells of its own
            wanted = await self._announce()
            fault: ServiceError | None = None
            try:
                if wanted not in {None, self._predictor.version}:
                    await self._load(str(wanted))
            except ServiceError as error:
                fault = error
            self.fault = self._told(fault) if fault else None
            self._failures.note("the network that is wanted", fault)
            await self._announce()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_SECONDS):
                    await self._store.network_wanted.wait()
            self._store.network_wanted.clear()
            await self.look()

    async def _load(self, wanted: str) -> None:
        directory = self._settings.model_dir
        found = (await asyncio.to_thread(load_card, directory)).version
        if found != wanted:
            said = f"{wanted} is wanted, and {directory}/{CARD_FILE} is that of {found}"
            raise UnusableArtefact(said)
        await self._predictor.reload(directory, self._settings.engine)
        _logger.warning("the network %s was loaded, as it is wanted", wanted)

    def _told(self, fault: ServiceError) -> str:
        """Return what anybody may read in ``/readyz``: of the files, their names alone."""
        return str(fault).replace(f"{self._settings.model_dir}/", "")[:500]

    async def _announce(self) -> str | None:
        name, version, fault = self._name, self._predictor.version, self.fault
        now = self._store.now()
        seen = await self._store.change(
            lambda rows: rows_nodes.announce(rows, name, version, fault, now)
        )
        self.seen = tuple(node for node in seen if node.name != rows_nodes.EVERY_NODE)
        for wish in set(seen) - set(self.seen):
            if any(node.version == wish.version for node in self.seen):
                return wish.version
        return None
