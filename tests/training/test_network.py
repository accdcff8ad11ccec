"""The network's shape, its scaling, and that the same seed gives the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.model.card import load_card
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.export import network_version
from cardiorisk.training.network import build_network, train

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.training.data import Split
    from cardiorisk.training.network import Epoch, Trained
    from cardiorisk.training.recipe import Recipe

SEEN: list[Epoch] = []
"""What the training reported while it ran."""


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


def test_the_scaling_takes_the_ends_of_each_range_to_minus_one_and_one() -> None:
    ends = np.array([[each.minimum for each in FIELDS], [each.maximum for each in FIELDS]])
    scaled = np.asarray(build_network().get_layer("scaling")(ends.astype(np.float32)))
    assert scaled == pytest.approx(np.array([[-1.0] * 6, [1.0] * 6]), abs=1e-6)


def test_the_seed_decides_the_weights_in_another_process_too(
    trained: Trained, split: Split, recipe: Recipe, model: Path
) -> None:
    assert network_version(trained.network) == load_card(model).version
    other = train(split, replace(recipe, seed=8), lambda _: None)
    assert network_version(other.network) != load_card(model).version


def test_every_epoch_of_the_leading_candidate_is_reported(trained: Trained) -> None:
    assert [epoch.number for epoch in SEEN] == [1, 2] == [each.number for each in trained.epochs]
    for leading, kept in zip(SEEN, trained.epochs, strict=True):
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
