"""The committed network as an ONNX file, for the contestants that run one.

Written from the weights of the Keras file, layer by layer, with the scaling inside as there. Who
serves it has to answer the card's golden rows before it is measured.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import onnx

from cardiorisk.patients.patient import FIELDS

if TYPE_CHECKING:
    from pathlib import Path


OPSET = 17
ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid"}


def _layers(keras_path: Path) -> tuple[dict[str, Any], list[tuple[str, Any, Any]]]:
    """Return the scaling's configuration, and activation, kernel and bias of each dense layer."""
    with zipfile.ZipFile(keras_path) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        weights = io.BytesIO(archive.read("model.weights.h5"))
    scaling = next(each["config"] for each in layers if each["class_name"] == "Rescaling")
    dense = [each["config"]["activation"] for each in layers if each["class_name"] == "Dense"]
    with h5py.File(weights) as saved:
        names = ["dense", *(f"dense_{number}" for number in range(1, len(dense)))]
        parts = [saved[f"layers/{name}/vars"] for name in names]
        return scaling, [
            (activation, part["0"][:], part["1"][:])
            for activation, part in zip(dense, parts, strict=True)
        ]


def build(artefact: Path) -> onnx.ModelProto:
    """Return the network: input ``patient`` (float32, (n, 6)), output ``probability`` ((n, 1))."""
    scaling, layers = _layers(artefact / "cardiorisk.keras")
    constants = {
        "scale": np.array(scaling["scale"], dtype=np.float32),  # (6,)
        "offset": np.array(scaling["offset"], dtype=np.float32),  # (6,)
    }
    helper = onnx.helper
    nodes = [
        helper.make_node("Mul", ["patient", "scale"], ["stretched"]),
        helper.make_node("Add", ["stretched", "offset"], ["scaled"]),
    ]
    below = "scaled"
    for number, (activation, kernel, bias) in enumerate(layers, start=1):
        constants |= {f"kernel_{number}": kernel, f"bias_{number}": bias}
        above = "probability" if number == len(layers) else f"hidden_{number}"
        weighted = f"weighted_{number}"
        nodes += [
            helper.make_node("Gemm", [below, f"kernel_{number}", f"bias_{number}"], [weighted]),
            helper.make_node(ACTIVATIONS[activation], [weighted], [above]),
        ]
        below = above
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "cardiorisk",
        [helper.make_tensor_value_info("patient", kind, ["n", len(FIELDS)])],
        [helper.make_tensor_value_info("probability", kind, ["n", 1])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    # An older format than the library's newest, so that an older runtime can read it as well.
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)
