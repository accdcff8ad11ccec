"""The network: its shape, how it learns, and its files, which are right when loaded again."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cardiorisk.config import load_settings
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import CARD_FILE, KERAS_FILE, LITERT_FILE, Card, load_card
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import (
    Cohort,
    Split,
    draw_background,
    make_cohort,
    profile_fields,
    profile_scores,
    split_cohort,
)
from cardiorisk.training.evaluation import Evaluation
from cardiorisk.training.export import (
    LARGEST_DIFFERENCE,
    network_version,
    write_artefact,
)
from cardiorisk.training.network import Epoch, Trained, build_network, train
from cardiorisk.training.recipe import Recipe

COMMITTED = load_settings().model_dir
SEEN: list[Epoch] = []


def file_hashes(directory: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def network(model: Path) -> Any:
    return keras.models.load_model(model / KERAS_FILE, compile=False, safe_mode=True)


@pytest.fixture(scope="module")
def trained(split: Split, recipe: Recipe) -> Trained:
    return train(split, recipe, SEEN.append)


def test_the_network_is_the_assignments_with_211_trainable_parameters() -> None:
    network = build_network()
    assert (network.input_shape, network.output_shape) == ((None, 6), (None, 1))
    layers = [(layer.units, layer.activation.__name__) for layer in network.layers[1:]]
    assert layers == [(14, "relu"), (7, "relu"), (1, "sigmoid")]
    assert sum(weight.shape.num_elements() for weight in network.trainable_weights) == 211
    assert network.non_trainable_weights == []
    # The scaling takes the ends of each range to -1 and 1.
    ends = np.array([[each.minimum for each in FIELDS], [each.maximum for each in FIELDS]])
    scaled = np.asarray(network.get_layer("scaling")(ends.astype(np.float32)))
    assert scaled == pytest.approx(np.array([[-1.0] * 6, [1.0] * 6]), abs=1e-6)


def test_the_seed_decides_the_weights_in_another_process_too(
    trained: Trained, split: Split, recipe: Recipe, model: Path
) -> None:
    assert network_version(trained.network) == load_card(model).version
    other = train(split, replace(recipe, seed=8), lambda _: None)
    assert network_version(other.network) != load_card(model).version
    # The leading candidate of every epoch was reported.
    assert [epoch.number for epoch in SEEN] == [1, 2] * 3  # sharp; teachers, pupils
    seen = SEEN[4:] if trained.weight_decay else SEEN[:2]
    for leading, kept in zip(seen, trained.epochs, strict=True):
        assert leading.training_loss <= kept.training_loss


def test_the_curve_ends_with_what_the_kept_network_answers(trained: Trained, split: Split) -> None:
    layers = trained.network.get_weights()
    rows = np.asarray(trained.network.get_layer("scaling")(split.held_out.values))
    for kernel, bias in zip(layers[0:4:2], layers[1:4:2], strict=True):
        rows = np.maximum(rows @ kernel + bias, 0)
    logits = (rows @ layers[4] + layers[5])[:, 0]
    accuracy = ((logits >= 0) == split.held_out.at_risk).mean()
    assert trained.epochs[-1].held_out_accuracy == pytest.approx(accuracy)
    assert accuracy > 0.9
    loss = np.logaddexp(0, np.where(split.held_out.at_risk, -logits, logits)).mean()
    assert trained.epochs[-1].held_out_loss == pytest.approx(loss, rel=1e-4)


def test_the_artefact_is_two_files_without_code_and_a_card_with_their_hashes(model: Path) -> None:
    hashes = file_hashes(model)
    assert set(hashes) == {KERAS_FILE, LITERT_FILE, CARD_FILE}
    assert load_card(model).files == {name: hashes[name] for name in (KERAS_FILE, LITERT_FILE)}
    with zipfile.ZipFile(model / KERAS_FILE) as archive:
        assert b"Lambda" not in archive.read("config.json")


def test_the_card_identifies_the_data_and_keeps_what_training_saw(
    model: Path, split: Split, recipe: Recipe
) -> None:
    card = load_card(model)
    content = split.cohort.values.astype("<f4").tobytes() + bytes(split.cohort.at_risk.tolist())
    assert (card.data_sha256, card.data_rows) == (sha256(content).hexdigest(), 5000)
    assert (card.seed, card.epochs) == (recipe.seed, recipe.epochs)
    assert [profile.field for profile in card.training_fields] == list(FIELD_NAMES)
    learnt_from = split.steering if card.weight_decay else split.training
    for profile in (*card.training_fields, card.training_scores):
        assert sum(profile.counts) == len(learnt_from)
    drawn = draw_background(learnt_from, recipe.seed).values
    assert np.array_equal(np.array(card.background, np.float32), drawn)  # to the last bit


def test_from_200_noisy_rows_a_network_is_calibrated_and_judged_on_rows_it_had_not_seen() -> None:
    few = make_cohort(3, rows=200)
    flipped = np.random.default_rng(3).random(200) < 0.1
    noisy = split_cohort(Cohort(few.values, few.at_risk ^ flipped), 3)
    steady = train(noisy, Recipe(seed=3, epochs=60), lambda _: None)
    assert steady.weight_decay >= 1e-3
    assert len(steady.split.training) == len(steady.unseen) == len(noisy.steering)
    fresh = make_cohort(4, rows=20_000)
    truth = fresh.at_risk ^ (np.random.default_rng(4).random(20_000) < 0.1)
    said = np.asarray(steady.network.predict_on_batch(fresh.values))[:, 0]
    answers = Answered(Cohort(fresh.values, truth), said)
    assert answers.calibration_error() <= 0.08
    assert answers.accuracy(0.5) >= 0.77
    # Who had seen a row would be surer of it.
    assert steady.unseen.log_loss() > 0.9 * answers.log_loss()


def test_the_version_depends_on_the_weights(network: Any) -> None:
    changed = keras.models.clone_model(network)
    assert network_version(changed) != network_version(network)
    changed.set_weights(network.get_weights())
    assert network_version(changed) == network_version(network)


def test_another_rule_gets_no_grid_accuracy_and_a_broken_network_is_not_saved(
    network: Any, split: Split, recipe: Recipe, tmp_path: Path
) -> None:
    other_rule = replace(split, cohort=replace(split.cohort, at_risk=~split.cohort.at_risk))
    unseen = Answered(split.validation, np.full(len(split.validation), 0.5))
    other = Trained(network, (), other_rule, unseen, 0.0)
    metrics = write_artefact(other, recipe, tmp_path)[0].metrics
    for engine in (metrics.keras, metrics.litert):
        assert (engine.grid_accuracy, engine.grid_wrong_cells) == (None, None)
    # A network that is refused leaves this one as it is.
    kept = file_hashes(tmp_path)
    broken = keras.models.clone_model(network)
    broken.set_weights([array * np.nan for array in network.get_weights()])
    with pytest.raises(UnusableArtefact, match="the engines differ by nan"):
        write_artefact(replace(other, network=broken), recipe, tmp_path)
    assert file_hashes(tmp_path) == kept


def test_a_profile_has_the_columns_ends_and_bins_of_about_as_many_rows() -> None:
    cohort = make_cohort()
    profiles = {profile.field: profile for profile in profile_fields(cohort)}
    ends = [(profile.lowest, profile.highest) for profile in profiles.values()]
    assert ends == [(1.0, 2.9), (0.6, 1.7), (0.5, 1.9), (0, 98), (0, 1), (0, 1)]
    ages = profiles["edad"].counts
    assert len(ages) == 10
    assert 400 < min(ages) <= max(ages) < 600
    assert profiles["tabaquismo"].edges == (0.5,)
    for profile, column in zip(profiles.values(), cohort.values.T, strict=True):
        # No edge is a value that occurs, and the counts are those of the card's own bins.
        assert np.abs(np.subtract.outer(profile.edges, np.unique(column))).min() > 0.04
        bins = [profile.bin_of(float(str(value))) for value in column]
        assert tuple(np.bincount(bins, minlength=len(profile.counts))) == profile.counts


def test_a_field_with_one_value_has_one_bin_and_scores_are_counted_by_tenths() -> None:
    only = next(profile_fields(Cohort(np.ones((5, 6), np.float32), np.zeros(5, np.bool_))))
    assert (only.edges, only.counts) == ((), (5,))
    profile = profile_scores(np.array([0.0, 0.05, 0.95, 1.0, 1.0], np.float32))
    assert profile.edges == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert profile.counts == (2, 0, 0, 0, 0, 0, 0, 0, 0, 3)


def test_the_committed_network_is_as_right_as_its_card_says(
    committed: tuple[Card, Evaluation],
) -> None:
    card, evaluation = committed
    assert make_cohort(card.seed).fingerprint() == card.data_sha256
    assert evaluation.litert.held_out.accuracy(0.5) >= 0.998
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 64 * 1024
    for asked, figures in (
        (evaluation.keras, card.metrics.keras),
        (evaluation.litert, card.metrics.litert),
    ):
        wrong = int(asked.grid.wrong(card.threshold).sum())
        # Another processor may round a cell at the very edge to the other side.
        assert wrong == pytest.approx(figures.grid_wrong_cells, abs=3)
        assert wrong <= 0.001 * len(asked.grid)
    # Where the answer is steepest, another processor's rounding moves it as far again.
    most = max(2 * card.metrics.engines_largest_difference, 1e-5)
    assert evaluation.largest_difference < most < LARGEST_DIFFERENCE


def test_the_committed_card_is_of_its_weights_and_warns_of_what_the_course_never_had() -> None:
    card = load_card(COMMITTED)
    network = keras.models.load_model(COMMITTED / KERAS_FILE, compile=False, safe_mode=True)
    assert card.version == network_version(network)
    assert card.outside_training((2.9, 1.7, 1.9, 98, 1, 1)) == ()
    assert card.outside_training((3.0, 1.8, 2.0, 99, 1, 1)) == FIELD_NAMES[:4]
    assert 5 <= sum(row.probability >= 0.5 for row in card.golden_rows) <= 11  # of both classes
    digits = [len(f"{value}") for row in card.background for value in row]
    assert max(digits) <= len("98.0")  # written as people write it
