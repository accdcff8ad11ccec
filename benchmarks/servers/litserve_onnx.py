"""LitServe over ONNX Runtime: one worker process, as its quick start has it.

There is no key, no limit and no range check in it. Two of its methods stay without types, as in
the quick start: LitServe would have FastAPI validate by them.
"""

from __future__ import annotations

import sys
from typing import Any

import litserve

from benchmarks.servers.onnx_network import Network


class CardiacAPI(litserve.LitAPI):
    """The network behind LitServe."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe names it
        self._network = Network()

    def decode_request(self, request):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - as above
        return request

    def predict(self, patient: dict[str, Any]) -> dict[str, Any]:
        return self._network.answer(patient)

    def encode_response(self, output):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - as above
        return output


if __name__ == "__main__":
    server = litserve.LitServer(CardiacAPI(api_path="/service"), accelerator="cpu")
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
