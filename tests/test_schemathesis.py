"""Thousands of requests made up from the API's description, at the service as people run it.

schemathesis runs as a program of its own. Its checks: no 5xx, no status, type, header or body
that is not described, nothing refused that is described as valid, nothing accepted that is not,
no open door without a credential, no unknown method. It knows QUERY from OpenAPI 3.2 on, so it is
given the description with ``x-query`` in the place that 3.2 has for it. And it reads no words, so
it is told as a schema that a flag may be a boolean.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.config import load_settings
from tests.conformity import description
from tests.processes import Server, unmeasured
from tests.support import create_key

SEED = "20261122"
FEWEST_REQUESTS = 1000
"""Of one run; a run that tries less has lost a phase."""
CONFIGURATION = """
suppress-health-check = ["too_slow"]
request-timeout = 60

[[operations]]
include-operation-id = [
    "register", "changePassword", "keepAssessment", "originalFreemiumPredict",
    "originalPremiumPredict",
]
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false
"""
"""A busy machine is no fault. Names, labels and passwords have rules that no schema can state:
printable, after normalization, blanks cut. Where they stand, a schema's word is not the last one on
what is accepted."""
LONGEST_SECONDS = 900
"""A bound for a run that hangs; each takes a fiftieth of it."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schemathesis")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Server]:
    # The largest plans there may be, so that every limit of a key is below them.
    plans = "freemium=1000000000,bench=1000000000"
    started = Server(directory, "--engine", "litert", CARDIORISK_PLANS=plans)
    try:
        yield started.wait_until_ready()
    finally:
        started.stop()


@pytest.fixture(scope="module")
def description_3_2(directory: Path) -> Path:
    document = with_booleans(description())
    # A batch is answered whatever one of its patients is; what is wrong stands in the place.
    document["components"]["schemas"]["Batch"]["properties"]["pacientes"]["items"] = {}
    service = dict(document["paths"]["/service"])
    service["query"] = service.pop("x-query")
    document["paths"] = document["paths"] | {"/service": service}
    (directory / "schemathesis.toml").write_text(CONFIGURATION)
    path = directory / "openapi-3.2.json"
    path.write_text(json.dumps(document | {"openapi": "3.2.0"}))
    return path


def with_booleans(part: Any) -> Any:
    """Accept what is described in words alone, so as not to confuse those who generate clients."""
    if isinstance(part, list):
        return [with_booleans(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("enum") == [0, 1]:
        return {"enum": [0, 1, False, True]}
    return {name: with_booleans(inner) for name, inner in part.items()}


@pytest.fixture
def key(request: pytest.FixtureRequest, directory: Path) -> str | None:
    plan: str | None = request.param
    settings = load_settings(
        {"database_url": f"sqlite:///{directory / 'keys.db'}", "plans": "bench=1000000"}
    )
    return create_key(settings, plan, plan) if plan is not None else None


@pytest.mark.parametrize(
    ("key", "examples"),
    [("freemium", 10), ("bench", 5), (None, 5)],
    ids=["freemium", "bench", "no credential"],
    indirect=["key"],
)
def test_nothing_made_up_from_the_description_surprises(
    server: Server, description_3_2: Path, key: str | None, examples: int
) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(description_3_2)),
        *("--url", f"http://{server.address}", "--seed", SEED, "--max-examples", str(examples)),
        *("--phases", "examples,coverage,fuzzing", "--warnings", "off", "--continue-on-failure"),
        *(("--header", f"Authorization: {key}") if key else ()),
    ]
    run = subprocess.run(
        command,
        cwd=server.directory,
        # Measuring the coverage of schemathesis itself would take as long again.
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    generated = re.search(r"([0-9,]+) generated", run.stdout)
    assert generated
    print(generated[0], "by schemathesis")  # noqa: T201 - the count, for `pytest -rP`
    assert int(generated[1].replace(",", "")) > FEWEST_REQUESTS
