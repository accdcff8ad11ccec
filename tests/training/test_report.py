"""The written pages: every figure from the card, with and without a grid that has a truth."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cardiorisk.config import load_settings
from cardiorisk.model.card import KERAS_FILE, LITERT_FILE, load_card
from cardiorisk.training.baselines import Original
from cardiorisk.training.data import Cohort
from cardiorisk.training.evaluation import load_litert
from cardiorisk.training.export import write_artefact
from cardiorisk.training.figures import Answered
from cardiorisk.training.model_card import write_model_card
from cardiorisk.training.report import Measured, confusion, write_report
from cardiorisk.training.report_tables import grid_section
from cardiorisk.training.study import SeedFigures, Study, save_study
from cardiorisk.training.tripod import TRIPOD_ITEMS

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.training.data import Split
    from cardiorisk.training.network import Trained
    from cardiorisk.training.recipe import Recipe

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

ROW = SeedFigures(
    seed=5,
    validation_accuracy=1.0,
    held_out_accuracy=0.999,
    grid_accuracy=0.9995,
    grid_wrong_cells=713,
    training_seconds=31,
)
STUDY = Study(
    epochs=300,
    candidates=16,
    seeds=(ROW, ROW.model_copy(update={"seed": 6, "grid_accuracy": 0.9985})),
    original=Original(0.961, 0.955, 0.52, 0.999, 250),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    save_study(STUDY, directory)
    return directory


@pytest.fixture(scope="module")
def measured(trained: Trained, split: Split, recipe: Recipe, directory: Path) -> Measured:
    artefact = write_artefact(trained, split, recipe, directory)
    answers = load_litert(directory / LITERT_FILE)
    return Measured(artefact, split, trained.epochs, answers)


@pytest.fixture(scope="module")
def text(measured: Measured, directory: Path) -> str:
    return write_report(measured, directory)[0].read_text()


def test_every_picture_of_the_report_is_one(text: str, directory: Path) -> None:
    names = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(names) == 6
    for name in names:
        with Image.open(directory / name) as picture:
            assert picture.format == "PNG"


def test_the_report_has_the_held_out_accuracy_of_the_card(text: str, measured: Measured) -> None:
    accuracy = measured.artefact.card.metrics.held_out.accuracy
    interval = f"{accuracy.low:.5f} a {accuracy.high:.5f}"
    assert f"| precisión (aciertos) | {accuracy.value:.5f} | {interval} |" in text


def test_the_confusion_matrix_counts_every_held_out_row_once(measured: Measured) -> None:
    counts = confusion(measured)
    metrics = measured.artefact.card.metrics
    assert counts.sum() == metrics.held_out.rows
    assert np.trace(counts) == pytest.approx(metrics.held_out.accuracy.value * counts.sum())


def test_the_study_is_in_the_report_with_its_mean_and_its_worst(text: str) -> None:
    assert "| 5 | 100.00 % | 99.90 % | 99.9500 % | 713 | 31 |" in text
    assert "Media **99.900 %**, peor **99.850 %**" in text
    assert "Por debajo del 99.9 %: 1 de 2 (semilla 6, 99.850 %)." in text
    assert "| receta original, como se servía | 52.00 % de las 5 000 |" in text


def test_without_the_courses_rule_the_report_leaves_the_grid_out(
    measured: Measured, tmp_path: Path
) -> None:
    evaluation = replace(measured.artefact.evaluation, grid_has_truth=False)
    other = replace(measured, artefact=replace(measured.artefact, evaluation=evaluation))
    without = write_report(other, tmp_path)[0].read_text()
    assert "Grilla completa" not in without
    assert "Entradas menos exactas" not in without
    assert "juegos de datos" not in without
    assert not (tmp_path / "errores.png").exists()


def test_a_perfect_grid_is_said_to_have_no_wrong_cell(measured: Measured) -> None:
    evaluation, card = measured.artefact.evaluation, measured.artefact.card
    rows = np.flatnonzero(~evaluation.grid.wrong(card.threshold))[:20]
    perfect = evaluation.grid.take(rows)
    section = grid_section(replace(evaluation, grid=perfect, grid_litert=perfect), card)
    assert "Ninguna celda está mal, con ninguno de los dos motores." in section


def test_a_wrong_cell_is_listed_with_its_values(measured: Measured) -> None:
    evaluation, card = measured.artefact.evaluation, measured.artefact.card
    rows = np.array([[2.0, 1.7, 1.1, 50, 0, 1]], np.float32)
    cell = Answered(Cohort(rows, np.array([False])), np.array([0.75], np.float32))
    section = grid_section(replace(evaluation, grid=cell, grid_litert=cell), card)
    assert "| 2.0 | 1.7 | 1.1 | 50 | 0 | 1 | sin riesgo | 0.7500 |" in section


@pytest.fixture(scope="module")
def card_page(measured: Measured, directory: Path) -> str:
    return write_model_card(measured.artefact.card, directory).read_text()


def test_the_model_card_starts_with_what_model_hubs_read(card_page: str) -> None:
    _, front, _ = card_page.split("---\n", 2)
    for line in ("license: mit", "library_name: keras", "pipeline_tag: tabular-classification"):
        assert line in front.splitlines()


def test_the_model_card_answers_every_item_of_tripod_ai(card_page: str) -> None:
    # 27 items; those with parts have one answer a part. Source: the checklist.
    parts = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg"}
    parts |= {"18": "abcdef", "20": "abc", "23": "ab", "27": "abc"}
    expected = [
        f"{number}{part}" for number in range(1, 28) for part in parts.get(str(number), [""])
    ]
    assert [item for item, _, _ in TRIPOD_ITEMS] == expected
    for item in expected:
        assert f"\n| {item} | " in card_page


def test_the_model_card_says_first_that_it_is_not_a_medical_device(card_page: str) -> None:
    body = card_page.split("---\n", 2)[2]
    assert "Not a medical device" in body.split("\n\n")[1]


@pytest.mark.parametrize("page", ["evaluation.md", "card.md"])
def test_the_committed_pages_are_about_the_committed_network(page: str) -> None:
    directory = load_settings().model_dir
    assert (directory / KERAS_FILE).is_file()
    committed = directory.parent.parent / "docs" / "model" / page
    assert load_card(directory).version in committed.read_text()
