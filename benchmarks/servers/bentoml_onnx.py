"""BentoML over ONNX Runtime: one worker, as ``bentoml serve`` starts.

The fields' types are checked by its own input model, their ranges are not, and there is no key and
no limit in it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.servers.onnx_network import Network


@bentoml.service(logging={"access": {"enabled": False}}, metrics={"enabled": True})
class CardiacService:
    """The network behind BentoML."""

    def __init__(self) -> None:
        self._network = Network()

    @bentoml.api(route="/service")
    def service(
        self,
        nivel_colesterol: float,
        presion_arterial: float,
        azucar: float,
        edad: int,
        sobrepeso: bool,  # noqa: FBT001 - BentoML reads the body's members from the signature
        tabaquismo: bool,  # noqa: FBT001 - likewise
    ) -> dict[str, Any]:
        return self._network.answer(
            {
                "nivel_colesterol": nivel_colesterol,
                "presion_arterial": presion_arterial,
                "azucar": azucar,
                "edad": edad,
                "sobrepeso": sobrepeso,
                "tabaquismo": tabaquismo,
            }
        )


if __name__ == "__main__":
    program = str(Path(sys.executable).with_name("bentoml"))
    served = "benchmarks.servers.bentoml_onnx:CardiacService"
    command = [program, "serve", served, "--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execv(program, command)  # noqa: S606 - it takes our place on purpose
