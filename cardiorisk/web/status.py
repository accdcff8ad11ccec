"""What operators and load balancers ask; each answer's own line tries the bitácora."""

from cardiorisk import errors
from cardiorisk.config import VERSION
from cardiorisk.monitoring.metrics import CONTENT_TYPE
from cardiorisk.web.handlers import BaseHandler, OperatorHandler
from cardiorisk.web.operations import SPOKEN, operation
from cardiorisk.web.proxies import FORWARDING_HEADERS, is_loopback, names_loopback
from cardiorisk.web.shapes import HealthAnswer, ModelAnswer, ReadinessAnswer, ReloadAnswer

_UNREADY = (errors.NotReady, errors.StoreUnavailable, errors.Overloaded)


class HealthHandler(BaseHandler, has_head=True):
    @operation("health", HealthAnswer)
    def get(self) -> None:
        """Is the process up?"""
        self.answer({"status": "ok", "version": VERSION})


class ReadyHandler(BaseHandler, has_head=True):
    @operation(
        "readiness",
        ReadinessAnswer,
        problems=(*_UNREADY, errors.LimitsUnavailable),
    )
    async def get(self) -> None:
        """Would a request sent now be assessed?

        Checks the network, the database and, by its own line, the request log.
        """
        version = self.services.predictor.card.version
        await self.services.store.check()
        ready: ReadinessAnswer = {"status": "ready", "modelo": version}
        redis = self.services.redis
        if redis is not None:
            if redis.is_away and self.services.settings.windows_down == "refuse":
                raise errors.LimitsUnavailable("Redis is away, so that no request can be counted")
            ready["ventanas"] = "proceso" if redis.is_away else "redis"
        nodes = self.services.nodes.seen
        if len(nodes) > 1 or any(node.fault for node in nodes):
            ready["nodos"] = [
                {"nodo": node.name, "modelo": node.version, "falta": node.fault} for node in nodes
            ]
        self.answer(ready)


class ModelHandler(BaseHandler, has_head=True):
    @operation("model", ModelAnswer, headers=SPOKEN, problems=(errors.NotReady,))
    def get(self) -> None:
        """Show the card of the network that answers."""
        card = self.services.predictor.card
        # Its rows of patients are real people where the network was trained on somebody's own file.
        shown = card.model_dump(exclude={"background"})
        self.answer({"modelo": card.version, "aviso": card.notice.to(self.speak()), "card": shown})


class ReloadHandler(OperatorHandler):
    @operation(
        "reloadModel",
        ReloadAnswer,
        problems=(errors.NotReady, errors.ReloadUnderWay, errors.UnusableArtefact),
    )
    async def post(self) -> None:
        """Replace the network while it answers (operators).

        Loads what is in the model's directory now and checks it: card, hash, golden rows. Where it
        does not hold, the old one goes on. Other processes on the same database then load the same
        version from their own directories, or say in `/readyz` why not. It draws on no limit.
        """
        replacement = await self.services.nodes.reload_everywhere()
        self.end_stage("reload")
        self.answer({"modelo": replacement.new_version, "anterior": replacement.old_version})


class MetricsHandler(OperatorHandler, has_head=True):
    """Counts, for which a caller on this machine needs no key.

    Behind a proxy here every caller has its address: one that says nothing must not pass this on.
    """

    async def admit(self) -> None:
        headers = self.request.headers
        is_here = (
            not self.services.settings.trusted_proxies
            and is_loopback(self.address)
            and not any(name in headers for name in FORWARDING_HEADERS)
            and names_loopback(self.request.host)
            and "Origin" not in headers  # a page elsewhere, in a browser of this machine
        )
        if "Authorization" in headers or not is_here:
            await super().admit()

    @operation(
        "metrics", answer="The counts, in Prometheus's text format", content_types=("text/plain",)
    )
    def get(self) -> None:
        """Counts for a Prometheus server (callers on this machine, operators).

        A caller on the same machine needs no key where no proxy is trusted, none has forwarded the
        request, and its ``Host`` is a loopback name or address; a key that is sent is judged all
        the same. It draws on no limit.
        """
        self.finish(self.services.metrics.text(), CONTENT_TYPE)
