"""Who is compared: what people would build this service with, and the service itself.

Every one answers the same POST with the same network, by one process of the kind its documentation
starts with. What each does beside that is said in ``does``, since it is not the same: the report
prints it. The foreign ones live in environments of their own and never see cardiorisk's packages.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

Authorization = Literal["none", "key", "secret", "login"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server of the comparison.

    Attributes:
        name: on the command line and in the results.
        title: in the tables.
        does: what it does for a request, in the report.
        command: what starts it, less the interpreter and the port.
        environment: its folder of benchmarks/.environments and its file of benchmarks/requirements,
            or empty for the project's own environment.
        authorization: how its callers show who they are: not at all, by a key of cardiorisk's, by
            one secret that the server was started with, or by a token that it gives for that.
        answers: whether its answer is the network's, and can be checked.
        packages: whose versions the report names.
    """

    name: str
    title: str
    does: str
    command: tuple[str, ...]
    environment: str = ""
    authorization: Authorization = "none"
    answers: bool = True
    packages: tuple[str, ...] = ()


def _own(module: str) -> tuple[str, ...]:
    return ("-m", f"benchmarks.servers.{module}")


def _cardiorisk(engine: str) -> Contestant:
    return Contestant(
        name=engine,
        title=f"cardiorisk, {engine}",
        does="key, limit, validation, network, log line before the answer, stage times, metrics",
        command=("-m", "cardiorisk", "serve", "--engine", engine, "--port"),
        authorization="key",
        packages=("tornado", "ai-edge-litert" if engine == "litert" else "tensorflow-cpu"),
    )


CONTESTANTS: tuple[Contestant, ...] = (
    Contestant(
        name="bare",
        title="bare Tornado",
        does="nothing: the same bytes for everybody",
        command=_own("bare_tornado"),
        answers=False,
        packages=("tornado",),
    ),
    Contestant(
        name="reader",
        title="bare handler behind cardiorisk's HTTP",
        does="nothing, read and sent as by cardiorisk: the floor of what the service could cost",
        command=_own("bare_reader"),
        answers=False,
        packages=("tornado",),
    ),
    _cardiorisk("litert"),
    _cardiorisk("keras"),
    Contestant(
        name="fastapi",
        title="FastAPI + ONNX Runtime + slowapi",
        does="key, limit, validation, network",
        command=_own("fastapi_onnx"),
        environment="fastapi",
        authorization="secret",
        packages=("fastapi", "uvicorn", "slowapi", "onnxruntime"),
    ),
    Contestant(
        name="mlserver",
        title="MLServer (ONNX Runtime)",
        does="network in a worker process, metrics",
        command=_own("mlserver_onnx"),
        environment="mlserver",
        packages=("mlserver", "onnxruntime"),
    ),
    Contestant(
        name="litserve",
        title="LitServe (ONNX Runtime)",
        does="network in a worker process",
        command=_own("litserve_onnx"),
        environment="litserve",
        packages=("litserve", "onnxruntime", "torch"),
    ),
    Contestant(
        name="bentoml",
        title="BentoML (ONNX Runtime)",
        does="validation of types, network, metrics",
        command=_own("bentoml_onnx"),
        environment="bentoml",
        packages=("bentoml", "onnxruntime"),
    ),
    Contestant(
        name="flask",
        title="Flask + Flask-Limiter + JWT + model.predict",
        does="token, limit, network by Keras; the original's stack, written anew",
        command=_own("flask_predict"),
        environment="flask",
        authorization="login",
        packages=("flask", "flask-limiter", "flask-jwt-extended", "keras", "tensorflow-cpu"),
    ),
)
"""In the order of the tables. The first is the yardstick."""

VARIABLES = {"CARDIORISK_PLANS": "freemium=1000000000"}
"""For every server: cardiorisk's limit works, and never refuses."""


def own_interpreter(contestant: Contestant) -> str | None:
    """Return the interpreter of the project's own environment, or None for a foreign contestant."""
    return None if contestant.environment else sys.executable
