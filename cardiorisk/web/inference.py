"""The Open Inference Protocol V2, which clients of model servers speak: tensors in JSON or bytes.

Source: https://github.com/kserve/open-inference-protocol, and Triton's extension for binary data.
"""

import re
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from cardiorisk.config import VERSION
from cardiorisk.errors import FieldFault, InvalidPatient, MalformedBody, NotFound, NotReady
from cardiorisk.model.card import Card
from cardiorisk.model.predictor import BatchAssessment
from cardiorisk.patients import words
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS
from cardiorisk.patients.words import Language
from cardiorisk.web.batches import MOST_PATIENTS, BatchingHandler, is_too_much
from cardiorisk.web.handlers import BaseHandler, IdentifiedHandler, to_json
from cardiorisk.web.operations import SPOKEN, operation
from cardiorisk.web.shapes import MOST_UNKNOWN, Json, Sent, about, fault_of
from cardiorisk.web.shapes_patients import accepted_of

MODEL: Final = "cardiorisk"
INPUT: Final = "pacientes"
OUTPUT: Final = "probabilidad"
DATATYPE: Final = "FP32"
LENGTH_HEADER = "Inference-Header-Content-Length"
_LENGTH = re.compile("[0-9]{1,12}")
_LEAST = np.array([field.minimum for field in FIELDS], dtype=np.float32)  # (6,)
_MOST = np.array([field.maximum for field in FIELDS], dtype=np.float32)
_IS_WHOLE = np.array([field.kind != "number" for field in FIELDS])
_NO_CELLS = (str, list, bool)  # no union, which each of thousands of cells would make anew
_TENSOR = {"name": INPUT, "datatype": DATATYPE, "shape": [1, 6], "data": [*EXAMPLE.values()]}

Datatype = Annotated[Literal["FP32"], about("The type of its values")]
Parameters = Annotated[dict[str, Any], about("As the protocol has them", default_factory=dict)]
_outputs = about("All, if empty", max_length=1, default_factory=list)
_inputs = about(f"One, of {', '.join(FIELD_NAMES)}", [_TENSOR], min_length=1, max_length=1)


class GivenTensorBody(BaseModel, extra="allow"):
    """Rows of six values; as bytes after the JSON where `parameters` has `binary_data_size`."""

    name: Annotated[Literal["pacientes"], about("Its name")]
    datatype: Datatype
    shape: Annotated[list[int], about("Rows and columns", min_length=2, max_length=2)]
    data: Annotated[list[Any], about("The rows, or their values one by one", default_factory=list)]
    parameters: Parameters


class WantedTensorBody(BaseModel, extra="allow"):
    """What is wanted; as bytes where `parameters` has `binary_data`."""

    name: Annotated[Literal["probabilidad"], about("Its name")]
    parameters: Parameters


class InferenceBody(Sent):
    """Rows of values as a tensor."""

    refusal = InvalidPatient

    id: Annotated[str, about("Comes back in the answer", "a1")] = ""
    model_name: Annotated[str, about("Ignored: some clients send it")] = ""
    parameters: Parameters
    inputs: Annotated[list[GivenTensorBody], _inputs]
    outputs: Annotated[list[WantedTensorBody], _outputs]

    @classmethod
    def read_fault(cls, fault: ErrorDetails) -> FieldFault:
        return FieldFault(".".join(map(str, fault["loc"])), fault["msg"])


def read_inference(body: bytes, json_bytes: str | None) -> tuple[InferenceBody, NDArray[Any]]:
    """Read a request, and its rows, float32, shape (n, 6), n at least 1, every value accepted.

    The JSON is the whole body, or as many bytes of it as the header says.
    """
    length = len(body)
    if json_bytes is not None:
        length = int(json_bytes) if _LENGTH.fullmatch(json_bytes) else -1
    if not 0 <= length <= len(body):
        raise MalformedBody(f"{LENGTH_HEADER} must be the length of the JSON before the tensor")
    if is_too_much(body, length):
        raise _refused("data", f"must have at most {MOST_PATIENTS} rows in JSON; send bytes")
    sent = InferenceBody.read(body[:length])
    tensor, following = sent.inputs[0], body[length:]
    size = tensor.parameters.get("binary_data_size")
    if bool(tensor.data) == (size is not None) or len(following) != (size or 0):
        raise _refused("data", "must be numbers here, or binary_data_size bytes after the JSON")
    if _has_other_cells(tensor.data):  # numpy would give every cell the room of the longest text
        raise _refused("data", "must be numbers")
    try:
        cells = np.asarray(tensor.data) if size is None else np.frombuffer(following, "<f4")
    except ValueError as error:
        raise _refused("data", "must be whole rows of numbers") from error
    if not cells.size or [cells.size / len(FIELDS), len(FIELDS)] != tensor.shape:
        raise _refused("shape", f"must be [n, {len(FIELDS)}], with n at least 1, as the values are")
    if cells.dtype.kind != "f":
        raise _refused("data", "must be numbers")
    return sent, _checked(cells.reshape(tensor.shape))


def _checked(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 has no room for is in no range
        rows = values.astype(np.float32)
    bad = ~((rows >= _LEAST) & (rows <= _MOST)) | (_IS_WHOLE & (rows != np.floor(rows)))  # (n, 6)
    faults = []
    for row, column in np.argwhere(bad)[:MOST_UNKNOWN].tolist():
        said = words.MUST.filled(accepted=accepted_of(FIELDS[column]))
        faults.append(fault_of(f"{INPUT}[{row}].{FIELD_NAMES[column]}", said))
    if faults:
        raise InvalidPatient(tuple(faults))
    return rows + np.float32(0)  # which takes the sign of a negative zero


def _has_other_cells(data: list[Any]) -> bool:
    cells = (cell for each in data for cell in (each if isinstance(each, list) else (each,)))
    return any(isinstance(cell, _NO_CELLS) for cell in cells)


def _refused(member: str, detail: str) -> InvalidPatient:
    return InvalidPatient((FieldFault(f"inputs.0.{member}", detail),))


def inference_answer(
    sent: InferenceBody, found: BatchAssessment, language: Language
) -> tuple[Json, bytes]:
    told, following = found.probabilities, b""
    asked = sent.outputs[0].parameters.get("binary_data") if sent.outputs else None
    output: Json = {"name": OUTPUT, "datatype": DATATYPE, "shape": [len(told)]}
    if sent.parameters.get("binary_data_output") if asked is None else asked:
        following = np.array(told, dtype="<f4").tobytes()
        output["parameters"] = {"binary_data_size": len(following)}
    else:
        output["data"] = told
    answer = {
        "model_name": MODEL,
        "model_version": found.model_version,
        "parameters": {"umbral": found.threshold, "aviso": found.notice.to(language)},
        "outputs": [output],
    }
    return answer | ({"id": sent.id} if sent.id else {}), following


@with_config(extra="allow")
class ProtocolAnswer(TypedDict):
    """As the protocol has it."""


_BYTES = "application/octet-stream"


def _require_version(handler: BaseHandler, version: str) -> Card:
    card = handler.services.predictor.card
    if version not in {"", card.version}:
        raise NotFound(f"this version is not loaded; {card.version} is")
    return card


class ServerHandler(IdentifiedHandler):
    @operation("inferenceServer", ProtocolAnswer)
    def get(self) -> None:
        """Show what answers here."""
        extensions = ["binary_tensor_data"]
        self.answer({"name": MODEL, "version": VERSION, "extensions": extensions})


class LiveHandler(IdentifiedHandler):
    @operation("inferenceServerLive", ProtocolAnswer)
    def get(self) -> None:
        """Is the process up?"""
        self.answer({"live": True})


class ServerReadyHandler(IdentifiedHandler):
    @operation("inferenceServerReady", ProtocolAnswer, problems=(NotReady,))
    async def get(self) -> None:
        """Would a request sent now be answered?"""
        _require_version(self, "")
        await self.services.store.check()
        self.answer({"ready": True})


class NetworkHandler(IdentifiedHandler):
    @operation("inferenceModel{OfVersion}", ProtocolAnswer, problems=(NotReady, NotFound))
    def get(self, version: str = "") -> None:
        """Show the network and its tensors."""
        card = _require_version(self, version)
        inputs = {"name": INPUT, "datatype": DATATYPE, "shape": [-1, len(FIELDS)]}
        outputs = {"name": OUTPUT, "datatype": DATATYPE, "shape": [-1]}
        shown = {"versions": [card.version], "platform": self.services.settings.engine}
        self.answer({"name": MODEL, **shown, "inputs": [inputs], "outputs": [outputs]})


class NetworkReadyHandler(IdentifiedHandler):
    @operation("inferenceModelReady{OfVersion}", ProtocolAnswer, problems=(NotReady, NotFound))
    def get(self, version: str = "") -> None:
        """Would the network answer now?"""
        _require_version(self, version)
        self.answer({"ready": True})


class InferHandler(BatchingHandler):
    @operation(
        *("infer{OfVersion}", ProtocolAnswer, InferenceBody),
        content_types=(_BYTES,),
        headers=SPOKEN,
        optional_headers=(LENGTH_HEADER,),
        problems=(NotFound,),
    )
    async def post(self, version: str = "") -> None:
        """Assess the rows of a tensor.

        The tensor is JSON, or bytes after the JSON, whose length is then in the header
        `Inference-Header-Content-Length` (little-endian, as Triton's extension for binary data has
        it); so is the answer where `binary_data` or `binary_data_output` asks for it. n rows draw n
        on the limit, all or none. One faulty value refuses them all. A body may hold 1 MiB.
        """
        _require_version(self, version)
        async with self.reading():
            length = self.request.headers.get(LENGTH_HEADER)
            sent, rows = read_inference(self.request.body, length)
        found = await self.assess_batch(rows, len(rows))
        answer, following = inference_answer(sent, found, self.speak())
        if not following:
            self.answer(answer)
            return
        described = to_json(answer)
        self.set_header(LENGTH_HEADER, str(len(described)))
        self.finish(described + following, _BYTES)
