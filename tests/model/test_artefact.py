"""A network is run only after it has proved that it is the one its card describes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardiorisk.config import EngineName, load_settings
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import CARD_FILE, KERAS_FILE, LITERT_FILE
from cardiorisk.model.engines import KerasEngine, LiteRTEngine, load_artefact

ENGINES: tuple[EngineName, ...] = ("keras", "litert")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the committed network that a test may spoil."""
    return shutil.copytree(load_settings().model_dir, tmp_path / "artefact")


def rewrite_card(directory: Path, **members: Any) -> None:
    path = directory / CARD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_committed_network_is_accepted(directory: Path, engine: EngineName) -> None:
    artefact = load_artefact(directory, engine)
    smoker_and_healthy = np.array([[2, 1.2, 1, 40, 1, 1], [1.5, 1, 0.8, 30, 0, 0]], np.float32)
    probabilities = artefact.engine.probabilities(smoker_and_healthy)
    assert probabilities.shape == (2,)
    assert probabilities[0] > 0.9
    assert probabilities[1] < 0.1


def test_the_two_engines_agree(directory: Path) -> None:
    rows = np.random.default_rng(7).uniform(
        (1.0, 0.6, 0.5, 0, 0, 0), (3.0, 1.8, 2.0, 99, 1, 1), (1000, 6)
    )
    rows[:, 3:] = rows[:, 3:].round()
    first, second = (
        load_artefact(directory, engine).engine.probabilities(rows.astype(np.float32))
        for engine in ENGINES
    )
    assert np.max(np.abs(first - second)) < 1e-4


@pytest.mark.parametrize(
    ("engine", "file"), list(zip(ENGINES, (KERAS_FILE, LITERT_FILE), strict=True))
)
def test_an_altered_file_is_refused_before_it_is_read(
    directory: Path, engine: EngineName, file: str
) -> None:
    with (directory / file).open("ab") as network:
        network.write(b"x")
    with pytest.raises(UnusableArtefact, match="not the file that its card describes"):
        load_artefact(directory, engine)


def test_a_missing_file_is_refused(directory: Path) -> None:
    (directory / LITERT_FILE).unlink()
    with pytest.raises(UnusableArtefact, match="cannot read the network"):
        load_artefact(directory, "litert")


def test_a_missed_golden_row_is_refused(directory: Path) -> None:
    golden = json.loads((directory / CARD_FILE).read_text())["golden_rows"]
    golden[0]["probability"] = abs(golden[0]["probability"] - 0.01)
    rewrite_card(directory, golden_rows=golden)
    with pytest.raises(UnusableArtefact, match=r"misses its golden rows by 0\.01"):
        load_artefact(directory, "litert")


@pytest.mark.parametrize(
    ("engine", "file"), list(zip(ENGINES, (KERAS_FILE, LITERT_FILE), strict=True))
)
def test_a_network_of_other_inputs_is_refused(
    directory: Path, engine: EngineName, file: str
) -> None:
    KerasEngine(directory / KERAS_FILE)  # sets what TensorFlow's import looks at
    import keras  # noqa: PLC0415 - only after that

    layers = [keras.Input((7,)), keras.layers.Dense(1, "sigmoid")]
    network = keras.Sequential(layers)
    network.save(directory / KERAS_FILE)
    network.export(directory / LITERT_FILE, format="litert", verbose=False)
    files = json.loads((directory / CARD_FILE).read_text())["files"]
    digest = sha256((directory / file).read_bytes()).hexdigest()
    rewrite_card(directory, files=files | {file: digest})
    with pytest.raises(UnusableArtefact, match=r"cannot (load|run its golden rows)"):
        load_artefact(directory, engine)


@pytest.mark.parametrize("kind", [KerasEngine, LiteRTEngine])
def test_a_file_that_is_no_network_is_refused(
    tmp_path: Path, kind: type[KerasEngine | LiteRTEngine]
) -> None:
    path = tmp_path / "network.keras"
    path.write_bytes(b"this is no network")
    with pytest.raises(UnusableArtefact, match="cannot load"):
        kind(path)


def test_litert_never_imports_tensorflow() -> None:
    program = (
        "import sys\n"
        "from cardiorisk.config import load_settings\n"
        "from cardiorisk.model.engines import load_artefact\n"
        "import cardiorisk.app\n"
        "load_artefact(load_settings().model_dir, 'litert')\n"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
