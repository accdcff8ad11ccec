"""The Open Inference Protocol: what its real client sends and reads, and what is told of faults."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cardiorisk.patients.patient import FIELDS
from cardiorisk.routes import CardioriskApplication
from tests.support import EXAMPLE, Bitacora, Caller, create_key, document, told

INFER = "/v2/models/cardiorisk/infer"
ROWS = [list(EXAMPLE.values()), [2.0, 1.2, 1.0, 40, 1, 1]]
ENDS = [[field.minimum for field in FIELDS], [field.maximum for field in FIELDS]]
TENSOR: dict[str, Any] = {"name": "pacientes", "shape": [2, 6], "datatype": "FP32", "data": ROWS}
BINARY = {"parameters": {"binary_data_size": 48}, "data": ...}
BYTES = np.array(ROWS, dtype="<f4").tobytes()


def tensor(**changes: Any) -> dict[str, Any]:
    members = TENSOR | changes
    return {name: member for name, member in members.items() if member is not ...}


def request(head: dict[str, Any] | bytes, following: bytes = b"") -> dict[str, Any]:
    """Return what a caller sends: JSON, and bytes after it with the header that tells of them."""
    begins = head if isinstance(head, bytes) else json.dumps(head).encode()
    length = {"Inference-Header-Content-Length": str(len(begins))} if following else {}
    return {"body": begins + following, "headers": length}


async def test_rows_are_assessed_as_patients_are_and_draw_as_many(
    premium: Caller, bitacora: Bitacora
) -> None:
    alone = [
        document(await premium.send("POST", "/service", dict(zip(EXAMPLE, row, strict=True))))
        for row in [*ROWS, *ENDS]
    ]
    sent = {"id": "mío", "inputs": [tensor(shape=[4, 6], data=[*ROWS, *ENDS])]}
    response = await premium.send("POST", INFER, sent)
    assert document(response) == {
        "model_name": "cardiorisk",
        "model_version": alone[0]["modelo"],
        "id": "mío",
        "parameters": {"umbral": alone[0]["umbral"], "aviso": alone[0]["aviso"]},
        "outputs": [
            {
                "name": "probabilidad",
                "shape": [4],
                "datatype": "FP32",
                "data": [answer["probabilidad"] for answer in alone],
            }
        ],
    }
    assert response.headers["RateLimit"] == '"premium";r=42;t=48'
    assert (bitacora.last()["route"], bitacora.last()["filas"]) == (INFER, 4)


@pytest.mark.parametrize(
    "asked",
    [
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "probabilidad", "parameters": {"binary_data": True}}]},
    ],
)
async def test_bytes_follow_the_json_of_request_and_answer(
    premium: Caller, asked: dict[str, Any]
) -> None:
    said = document(await premium.send("POST", INFER, {"inputs": [TENSOR], "outputs": []}))
    sent = request({"inputs": [tensor(**BINARY)]} | asked, BYTES)
    response = await premium.send("POST", INFER, **sent)
    length = int(response.headers["Inference-Header-Content-Length"])
    output = json.loads(response.body[:length])["outputs"][0]
    assert output["parameters"] == {"binary_data_size": 8}
    told = np.frombuffer(response.body[length:], "<f4")
    assert told.tolist() == np.array(said["outputs"][0]["data"], "<f4").tolist()


async def test_a_tensor_of_bytes_may_fill_the_body(
    http_client: Any, base_url: str, app: CardioriskApplication
) -> None:
    rows = 40_000
    bench = Caller(http_client, base_url, create_key(app.services.settings, "berta", "premium"))
    head = tensor(shape=[rows, 6], parameters={"binary_data_size": rows * 24}, data=...)
    sent = request({"inputs": [head]}, BYTES[:24] * rows)
    response = await bench.send("POST", INFER, **sent)
    assert told(response) == (429, "rate-limited")
    assert f"50 left for {rows} patients" in document(response)["error"]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (request({}), "inputs Field required"),
        (request({"inputs": [tensor(name="x")]}), "inputs.0.name Input should be 'pacientes'"),
        (
            request({"inputs": [tensor(datatype="FP64")]}),
            "inputs.0.datatype Input should",
        ),
        (request({"inputs": [TENSOR, TENSOR]}), "inputs List should have at most 1 item"),
        (request({"inputs": [tensor(shape=[12])]}), "inputs.0.shape List should have at least 2"),
        (request({"inputs": [tensor(shape=[0, 6], data=[])]}), "inputs.0.data must be numbers"),
        (request({"inputs": [tensor(shape=[1, 6], data=[1] * 7)]}), "inputs.0.shape must be"),
        (request({"inputs": [tensor(data=[[1], [1, 2]])]}), "inputs.0.data must be whole rows"),
        (request({"inputs": [tensor(data=["1"] * 12)]}), "inputs.0.data must be numbers"),
        # of which an array of texts would take 4 GB
        (request({"inputs": [tensor(data=[["1" * 100_000, *[""] * 9_999]])]}), "must be numbers"),
        (request({"inputs": [tensor(data=[None] * 12)]}), "inputs.0.data must be numbers"),
        (request({"inputs": [tensor(data=[[2.4, 1.4, 1.8, True, 0, 0]] * 2)]}), "must be numbers"),
        (request({"inputs": [tensor(data=json.loads("[" * 480 + "]" * 480))]}), "must be numbers"),
        (request({"inputs": [tensor(data=...)]}), "inputs.0.data must be numbers here, or"),
        (request({"inputs": [tensor(**BINARY)]}, BYTES[1:]), "inputs.0.data must be"),
        (request({"inputs": [TENSOR]}, BYTES), "inputs.0.data must be"),
        (
            request(
                {"inputs": [tensor(shape=[0, 6], parameters={"binary_data_size": 0}, data=...)]}
            ),
            "inputs.0.shape must be [n, 6]",
        ),
        (request({"inputs": [tensor(data=[1] * 20_000)]}), "inputs.0.data must have at most 1000"),
        (request({"inputs": [tensor(data=[[[]]] * 1000)]}), "inputs.0.data must have at most 1000"),
        (
            request({"inputs": [TENSOR], "outputs": [{"name": "x"}]}),
            "outputs.0.name Input",
        ),
        (request({"inputs": [TENSOR], "id": 7}), "id Input should be a valid string"),
        (request({"inputs": [TENSOR], "input": []}), "did you mean `inputs`?"),
        (
            request({"inputs": [tensor(data=[[2, 1.2, 1, 40.5, 1, 0], [9, 1.2, 1, 40, 1, 0]])]}),
            "edad must be an integer from 0 to 99 (years); pacientes[1].nivel_colesterol must be",
        ),
        (
            request({"inputs": [tensor(**BINARY)]}, BYTES[:24] + b"\0\0\xc0\x7f" * 6),
            "pacientes[1].nivel_colesterol must be a number from 1 to 3 (g/L); 200 mg/dL",
        ),
        (request({"inputs": [tensor(data=[1e300] * 12)]}), "pacientes[0].nivel_colesterol must"),
    ],
)
async def test_faults_are_told_in_the_member_that_clients_show_and_draw_one(
    premium: Caller, sent: dict[str, Any], says: str
) -> None:
    headers = sent.get("headers", {}) | {"Accept-Language": "en"}
    response = await premium.send("POST", INFER, **sent | {"headers": headers})
    assert told(response) == (422, "invalid-patient")
    assert says in document(response)["error"]
    assert response.headers["RateLimit"] == '"premium";r=49;t=48'


@pytest.mark.parametrize("length", ["", "-1", "x", "999999999999", "9" * 5000])
async def test_a_length_that_cannot_be_is_refused(premium: Caller, length: str) -> None:
    header = {"Inference-Header-Content-Length": length}
    response = await premium.send("POST", INFER, {"inputs": [TENSOR]}, header)
    assert told(response) == (400, "malformed-body")
    assert "Inference-Header-Content-Length" in document(response)["error"]


@pytest.mark.parametrize(
    "path", ["/v2/models/other/infer", "/v2/models/cardiorisk/versions/9/infer"]
)
async def test_another_model_or_version_is_not_there(premium: Caller, path: str) -> None:
    response = await premium.send("POST", path, {"inputs": [TENSOR]})
    assert told(response) == (404, "not-found")
    assert document(response)["error"] == document(response)["detail"]
    assert document(await premium.send("GET", "/account"))["used_this_minute"] == 0


async def test_every_route_needs_a_key_and_only_inference_draws(
    premium: Caller, stranger: Caller, app: CardioriskApplication
) -> None:
    version = app.services.predictor.card.version
    models = ["/v2/models/cardiorisk", f"/v2/models/cardiorisk/versions/{version}"]
    ready = [f"{path}/ready" for path in models]
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", *models, *ready):
        assert (await premium.send("GET", path)).code == 200
        assert "error" in document(await stranger.send("GET", path))
    response = await premium.send("POST", f"{models[1]}/infer", {"inputs": [TENSOR]})
    assert response.headers["RateLimit"] == '"premium";r=48;t=48'
