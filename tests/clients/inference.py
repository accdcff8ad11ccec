"""Ask a server, named with a key on the command line, by the clients of two model servers.

It runs in their environment, and prints what they have made of the answers as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import kserve
import numpy as np
import tritonclient.http as triton
from kserve.protocol.infer_type import RequestedOutput

MODEL, ADDRESS, KEY = "cardiorisk", *sys.argv[1:]
ROWS = np.array([[2, 1.2, 1, 40, 1, 0], [2, 1.2, 1, 40, 1, 1]], dtype=np.float32)
WAYS = [(sends, asks) for sends in (True, False) for asks in (True, False, None)]
"""Whether bytes are sent, and asked for; None leaves it to the client."""


def headers() -> dict[str, str]:
    """Make them anew, as both clients write a header of their own into what they are given."""
    return {"Authorization": KEY}


def by_triton() -> dict[str, Any]:
    client = triton.InferenceServerClient(ADDRESS)
    (version,) = client.get_model_metadata(MODEL, headers=headers())["versions"]

    def infer(rows: Any, sends: bool, asks: bool | None) -> list[float]:  # noqa: FBT001 - as in WAYS
        tensor = triton.InferInput("pacientes", rows.shape, "FP32")
        tensor.set_data_from_numpy(rows, binary_data=sends)
        asked = [triton.InferRequestedOutput("probabilidad", binary_data=asks)]
        outputs = None if asks is None else asked
        result = client.infer(MODEL, [tensor], outputs=outputs, headers=headers())
        probabilities: list[float] = result.as_numpy("probabilidad").tolist()
        return probabilities

    try:
        fault = str(infer(ROWS * 2, sends=True, asks=None))
    except triton.InferenceServerException as error:
        fault = error.message()
    return {
        "version": client.get_server_metadata(headers=headers())["version"],
        "live": [client.is_server_live(headers=headers()), client.is_server_live()],
        "ready": client.is_server_ready(headers=headers()),
        "models": [
            client.is_model_ready(name, model_version, headers=headers())
            for name, model_version in ((MODEL, ""), (MODEL, version), (MODEL, "9"), ("x", ""))
        ],
        "probabilities": [infer(ROWS, sends, asks) for sends, asks in WAYS],
        "fault": fault,
    }


async def by_kserve() -> dict[str, Any]:
    base = f"http://{ADDRESS}"
    async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2")) as client:

        async def infer(sends: bool, asks: bool | None, rows: Any = ROWS) -> list[float]:  # noqa: FBT001 - likewise
            tensor = kserve.InferInput("pacientes", list(rows.shape), "FP32")
            tensor.set_data_from_numpy(rows, binary_data=sends)
            asked = [RequestedOutput("probabilidad", {"binary_data": asks})]
            outputs = None if asks is None else asked
            request = kserve.InferRequest(MODEL, [tensor], request_outputs=outputs)
            result = await client.infer(base, request, model_name=MODEL, headers=headers())
            probabilities: list[float] = result.outputs[0].as_numpy().tolist()
            return probabilities

        try:
            fault = str(await infer(sends=True, asks=None, rows=ROWS * 2))
        except httpx.HTTPStatusError as error:
            fault = str(error)
        return {
            "live": await client.is_server_live(base, headers=headers()),
            "ready": await client.is_server_ready(base, headers=headers()),
            "models": [
                await client.is_model_ready(base, name, headers=headers()) for name in (MODEL, "x")
            ],
            "probabilities": [await infer(sends, asks) for sends, asks in WAYS],
            "fault": fault,
        }


print(json.dumps({"triton": by_triton(), "kserve": asyncio.run(by_kserve())}))  # noqa: T201 - see above
