"""The real network, in LiteRT, for the tests of scoring."""

import pytest

from cardiorisk.config import load_settings
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.scoring.scorer import Scorer


@pytest.fixture(scope="session")
def artefact() -> Artefact:
    return load_artefact(load_settings().model_dir, "litert")


@pytest.fixture(scope="session")
def scorer(artefact: Artefact) -> Scorer:
    return Scorer(artefact)
