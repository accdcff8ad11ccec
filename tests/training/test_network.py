"""The network's shape, its scaling, and that the same seed gives the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.network import build_network, train

if TYPE_CHECKING:
    from cardiorisk.training.data import Split
    from cardiorisk.training.network import Epoch, Trained
    from cardiorisk.training.recipe import Recipe


def weights_of(trained: Trained) -> list[bytes]:
    return [array.tobytes() for array in trained.network.get_weights()]


def test_the_network_has_the_assignments_211_trainable_parameters() -> None:
    network = build_network()
    assert sum(weight.shape.num_elements() for weight in network.trainable_weights) == 211
    assert network.non_trainable_weights == []


def test_the_network_takes_six_values_and_gives_one() -> None:
    network = build_network()
    assert (network.input_shape, network.output_shape) == ((None, 6), (None, 1))


def test_the_layers_are_14_relu_7_relu_1_sigmoid() -> None:
    layers = build_network().layers[1:]
    assert [(layer.units, layer.activation.__name__) for layer in layers] == [
        (14, "relu"),
        (7, "relu"),
        (1, "sigmoid"),
    ]


def test_the_scaling_takes_the_ends_of_each_range_to_minus_one_and_one() -> None:
    ends = np.array(
        [[field.minimum for field in FIELDS], [field.maximum for field in FIELDS]], np.float32
    )
    scaled = np.asarray(build_network().get_layer("scaling")(ends))
    assert scaled == pytest.approx(np.array([[-1.0] * 6, [1.0] * 6]), abs=1e-6)


def test_the_same_seed_gives_the_same_weights(
    trained: Trained, split: Split, recipe: Recipe
) -> None:
    again = train(split, recipe, lambda _: None)
    assert weights_of(again) == weights_of(trained)


def test_another_seed_gives_other_weights(trained: Trained, split: Split, recipe: Recipe) -> None:
    other = train(split, replace(recipe, seed=4), lambda _: None)
    assert weights_of(other) != weights_of(trained)


def test_every_epoch_is_reported_while_training(trained: Trained, seen: list[Epoch]) -> None:
    assert [epoch.number for epoch in seen] == [1, 2] == [e.number for e in trained.epochs]


def test_two_epochs_already_beat_the_majority(trained: Trained) -> None:
    assert trained.epochs[-1].held_out_accuracy > 0.7


def test_the_curve_ends_with_what_the_kept_network_answers(trained: Trained, split: Split) -> None:
    layers = trained.network.get_weights()
    rows = np.asarray(trained.network.get_layer("scaling")(split.held_out.values))
    for kernel, bias in zip(layers[0:4:2], layers[1:4:2], strict=True):
        rows = np.maximum(rows @ kernel + bias, 0)
    logits = (rows @ layers[4] + layers[5])[:, 0]
    accuracy = ((logits >= 0) == split.held_out.at_risk).mean()
    assert trained.epochs[-1].held_out_accuracy == pytest.approx(accuracy)
    loss = np.logaddexp(0, np.where(split.held_out.at_risk, -logits, logits)).mean()
    assert trained.epochs[-1].held_out_loss == pytest.approx(loss, rel=1e-4)
