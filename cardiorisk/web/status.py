"""What operators and load balancers ask: is it up, is it ready, which network answers or shall.

The surprise: nothing here tries the bitácora, because each answer's own line does; where it
cannot be written, ``/healthz`` too is answered with 503.
"""

from __future__ import annotations

from cardiorisk.model.card import NOTICE
from cardiorisk.version import VERSION
from cardiorisk.web.handlers import BaseHandler, OperatorHandler

_PATIENTS = {"background"}
"""Members of the card that are rows of patients, who are real where the network was trained on
somebody's own file."""


class HealthHandler(BaseHandler):
    """``/healthz``: the process is up and its bitácora can be written."""

    def get(self) -> None:
        """Answer; that there is an answer is the answer."""
        self.answer({"status": "ok", "version": VERSION})

    head = get


class ReadyHandler(BaseHandler):
    """``/readyz``: a request sent now would be assessed."""

    async def get(self) -> None:
        """Check the network and the database; this answer's own line checks the bitácora.

        Raises:
            NotReady: the network is not loaded yet.
            StoreUnavailable: the database cannot be written.
        """
        version = self.services.predictor.card.version
        await self.services.store.check()
        self.answer({"status": "ready", "modelo": version})

    head = get


class ModelHandler(BaseHandler):
    """``/model``: the card of the network that answers."""

    def get(self) -> None:
        """Show the card.

        Raises:
            NotReady: the network is not loaded yet.
        """
        card = self.services.predictor.card
        shown = card.model_dump(mode="json", exclude=_PATIENTS)
        self.answer({"modelo": card.version, "aviso": NOTICE, "card": shown})

    head = get


class ReloadHandler(OperatorHandler):
    """``/model/reload``: put the network that is on the disk now in the old one's place."""

    async def post(self) -> None:
        """Load it, check it, and answer from the next batch on with it.

        Raises:
            NotReady: no network has been loaded yet.
            ReloadUnderWay: another reload has not ended yet.
            UnusableArtefact: it does not hold; the old one goes on answering.
        """
        replacement = await self.services.reload_network()
        self.end_stage("reload")
        self.answer({"modelo": replacement.new_version, "anterior": replacement.old_version})
