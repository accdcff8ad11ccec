"""``python train.py``: the whole training in small, and how it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import train
from cardiorisk.model.card import load_card

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def tiny_run(directory: Path) -> subprocess.CompletedProcess[str]:
    """One training of two epochs, by the command line, in a process without a display."""
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return subprocess.run(
        [
            sys.executable,
            ROOT / "train.py",
            "--epochs=2",
            "--seed=7",
            "--output=model",
            "--report=report",
        ],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_training_succeeds(tiny_run: subprocess.CompletedProcess[str]) -> None:
    assert tiny_run.returncode == 0, tiny_run.stderr


def test_it_leaves_the_network_its_card_and_the_report(
    tiny_run: subprocess.CompletedProcess[str], directory: Path
) -> None:
    assert tiny_run.returncode == 0
    written = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert written == {
        "model/card.json",
        "model/cardiorisk.keras",
        "model/cardiorisk.tflite",
        "report/calibracion.png",
        "report/card.md",
        "report/confusion.png",
        "report/errores.png",
        "report/evaluation.md",
        "report/perdida.png",
        "report/precision.png",
        "report/roc.png",
    }


def test_it_prints_the_summary_with_211_parameters(
    tiny_run: subprocess.CompletedProcess[str],
) -> None:
    assert "Trainable params: 211" in tiny_run.stdout


def test_it_prints_five_predictions_beside_the_truth(
    tiny_run: subprocess.CompletedProcess[str],
) -> None:
    _, _, table = tiny_run.stdout.partition("First 5 held-out patients:\n")
    heading, *rows = [line.split() for line in table.splitlines()[:6]]
    assert heading == ["probability", "prediction", "truth"]
    assert [(len(row), {row[1], row[2]} <= {"yes", "no"}) for row in rows] == [(3, True)] * 5


def test_it_prints_both_engines_accuracy_over_the_grid(
    tiny_run: subprocess.CompletedProcess[str], directory: Path
) -> None:
    metrics = load_card(directory / "model").metrics
    for engine in ("keras", "litert"):
        figures = getattr(metrics, engine)
        said = f"whole grid {figures.grid_accuracy:.4%} ({figures.grid_wrong_cells:,} wrong)"
        assert said in tiny_run.stdout


def test_the_written_pages_name_the_network_and_their_pictures_exist(
    tiny_run: subprocess.CompletedProcess[str], directory: Path
) -> None:
    assert tiny_run.returncode == 0
    version = load_card(directory / "model").version
    for name in ("evaluation.md", "card.md"):
        text = (directory / "report" / name).read_text()
        assert version in text
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
            assert (directory / "report" / picture).is_file()


def test_nothing_but_the_progress_is_on_standard_error(
    tiny_run: subprocess.CompletedProcess[str],
) -> None:
    lines = tiny_run.stderr.strip().splitlines()
    assert [line.split()[0] for line in lines] == ["Training"]


def test_the_help_explains_the_file_of_patients() -> None:
    answer = CliRunner().invoke(train.main, ["--help"])
    assert answer.exit_code == 0
    assert "riesgo_cardiaco (0 or 1)" in answer.stdout


def test_the_module_is_read_without_tensorflow() -> None:
    code = "import sys, train; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_unusable_file_ends_with_one_line_and_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.csv"
    answer = CliRunner().invoke(train.main, ["--data", str(path), "--output", str(tmp_path)])
    assert answer.exit_code == 1
    assert answer.stderr == f"train.py: cannot read {path}: No such file or directory\n"


def test_an_output_that_cannot_be_made_ends_with_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = CliRunner().invoke(train.main, ["--output", str(tmp_path / "file" / "model")])
    assert answer.exit_code == 1
    assert (
        answer.stderr == f"train.py: cannot write {tmp_path / 'file' / 'model'}: Not a directory\n"
    )


@pytest.mark.parametrize(
    "arguments", [["--epochs", "0"], ["--seed", "-1"], ["--colour"], ["x.csv"]]
)
def test_wrong_usage_ends_with_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(train.main, arguments).exit_code == 2
