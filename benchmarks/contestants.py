"""Who is compared: what people would build this service with, and the service itself.

Every one answers the same POST with the same network, and starts with one worker, as its
documentation shows. They do not do the same work: ``does`` says what each does for a request, and
the report prints it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from benchmarks.results import ROOT, YARDSTICK

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server of the comparison.

    Attributes:
        name: on the command line and in the results.
        title: in the tables.
        does: what it does for a request.
        command: what starts it, without the interpreter and the port.
        environment: its folder of benchmarks/.environments and its file of benchmarks/requirements;
            empty for the project's own environment.
        credential: what a caller sends: nothing, a key of cardiorisk's, the secret that the
            server is started with, or the token that it writes into the file ``token``.
        answers: whether its answer is the network's, and is checked.
        checkout: the directory of the project whose code it runs.
    """

    name: str
    title: str
    does: str
    command: tuple[str, ...]
    environment: str = ""
    credential: Literal["none", "key", "secret", "token"] = "none"
    answers: bool = True
    checkout: Path = ROOT

    @property
    def own_interpreter(self) -> str:
        """The interpreter of the checkout's environment."""
        return sys.executable if self.checkout == ROOT else f"{self.checkout}/.venv/bin/python"

    def of_checkout(self, checkout: Path) -> Contestant:
        """Return the same contestant with another checkout's code."""
        there = f"{self.name} of {checkout.name}"
        return replace(self, name=there, title=there, checkout=checkout)


def _server(module: str, *words: str) -> tuple[str, ...]:
    return ("-m", f"benchmarks.servers.{module}", *words)


def _cardiorisk(engine: str, does: str) -> Contestant:
    return Contestant(
        name=engine,
        title=f"cardiorisk, {engine}",
        does=does,
        command=("-m", "cardiorisk", "serve", "--engine", engine, "--port"),
        credential="key",
    )


CONTESTANTS: tuple[Contestant, ...] = (
    Contestant(
        name=YARDSTICK,
        title="bare Tornado",
        does="nothing: the same bytes for everybody",
        command=_server("bare", "tornado"),
        answers=False,
    ),
    Contestant(
        name="http1",
        title="bare Tornado on cardiorisk's HTTP",
        does="nothing, with `cardiorisk.http1` in the place of Tornado's server",
        command=_server("bare", "http1"),
        answers=False,
    ),
    _cardiorisk(
        "litert",
        "key, limit, validation, network, log line before the answer, stage times, metrics",
    ),
    _cardiorisk("keras", "the same, in a thread"),
    Contestant(
        name="fastapi",
        title="FastAPI",
        does="key, limit, validation, network by ONNX Runtime",
        command=_server("fastapi_onnx"),
        environment="fastapi",
        credential="secret",
    ),
    Contestant(
        name="mlserver",
        title="MLServer",
        does="ONNX Runtime in a worker process, metrics",
        command=_server("mlserver_onnx"),
        environment="mlserver",
    ),
    Contestant(
        name="litserve",
        title="LitServe",
        does="ONNX Runtime in a worker process",
        command=_server("litserve_onnx"),
        environment="litserve",
    ),
    Contestant(
        name="bentoml",
        title="BentoML",
        does="validation of types, ONNX Runtime, metrics",
        command=_server("bentoml_onnx"),
        environment="bentoml",
    ),
    Contestant(
        name="flask",
        title="Flask",
        does="token, limit, `model.predict`: the original system's stack, written anew",
        command=_server("flask_predict"),
        environment="flask",
        credential="token",
    ),
)
"""In the order of the tables."""
