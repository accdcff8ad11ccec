"""The pages and their pictures: every figure from what was measured."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cardiorisk.model.card import Card
from cardiorisk.training.data import make_cohort, split_cohort
from cardiorisk.training.evaluation import Evaluation
from cardiorisk.training.network import Epoch
from cardiorisk.training.report import (
    PAGES,
    Measured,
    draw_accuracy,
    draw_loss,
    figure,
    render,
    write_report,
)

COMMITTED = Path(__file__).parents[2] / "docs" / "model"
EPOCHS = [Epoch(1, 0.5, 0.9, 0.25, 0.8), Epoch(2, 1.0, 0.0, 0.75, 0.1)]


@pytest.fixture(scope="module")
def measured(committed: tuple[Card, Evaluation]) -> Measured:
    card, evaluation = committed
    return Measured(card, split_cohort(make_cohort(card.seed), card.seed), evaluation, EPOCHS)


def test_every_picture_of_the_report_is_one(measured: Measured, tmp_path: Path) -> None:
    written = [path.name for path in write_report(measured, tmp_path)]
    pictures = ["precision", "perdida", "calibracion"]
    assert written == [*PAGES, *(f"{name}.png" for name in pictures)]
    for page in ("evaluation.md", "evaluation.en.md"):
        shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (tmp_path / page).read_text())
        assert sorted(shown) == sorted(written[len(PAGES) :])
    for name in shown:
        with Image.open(tmp_path / name) as picture:
            assert (picture.format, picture.width >= 500) == ("PNG", True)


def test_the_committed_pages_are_their_templates_filled(measured: Measured) -> None:
    figures = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
    for name, template in PAGES.items():
        written, kept = render(template, measured), (COMMITTED / name).read_text()
        if name.startswith("card"):
            assert written == kept
        # What is measured anew may differ in a digit on another processor.
        assert figures.sub("#", written) == figures.sub("#", kept)
        if ".en." in template:
            numbers = [
                [float(found.replace(",", "")) for found in figures.findall(page)]
                for page in (written, kept)
            ]
            assert numbers[0] == pytest.approx(numbers[1], rel=0.01, abs=0.001)


def test_the_report_leaves_a_grid_without_truth_out(measured: Measured, tmp_path: Path) -> None:
    evaluation = replace(measured.evaluation, grid_has_truth=False)
    card = measured.card.model_validate(
        measured.card.model_dump() | {"data_file": "framingham.csv", "data_rows": 5_001}
    )
    write_report(replace(measured, card=card, evaluation=evaluation), tmp_path)
    for name in PAGES:
        page = (tmp_path / name).read_text()
        assert re.search("5[,.]001", page)
        assert "`framingham.csv`" in page
        assert not re.search(r"\b(curso|course|fórmula|rule|grilla|grid|inventad|made-up)\b", page)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.98765432, "0.9877"), (-1.5, "-1.5000"), (0.0009, "9.0e-04"), (0, "0.0000")],
)
def test_a_figure_near_0_is_written_by_its_size(value: float, written: str) -> None:
    assert figure(value) == written


def test_the_card_and_the_evaluation_say_the_same_figures_in_both_languages() -> None:
    no_figures = re.compile(r"(?sm)\A---.*?^---$|```.*?```|\]\([^)]*\)|^[^\n]*tensorflow[^\n]*$")
    for spanish, english in (("card.es.md", "card.md"), ("evaluation.md", "evaluation.en.md")):
        pages = [no_figures.sub("", (COMMITTED / name).read_text()) for name in (spanish, english)]
        pages[0] = pages[0].translate(str.maketrans(",.", ".,"))
        told = [re.findall(r"\d+(?:[.e-]+\d+)*", page.replace(",", "")) for page in pages]
        assert told[0] == told[1]


def test_a_network_that_finds_next_to_nobody_is_called_no_better_than_no(
    measured: Measured,
) -> None:
    metrics = measured.card.metrics
    held_out = metrics.held_out.model_copy(
        update={"true_positives": 3, "false_negatives": 108, "false_positives": 1}
    )
    poor = metrics.model_copy(
        update={"held_out": held_out, "commonest_is_risk": False, "commonest_chance": 0.3125}
    )
    shown = replace(measured, card=measured.card.model_copy(update={"metrics": poor}))
    for template, words in (
        ("card.en.md", '**No better than always saying "no"**'),
        ("evaluation.es.md", "**No es mejor que decir siempre «no»**"),
        ("summary.en.txt", 'No better than always saying "no"'),
    ):
        assert words in render(template, shown)
        assert words not in render(template, measured)
    assert "At risk and found: 3 of 111; false alarms: 1 of 452." in render("card.en.md", shown)


def test_the_model_card_has_what_hubs_read_and_a_warning() -> None:
    _, front, body = (COMMITTED / "card.md").read_text().split("---\n", 2)
    lines = {"license: mit", "library_name: keras", "pipeline_tag: tabular-classification"}
    assert lines <= set(front.splitlines())
    assert "Not a medical device" in body.split("\n\n")[1]


@pytest.mark.parametrize("name", ["card.md", "card.es.md"])
def test_the_model_card_names_every_item_of_tripod_ai_once(name: str) -> None:
    # 27 items; those with parts have one answer a part. Source: the checklist.
    parts = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg"}
    parts |= {"18": "abcdef", "20": "abc", "23": "ab", "27": "abc"}
    expected = [
        f"{number}{part}" for number in range(1, 28) for part in parts.get(str(number), [""])
    ]
    checklist = (COMMITTED / name).read_text().split("## TRIPOD+AI")[1]
    named = re.findall(r"(?:^\| |, |: )(\d+[a-g]?) [^\W\d]", checklist, re.MULTILINE)
    assert sorted(named) == sorted(expected)


def test_the_curves_show_every_epoch_of_both_parts() -> None:
    lines = [*draw_accuracy(EPOCHS).axes[0].lines, *draw_loss(EPOCHS).axes[0].lines]
    assert np.array([line.get_xdata() for line in lines]).tolist() == [[1, 2]] * 4
    # A loss of exactly 0 has no place on a logarithmic scale.
    expected = [[50, 100], [25, 75], [0.9, 1e-12], [0.8, 0.1]]
    assert np.array([line.get_ydata() for line in lines]).tolist() == expected
