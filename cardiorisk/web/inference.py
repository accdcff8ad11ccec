"""The Open Inference Protocol, version 2, over HTTP: what clients of model servers speak."""

from cardiorisk.config import VERSION
from cardiorisk.errors import NotFound, NotReady
from cardiorisk.model.card import Card
from cardiorisk.web import shapes_inference as shapes
from cardiorisk.web.batches import BatchingHandler
from cardiorisk.web.handlers import BaseHandler, IdentifiedHandler, to_json
from cardiorisk.web.operations import SPOKEN, operation

_BYTES = "application/octet-stream"


def _require_version(handler: BaseHandler, version: str) -> Card:
    """Return the card of the network that answers; ``version`` is empty where any is meant."""
    card = handler.services.predictor.card
    if version not in {"", card.version}:
        raise NotFound(f"this version is not loaded; {card.version} is")
    return card


class ServerHandler(IdentifiedHandler):
    @operation("inferenceServer", shapes.ServerAnswer)
    def get(self) -> None:
        """Show what answers here."""
        extensions = ["binary_tensor_data"]
        self.answer({"name": shapes.MODEL, "version": VERSION, "extensions": extensions})


class LiveHandler(IdentifiedHandler):
    @operation("inferenceServerLive", shapes.StateAnswer)
    def get(self) -> None:
        """Is the process up?"""
        self.answer({"live": True})


class ServerReadyHandler(IdentifiedHandler):
    @operation("inferenceServerReady", shapes.StateAnswer, problems=(NotReady,))
    async def get(self) -> None:
        """Would a request sent now be answered?"""
        _require_version(self, "")
        await self.services.store.check()
        self.answer({"ready": True})


class NetworkHandler(IdentifiedHandler):
    @operation("inferenceModel{OfVersion}", shapes.NetworkAnswer, problems=(NotReady, NotFound))
    def get(self, version: str = "") -> None:
        """Show the network and its tensors."""
        card = _require_version(self, version)
        self.answer(shapes.network_answer(card.version, self.services.settings.engine))


class NetworkReadyHandler(IdentifiedHandler):
    @operation("inferenceModelReady{OfVersion}", shapes.StateAnswer, problems=(NotReady, NotFound))
    def get(self, version: str = "") -> None:
        """Would the network answer now?"""
        _require_version(self, version)
        self.answer({"ready": True})


class InferHandler(BatchingHandler):
    @operation(
        "infer{OfVersion}",
        shapes.AssessedRowsAnswer,
        body=shapes.InferenceBody,
        content_types=(_BYTES,),
        headers=SPOKEN,
        optional_headers=(shapes.LENGTH_HEADER,),
        problems=(NotReady, NotFound),
    )
    async def post(self, version: str = "") -> None:
        """Assess the rows of a tensor.

        The tensor is JSON, or bytes after the JSON, whose length is then in the header
        `Inference-Header-Content-Length` (little-endian, as Triton's extension for binary data has
        it); so is the answer where `binary_data` or `binary_data_output` asks for it. n rows draw n
        on the limit, all or none. One faulty value refuses them all. A body may hold 1 MiB.
        """
        try:
            _require_version(self, version)
            async with self.services.traffic.batch_turn:
                length = self.request.headers.get(shapes.LENGTH_HEADER)
                sent, rows = shapes.read_inference(self.request.body, length)
        finally:
            self.end_stage("validate")
        found = await self.assess_batch(rows, len(rows))
        answer, following = shapes.inference_answer(sent, found, self.speak())
        if not following:
            self.answer(answer)
            return
        described = to_json(answer)
        self.set_header(shapes.LENGTH_HEADER, str(len(described)))
        self.finish(described + following, _BYTES)
