"""One small training and the committed network, which the tests of this room share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cardiorisk.config import load_settings
from cardiorisk.model.card import KERAS_FILE, LITERT_FILE, Card, load_card
from cardiorisk.training.data import Split, make_cohort, split_cohort
from cardiorisk.training.evaluation import Evaluation, evaluate
from cardiorisk.training.recipe import Recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(seed=7, epochs=2)


@pytest.fixture(scope="session")
def split(recipe: Recipe) -> Split:
    return split_cohort(make_cohort(recipe.seed), recipe.seed)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the training leaves ``model`` and ``report``."""
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="session")
def run(directory: Path, recipe: Recipe) -> subprocess.CompletedProcess[str]:
    """Train in a process without a display."""
    options = [f"--epochs={recipe.epochs}", f"--seed={recipe.seed}"]
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", *options, "--output=model", "--report=report"],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if name != "DISPLAY"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def model(run: subprocess.CompletedProcess[str], directory: Path) -> Path:
    """The directory of the small training's artefact."""
    assert run.returncode == 0
    return directory / "model"


@pytest.fixture(scope="session")
def committed() -> tuple[Card, Evaluation]:
    """The committed card, and what its files answer now."""
    directory = load_settings().model_dir
    card = load_card(directory)
    split = split_cohort(make_cohort(card.seed), card.seed)
    return card, evaluate(split, directory / KERAS_FILE, directory / LITERT_FILE)
