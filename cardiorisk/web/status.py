"""What operators and load balancers ask: is it up, is it ready, which network answers or shall.

Nothing here tries the bitácora, because each answer's own line does; where it cannot be written,
``/healthz`` too is answered with 503.
"""

from __future__ import annotations

from cardiorisk.errors import (
    NotReady,
    Overloaded,
    ReloadUnderWay,
    StoreUnavailable,
    UnusableArtefact,
)
from cardiorisk.model.card import NOTICE
from cardiorisk.version import VERSION
from cardiorisk.web.handlers import BaseHandler, OperatorHandler
from cardiorisk.web.operations import operation
from cardiorisk.web.shapes import HealthAnswer, ModelAnswer, ReadinessAnswer, ReloadAnswer

_PATIENTS = {"background"}
"""Members of the card that are rows of patients, who are real where the network was trained on
somebody's own file."""


class HealthHandler(BaseHandler):
    @operation("health", HealthAnswer)
    def get(self) -> None:
        """Is the process up?"""
        self.answer({"status": "ok", "version": VERSION})

    head = get


class ReadyHandler(BaseHandler):
    @operation("readiness", ReadinessAnswer, problems=(NotReady, StoreUnavailable, Overloaded))
    async def get(self) -> None:
        """Would a request sent now be assessed?

        Checks the network, the database and, by its own line, the request log.
        """
        version = self.services.predictor.card.version
        await self.services.store.check()
        self.answer({"status": "ready", "modelo": version})

    head = get


class ModelHandler(BaseHandler):
    @operation("model", ModelAnswer, problems=(NotReady,))
    def get(self) -> None:
        """Show the card of the network that answers."""
        card = self.services.predictor.card
        shown = card.model_dump(exclude=_PATIENTS)
        self.answer({"modelo": card.version, "aviso": NOTICE, "card": shown})

    head = get


class ReloadHandler(OperatorHandler):
    @operation("reloadModel", ReloadAnswer, problems=(NotReady, ReloadUnderWay, UnusableArtefact))
    async def post(self) -> None:
        """Replace the network while it answers (operators).

        Loads what is in the model's directory now and checks it: hash, order of the fields, golden
        rows. Where it does not hold, the old one goes on. It draws on no limit.
        """
        replacement = await self.services.reload_network()
        self.end_stage("reload")
        self.answer({"modelo": replacement.new_version, "anterior": replacement.old_version})
