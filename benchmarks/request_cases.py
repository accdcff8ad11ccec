"""The parts of a request that do not grow: asking the network, writing the answer, counting."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from json import dumps
from typing import TYPE_CHECKING

from benchmarks.timing import Case, awaited, repeated
from cardiorisk.app import make_app
from cardiorisk.config import DEFAULT_MODEL_DIR, load_settings
from cardiorisk.measuring import Timings
from cardiorisk.model.card import NOTICE
from cardiorisk.model.predictor import Predictor
from cardiorisk.patients.patient import EXAMPLE, parse_json
from cardiorisk.web.problems import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.timing import Timer

ASSESS = "assess one patient, litert"
ANSWER = "write the answer"
COUNT = "count the request"

BODY = dumps(dict(EXAMPLE)).encode()


@contextmanager
def _assessing(_room: Path) -> Iterator[Timer]:
    """Await the predictor, one patient at a time, with whatever way it has to its network."""
    predictor = Predictor()
    asyncio.run(predictor.load(DEFAULT_MODEL_DIR, "litert"))
    patient = parse_json(BODY)
    yield awaited(lambda: predictor.assess(patient))
    asyncio.run(predictor.close())


@contextmanager
def _answering(_room: Path) -> Iterator[Timer]:
    document = {
        "riesgo_cardiaco": True,
        "probabilidad": 0.973121,
        "umbral": 0.5,
        "modelo": "14-7-1-7c7cfe6f",
        "aviso": NOTICE,
    }
    yield repeated(lambda: to_json(document))


@contextmanager
def _counting(room: Path) -> Iterator[Timer]:
    chosen = {"database_url": f"sqlite:///{room / 'counting.db'}", "log_dir": room / "counting"}
    services = make_app(load_settings(chosen)).services
    timings = Timings()
    for stage in ("auth", "limit", "validate", "predict"):
        timings.end_stage(stage)
    yield repeated(lambda: services.metrics.count("POST", "/service", 200, timings))

    async def close() -> None:
        await services.close()
        await services.predictor.close()

    asyncio.run(close())


REQUEST_CASES = (
    Case(ASSESS, "", _assessing),
    Case(ANSWER, "", _answering),
    Case(COUNT, "", _counting),
)
