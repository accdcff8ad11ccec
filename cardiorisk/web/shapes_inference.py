"""The shapes of the Open Inference Protocol, version 2: tensors in JSON or in bytes after it.

Source: https://github.com/kserve/open-inference-protocol, and Triton's extension for binary data.
"""

from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Member
from typing_extensions import TypedDict

from cardiorisk.config import VERSION
from cardiorisk.errors import FieldFault, InvalidPatient, MalformedBody
from cardiorisk.model.predictor import BatchAssessment
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS
from cardiorisk.web.shapes import MOST_UNKNOWN, Json, Rule, Sent, Version, about
from cardiorisk.web.shapes_batches import MOST_COMMAS, MOST_PATIENTS

MODEL, INPUT, OUTPUT, DATATYPE = "cardiorisk", "pacientes", "probabilidad", "FP32"
LENGTH_HEADER = "Inference-Header-Content-Length"
_LEAST = np.array([field.minimum for field in FIELDS], dtype=np.float32)  # (6,)
_MOST = np.array([field.maximum for field in FIELDS], dtype=np.float32)
_IS_WHOLE = np.array([field.kind != "number" for field in FIELDS])


def _find_inputs(sent: Any) -> Any:
    match sent:
        case [{"name": "pacientes", "datatype": "FP32"}]:
            return sent


def _find_outputs(sent: Any) -> Any:
    match sent:
        case [] | [{"name": "probabilidad"}]:
            return sent


def _text(description: str) -> Rule:
    schema = {"type": "string", "description": description}
    return Rule(lambda sent: sent if isinstance(sent, str) else None, "be text", schema)


_parameters = Rule(
    lambda sent: sent if isinstance(sent, dict) else None,
    "be an object",
    {"type": "object", "description": "`binary_data_output` asks for bytes; others are ignored"},
)
_MEMBERS: tuple[tuple[str, str, Json], ...] = (
    ("name", "Its name", {"type": "string", "enum": [INPUT]}),
    ("datatype", "The type of its values", {"type": "string", "enum": [DATATYPE]}),
    ("shape", "Rows and columns", {"type": "array", "items": {"type": "integer"}}),
    ("data", "The rows, or their values one after another", {"type": "array", "items": {}}),
    ("parameters", "`binary_data_size`, in the place of `data`", {"type": "object"}),
)
_tensor: Json = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {name: {"description": said} | schema for name, said, schema in _MEMBERS},
}
_example = {"name": INPUT, "shape": [1, len(FIELDS)], "datatype": DATATYPE}
_inputs = Rule(
    _find_inputs,
    f"be one tensor: name {INPUT}, datatype {DATATYPE}, shape [n, {len(FIELDS)}], "
    f"columns {', '.join(FIELD_NAMES)}",
    {
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": _tensor,
        "description": f"One tensor; its columns are {', '.join(FIELD_NAMES)}",
        "examples": [[_example | {"data": list(EXAMPLE.values())}]],
    },
)
_outputs = Rule(
    _find_outputs,
    f"be empty, or ask for {OUTPUT} alone",
    {"type": "array", "maxItems": 1, "items": {"type": "object"}, "description": "What is wanted"},
)


class InferenceBody(Sent):
    """Rows of values as a tensor."""

    refusal = InvalidPatient
    examples = ({"inputs": [_example | {"data": list(EXAMPLE.values())}]},)

    id: Annotated[str, _text("Comes back in the answer")] = ""
    model_name: Annotated[str, _text("Ignored, as some clients send it")] = ""
    model_version: Annotated[str, _text("Likewise")] = ""
    parameters: Annotated[Json, _parameters] = Member(default_factory=dict)
    inputs: Annotated[list[Json], _inputs]
    outputs: Annotated[list[Json], _outputs] = Member(default_factory=list)

    @property
    def wants_bytes(self) -> bool:
        asked = _parameters_of(self.outputs[0]).get("binary_data") if self.outputs else None
        return bool(self.parameters.get("binary_data_output") if asked is None else asked)


def read_inference(body: bytes, json_bytes: str | None) -> tuple[InferenceBody, NDArray[Any]]:
    """Read a request, and its rows, float32, shape (n, 6), n at least 1, every value accepted.

    Raises:
        MalformedBody: it does not begin with a JSON object, of so many bytes where that is told.
        InvalidPatient: the tensor is another one, or values cannot be accepted.
    """
    length = len(body) if json_bytes is None else int(json_bytes) if json_bytes.isdecimal() else -1
    if not 0 <= length <= len(body):
        raise MalformedBody(f"{LENGTH_HEADER} must be the length of the JSON before the tensor")
    if body.count(b",", 0, length) > MOST_COMMAS:
        raise _refused("data", f"must have at most {MOST_PATIENTS} rows in JSON; send bytes")
    sent = InferenceBody.read(body[:length])
    tensor, following = sent.inputs[0], body[length:]
    size = _parameters_of(tensor).get("binary_data_size")
    if ("data" in tensor) == (size is not None) or len(following) != (size or 0):
        raise _refused("data", "must be numbers here, or binary_data_size bytes after the JSON")
    try:
        cells = np.asarray(tensor["data"]) if size is None else np.frombuffer(following, "<f4")
    except ValueError as error:
        raise _refused("data", "must be whole rows of numbers") from error
    rows = cells.size // len(FIELDS)
    if not rows or tensor.get("shape") != [rows, len(FIELDS)] or cells.size % len(FIELDS):
        raise _refused("shape", f"must be [n, {len(FIELDS)}], with n at least 1, as the values are")
    if cells.dtype.kind != "f":
        raise _refused("data", "must be numbers")
    return sent, _checked(cells.reshape(rows, len(FIELDS)))


def _checked(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 has no room for is in no range
        rows = values.astype(np.float32)
    bad = ~((rows >= _LEAST) & (rows <= _MOST)) | (_IS_WHOLE & (rows != np.floor(rows)))  # (n, 6)
    faults = [
        FieldFault(f"{INPUT}[{row}].{FIELD_NAMES[column]}", f"must be {FIELDS[column].accepted}")
        for row, column in np.argwhere(bad)[:MOST_UNKNOWN].tolist()
    ]
    if faults:
        raise InvalidPatient(tuple(faults))
    return rows


def _parameters_of(tensor: Json) -> Json:
    given = tensor.get("parameters")
    return given if isinstance(given, dict) else {}


def _refused(member: str, detail: str) -> InvalidPatient:
    return InvalidPatient((FieldFault(f"inputs[0].{member}", detail),))


Name = Annotated[Literal["cardiorisk"], about("Always the same")]
Datatype = Annotated[Literal["FP32"], about("The type of its values")]
Yes = Annotated[Literal[True], about("Always the same")]


class OutputAnswer(TypedDict):
    """A tensor."""

    name: Annotated[Literal["probabilidad"], about("Its name")]
    shape: Annotated[list[int], about("As many as there were rows", [1], length=1)]
    datatype: Datatype
    data: NotRequired[Annotated[list[float], about("The values, unless they are bytes")]]
    parameters: NotRequired[Annotated[dict[str, int], about("`binary_data_size`, of the bytes")]]


class AssessedRowsAnswer(TypedDict):
    """The probability of each row; as bytes where those were asked for."""

    model_name: Name
    model_version: Version
    id: NotRequired[Annotated[str, about("The request's own")]]
    parameters: Annotated[dict[str, Any], about("`umbral` and `aviso`, as elsewhere")]
    outputs: Annotated[list[OutputAnswer], about("One tensor", length=1)]


def inference_answer(
    sent: InferenceBody, found: BatchAssessment
) -> tuple[AssessedRowsAnswer, bytes]:
    """Show the answer, and the bytes that follow it where they were asked for."""
    output: OutputAnswer = {
        "name": "probabilidad",
        "shape": [len(found.probabilities)],
        "datatype": "FP32",
    }
    following = b""
    if sent.wants_bytes:
        following = np.array(found.probabilities, dtype="<f4").tobytes()
        output["parameters"] = {"binary_data_size": len(following)}
    else:
        output["data"] = found.probabilities
    answer: AssessedRowsAnswer = {
        "model_name": "cardiorisk",
        "model_version": found.model_version,
        "parameters": {"umbral": found.threshold, "aviso": found.notice},
        "outputs": [output],
    }
    return answer | {"id": sent.id} if sent.id else answer, following


class ServerAnswer(TypedDict):
    """What answers."""

    name: Name
    version: Annotated[str, about("Of the service", VERSION)]
    extensions: Annotated[list[str], about("Beyond the protocol", ["binary_tensor_data"])]


class LiveAnswer(TypedDict):
    """It is up."""

    live: Yes


class ReadyAnswer(TypedDict):
    """It is ready."""

    ready: Yes


class TensorAnswer(TypedDict):
    """A tensor that is sent or answered."""

    name: Annotated[str, about("Its name", INPUT)]
    datatype: Datatype
    shape: Annotated[list[int], about("-1 is the number of rows", [-1, len(FIELDS)])]


class NetworkAnswer(TypedDict):
    """The network and its tensors."""

    name: Name
    versions: Annotated[list[Version], about("The one that answers", length=1)]
    platform: Annotated[str, about("What runs it", "keras")]
    inputs: Annotated[list[TensorAnswer], about(f"`{INPUT}`", length=1)]
    outputs: Annotated[list[TensorAnswer], about(f"`{OUTPUT}`", length=1)]
