"""MLServer with a model of one's own over ONNX Runtime, as its examples show.

A custom handler lets it take the same body; its own protocol would be another one. MLServer's
default settings run the model in one worker process beside the one that answers. There is no key,
no limit and no range check in it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.handlers import custom_handler

from benchmarks.servers.onnx_network import Network


class CardiacModel(MLModel):
    """The network behind MLServer."""

    async def load(self) -> bool:
        """Load the network; MLServer calls it in the worker process."""
        self._network = Network()
        return True

    @custom_handler(rest_path="/service")
    async def service(self, patient: dict[str, Any]) -> dict[str, Any]:
        return self._network.answer(patient)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main(port: int) -> None:
    """Write MLServer's settings where it is started, and become it."""
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "debug": False,
    }
    implementation = "benchmarks.servers.mlserver_onnx.CardiacModel"
    Path("settings.json").write_text(json.dumps(settings))
    Path("model-settings.json").write_text(
        json.dumps({"name": "cardiorisk", "implementation": implementation})
    )
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", "."])  # noqa: S606 - it takes our place on purpose


if __name__ == "__main__":
    main(int(sys.argv[1]))
