"""The artefact: whole or not at all, and right when its files are loaded again."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from cardiorisk.config import load_settings
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import CARD_FILE, KERAS_FILE, LITERT_FILE, load_card
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.training import export
from cardiorisk.training.data import (
    Cohort,
    draw_background,
    make_cohort,
    split_cohort,
    whole_grid,
)
from cardiorisk.training.evaluation import load_keras, load_litert
from cardiorisk.training.export import Artefact, write_artefact

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.training.data import Split
    from cardiorisk.training.network import Trained
    from cardiorisk.training.recipe import Recipe

# Keras 3.15 asks its own TensorFlow variables for an array in NumPy 1's way when it saves them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

COMMITTED = load_settings().model_dir
ARTEFACT_FILES = {KERAS_FILE, LITERT_FILE, CARD_FILE}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parent") / "artefact"


@pytest.fixture(scope="module")
def artefact(trained: Trained, split: Split, recipe: Recipe, directory: Path) -> Artefact:
    return write_artefact(trained, split, recipe, directory)


def file_hashes(directory: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def test_the_artefact_is_three_files_and_nothing_else(artefact: Artefact, directory: Path) -> None:
    assert load_card(directory) == artefact.card
    assert {path.name for path in directory.iterdir()} == ARTEFACT_FILES


def test_the_card_has_the_hashes_of_the_written_files(artefact: Artefact, directory: Path) -> None:
    hashes = file_hashes(directory)
    assert artefact.card.files == {name: hashes[name] for name in (KERAS_FILE, LITERT_FILE)}


def test_the_card_names_the_six_inputs_in_their_order(artefact: Artefact) -> None:
    assert artefact.card.field_order == FIELD_NAMES


def test_the_card_identifies_the_data(artefact: Artefact) -> None:
    rows = make_cohort(3, rows=1000)
    content = rows.values.astype("<f4").tobytes() + bytes(rows.at_risk.tolist())
    assert artefact.card.data_sha256 == sha256(content).hexdigest()
    assert artefact.card.data_rows == 1000


def test_the_threshold_is_among_the_best_of_the_validation_rows(
    artefact: Artefact, split: Split, directory: Path
) -> None:
    card = artefact.card
    assert card.threshold_choice.rows == len(split.validation)
    assert card.threshold_choice.lowest < card.threshold <= card.threshold_choice.highest
    probabilities = load_keras(directory / KERAS_FILE)(split.validation.values)
    mistakes = ((probabilities >= card.threshold) != split.validation.at_risk).sum()
    assert mistakes == card.threshold_choice.mistakes


def test_the_training_profiles_count_every_training_row(artefact: Artefact, split: Split) -> None:
    card = artefact.card
    assert [profile.field for profile in card.training_fields] == list(FIELD_NAMES)
    for profile in (*card.training_fields, card.training_scores):
        assert sum(profile.counts) == len(split.training)


def test_the_committed_card_warns_of_what_the_course_never_had() -> None:
    outside = load_card(COMMITTED).outside_training
    assert outside((2.9, 1.7, 1.9, 98, 1, 1)) == ()
    assert outside((3.0, 1.8, 2.0, 99, 1, 1)) == FIELD_NAMES[:4]


def test_the_golden_rows_are_sixteen_of_both_classes(artefact: Artefact) -> None:
    committed = load_card(COMMITTED).golden_rows
    assert len(committed) == len(artefact.card.golden_rows) == 16
    assert 5 <= sum(row.probability >= 0.5 for row in committed) <= 11


def test_the_cards_background_is_the_drawn_rows_to_the_last_bit(
    artefact: Artefact, split: Split, recipe: Recipe
) -> None:
    drawn = draw_background(split.training, recipe.seed).values
    assert np.array_equal(np.array(artefact.card.background, np.float32), drawn)


def test_the_committed_background_is_written_as_people_write_it() -> None:
    digits = [len(f"{value}") for row in load_card(COMMITTED).background for value in row]
    assert max(digits) <= len("98.0")


def test_the_saved_file_scales_by_itself(
    artefact: Artefact, trained: Trained, split: Split, directory: Path
) -> None:
    assert artefact.card.version
    in_memory = np.asarray(trained.network(split.held_out.values))[:, 0]
    reloaded = load_keras(directory / KERAS_FILE)(split.held_out.values)
    assert reloaded == pytest.approx(in_memory, abs=1e-6)


def test_the_saved_file_carries_no_code(artefact: Artefact, directory: Path) -> None:
    assert artefact.card.version
    with zipfile.ZipFile(directory / KERAS_FILE) as archive:
        assert b"Lambda" not in archive.read("config.json")


def test_the_version_depends_on_the_weights(trained: Trained) -> None:
    changed = keras.models.clone_model(trained.network)
    assert export.network_version(changed) != export.network_version(trained.network)
    changed.set_weights(trained.network.get_weights())
    assert export.network_version(changed) == export.network_version(trained.network)


def test_data_with_another_rule_get_no_grid_accuracy(
    trained: Trained, split: Split, recipe: Recipe, tmp_path: Path
) -> None:
    rows = split.cohort
    other_rule = replace(split, cohort=Cohort(rows.values, ~rows.at_risk))
    metrics = write_artefact(trained, other_rule, recipe, tmp_path).card.metrics
    for engine in (metrics.keras, metrics.litert):
        assert (engine.grid_accuracy, engine.grid_wrong_cells) == (None, None)


def test_a_refused_network_leaves_the_old_one_as_it_was(
    artefact: Artefact,
    trained: Trained,
    split: Split,
    recipe: Recipe,
    directory: Path,
) -> None:
    before = file_hashes(directory)
    weights = [array * np.nan for array in trained.network.get_weights()]
    broken = replace(trained, network=keras.models.clone_model(trained.network))
    broken.network.set_weights(weights)
    with pytest.raises(UnusableArtefact, match="the engines differ by nan"):
        write_artefact(broken, split, recipe, directory)
    assert artefact.card.files
    assert file_hashes(directory) == before


@pytest.fixture(scope="module")
def grid() -> Cohort:
    return whole_grid()


@pytest.mark.parametrize("engine", ["keras", "litert"])
def test_the_committed_networks_wrong_cells_are_as_many_as_its_card_says(
    grid: Cohort, engine: str
) -> None:
    card = load_card(COMMITTED)
    answers = {
        "keras": lambda: load_keras(COMMITTED / KERAS_FILE),
        "litert": lambda: load_litert(COMMITTED / LITERT_FILE),
    }[engine]()
    wrong = int(((answers(grid.values) >= card.threshold) != grid.at_risk).sum())
    said = getattr(card.metrics, engine).grid_wrong_cells
    # Another processor may round a cell at the very edge to the other side.
    assert wrong == pytest.approx(said, abs=3)
    assert wrong <= 0.001 * len(grid)


def test_the_committed_engines_agree_over_the_grid_as_the_card_says(grid: Cohort) -> None:
    difference = load_keras(COMMITTED / KERAS_FILE)(grid.values) - load_litert(
        COMMITTED / LITERT_FILE
    )(grid.values)
    said = load_card(COMMITTED).metrics.engines_largest_difference
    # Where the answer is steepest, another processor's rounding moves it as far again.
    assert np.abs(difference).max() < max(2 * said, 1e-5) < export.LARGEST_DIFFERENCE


def test_the_committed_network_knows_the_rows_it_was_trained_without() -> None:
    card = load_card(COMMITTED)
    cohort = make_cohort(card.seed)
    assert cohort.fingerprint() == card.data_sha256
    held_out = split_cohort(cohort, card.seed).held_out
    probabilities = load_litert(COMMITTED / LITERT_FILE)(held_out.values)
    assert ((probabilities >= 0.5) == held_out.at_risk).mean() >= 0.998


def test_the_committed_files_match_their_card() -> None:
    hashes = file_hashes(COMMITTED)
    assert set(hashes) == ARTEFACT_FILES
    assert load_card(COMMITTED).files == {name: hashes[name] for name in (KERAS_FILE, LITERT_FILE)}


def test_the_committed_version_is_that_of_its_weights() -> None:
    network = keras.models.load_model(COMMITTED / KERAS_FILE, compile=False, safe_mode=True)
    assert load_card(COMMITTED).version == export.network_version(network)


@pytest.mark.parametrize("rows", [1, 2, 64, 65_536, 65_537, 3])
def test_litert_takes_any_number_of_rows(grid: Cohort, rows: int) -> None:
    assert load_litert(COMMITTED / LITERT_FILE)(grid.values[:rows]).shape == (rows,)


def test_the_artefact_is_small_enough_to_commit() -> None:
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 64 * 1024
