"""The network of the contestants that run ONNX: one patient in, an answer out.

It runs in the contestants' environments and must import nothing of cardiorisk's. One thread, as the
network is so small that handing a part of it to another costs more than computing it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("nivel_colesterol", "presion_arterial", "azucar", "edad", "sobrepeso", "tabaquismo")
THRESHOLD = 0.5


class Network:
    """The network in the file that BENCHMARK_ONNX names."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            os.environ["BENCHMARK_ONNX"], options, providers=["CPUExecutionProvider"]
        )

    def answer(self, patient: Mapping[str, Any]) -> dict[str, Any]:
        """Return the assessment of a patient by wire name."""
        row = np.array([[patient[name] for name in FIELDS]], dtype=np.float32)  # (1, 6)
        probability = float(self._session.run(None, {"patient": row})[0][0, 0])
        return {
            "riesgo_cardiaco": probability >= THRESHOLD,
            "probabilidad": probability,
            "umbral": THRESHOLD,
        }
