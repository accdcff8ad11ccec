"""``python train.py``: what it leaves and prints, and how it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import train
from cardiorisk.model.card import load_card
from cardiorisk.training.report import PAGES
from tests.training import framingham


def test_it_leaves_the_network_its_card_and_the_report_and_names_them(
    run: subprocess.CompletedProcess[str], directory: Path
) -> None:
    written = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    pictures = ["calibracion", "perdida", "precision"]
    assert written == {
        "model/card.json",
        "model/cardiorisk.keras",
        "model/cardiorisk.tflite",
        *(f"report/{name}" for name in PAGES),
        *(f"report/{name}.png" for name in pictures),
    }
    assert set(re.findall(r"^  ((?:model|report)/\S+)$", run.stdout, re.MULTILINE)) == written
    for name in PAGES:
        assert load_card(directory / "model").version in (directory / "report" / name).read_text()


def test_it_prints_rows_layers_predictions_accuracy_and_on_standard_error_the_progress(
    run: subprocess.CompletedProcess[str], model: Path
) -> None:
    assert "3,600 to learn from, 398 to choose by, 999 held out." in run.stdout
    assert "Trainable params: 211" in run.stdout
    _, _, told = run.stdout.partition("\nFirst 5 held-out patients:\n")
    heading, *rows = [line.split() for line in told.splitlines()[:6]]
    assert heading == ["probability", "prediction", "truth"]
    assert [(len(row), {row[1], row[2]} <= {"yes", "no"}) for row in rows] == [(3, True)] * 5
    card = load_card(model)
    for engine in ("keras", "litert"):
        figures = getattr(card.metrics, engine)
        grid = f"whole grid {figures.grid_accuracy:.4%} ({figures.grid_wrong_cells:,} wrong)"
        between = f"between its steps {figures.between_steps_accuracy:.1%}"
        line = f"  {engine:<6}  held-out rows {figures.held_out_accuracy:.2%}, {grid}, {between}"
        assert line in told.splitlines()
    brier = card.metrics.held_out.brier
    assert f"{brier.value:.4f}  ({brier.low:.4f} to {brier.high:.4f})" in told
    assert f"\nNetwork {card.version}:\n" in told
    assert [line.split()[0] for line in run.stderr.strip().splitlines()] == ["Training"]


def test_a_study_s_file_is_learnt_from_and_told_as_it_is_beside_its_network(
    own_directory: Path,
) -> None:
    committed = [
        (path, path.stat().st_mtime_ns)
        for folder in (train.DEFAULT_REPORT, train.DEFAULT_OUTPUT)
        for path in folder.iterdir()
    ]
    source = framingham.write(own_directory / "framingham.csv")
    answer = CliRunner().invoke(
        train.main, [f"--data={source}", "--output=model", "--epochs=2", *framingham.OPTIONS]
    )
    assert answer.exit_code == 0, answer.stderr
    assert "943 of 4,240 rows left out: glucose (glucosa)" in answer.stderr
    assert re.search(r'\nNo better than always saying "no": .* found: \d+ of 73;', answer.stdout)
    card = load_card(own_directory / "model")
    assert (card.data_file, card.data_rows) == ("framingham.csv", 3_297)
    assert card.metrics.held_out.at_risk == 73
    assert {*PAGES} < {path.name for path in (own_directory / "model").iterdir()}
    assert committed == [(path, path.stat().st_mtime_ns) for path, _ in committed]


def test_the_help_is_shown_without_tensorflow() -> None:
    code = (
        "import sys, train\n"
        "try: train.main(['--help'])\n"
        "finally: assert not {'tensorflow', 'keras', 'pyarrow'} & set(sys.modules)"
    )
    command, folder = [sys.executable, "-c", code], Path(train.__file__).parent
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "riesgo_cardiaco (0 or 1)" in shown.stdout


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--data=nowhere.csv", "nowhere.csv: No such file or directory"),
        ("--output=file/model", "file/model: Not a directory"),
    ],
)
def test_an_unusable_path_ends_with_one_line_and_exit_code_1(
    own_directory: Path, argument: str, message: str
) -> None:
    (own_directory / "file").touch()
    answer = CliRunner().invoke(train.main, ["--output=model", "--report=report", argument])
    assert (answer.exit_code, answer.stderr) == (1, f"train.py: {message}\n")


@pytest.mark.parametrize("argument", ["--epochs=0", "--seed=-1", "x.csv"])
def test_wrong_usage_ends_with_exit_code_2(argument: str) -> None:
    assert CliRunner().invoke(train.main, [argument]).exit_code == 2
