"""The network and how it learns.

The scaling is a layer of the network, made from ``FIELDS``: whoever loads the saved file feeds it
plain units and cannot forget to scale. One ``fit`` trains several candidates side by side: the same
network ends from 99.7 % to 100 % right depending on its first weights, and sixteen cost hardly more
time than one. The validation rows choose the one that is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.data import Cohort, Split, shaken
from cardiorisk.training.evaluation import EVEN_THRESHOLD, cross_entropy
from cardiorisk.training.recipe import LAYER_UNITS, Recipe

_LAYERS = tuple(
    zip(LAYER_UNITS, ("relu", "relu", "sigmoid"), ("hidden_1", "hidden_2", "risk"), strict=True)
)


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures after one pass, of one candidate; ``number`` counts from 1."""

    number: int
    training_accuracy: float
    training_loss: float
    held_out_accuracy: float
    held_out_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained Keras network and its learning curve."""

    network: Any
    epochs: tuple[Epoch, ...]


def build_network() -> Any:
    """Return the untrained 14-7-1 network: six plain values in, one probability out."""
    layers = [
        keras.layers.Dense(units, activation=activation, name=name)
        for units, activation, name in _LAYERS
    ]
    return keras.Sequential([_input(), _scaling(), *layers], name="cardiorisk")


def train(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Train a new network; the same split and recipe give the same weights on one machine.

    ``on_epoch`` gets the figures of the leading candidate after every epoch. The held-out rows
    are measured for the curves only.
    """
    keras.utils.set_random_seed(recipe.seed)
    population = _build_population(recipe.candidates)
    steps_per_epoch = -(-len(split.training) // recipe.batch_rows)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate, steps_per_epoch * recipe.epochs
    )
    population.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss="binary_crossentropy",
        jit_compile=True,
        steps_per_execution=min(recipe.steps_per_call, steps_per_epoch),
    )
    epochs: list[tuple[Epoch, ...]] = []

    def measure(epoch: int, _: object) -> None:
        training = _accuracies_and_losses(population, split.training)
        held_out = _accuracies_and_losses(population, split.held_out)
        candidates = zip(*training, *held_out, strict=True)
        epochs.append(tuple(Epoch(epoch + 1, *map(float, each)) for each in candidates))
        on_epoch(min(epochs[-1], key=lambda each: each.training_loss))

    population.fit(
        split.training.values,  # (n, 6)
        np.repeat(split.training.at_risk[:, np.newaxis], recipe.candidates, axis=1),  # (n, k)
        batch_size=recipe.batch_rows,
        epochs=recipe.epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=measure)],
        verbose=0,
    )
    best = int(np.argmin(_shaken_losses(population, split.validation, recipe.seed)))
    network = build_network()
    network.set_weights([weights[best] for weights in population.get_weights()])
    return Trained(network, tuple(each[best] for each in epochs))


def _input() -> Any:
    return keras.Input((len(FIELDS),), name="patient")  # (n, 6), FIELDS order and units


def _scaling() -> Any:
    """Return the layer that takes each value from its range in ``FIELDS`` to -1…1.

    Centred inputs matter: with 0…1 the same training was wrong about three times as many cells.
    """
    lowest = np.array([field.minimum for field in FIELDS])
    highest = np.array([field.maximum for field in FIELDS])
    scale = 2 / (highest - lowest)
    return keras.layers.Rescaling(scale.tolist(), (-1 - lowest * scale).tolist(), name="scaling")


def _build_population(candidates: int) -> Any:
    """Return k untrained networks in one: six values in, k probabilities out.

    They share nothing but the rows of each step. Adam works weight by weight, so each learns as
    it would alone.
    """
    # (n, 6) to (n, k, 6): every candidate sees the same patient.
    stack = [_input(), _scaling(), keras.layers.RepeatVector(candidates)]
    for units, activation, name in _LAYERS:
        stack.append(  # (n, k, inputs) to (n, k, units)
            keras.layers.EinsumDense(
                "nki,kiu->nku", (candidates, units), activation, bias_axes="ku", name=name
            )
        )
    population = keras.Sequential([*stack, keras.layers.Flatten()])  # (n, k)
    # Einsum weights would start too small: Keras takes their first axis for a convolution's.
    starts = [build_network().get_weights() for _ in range(candidates)]
    population.set_weights([np.stack(weights) for weights in zip(*starts, strict=True)])
    return population


def _accuracies_and_losses(
    population: Any, cohort: Cohort
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each candidate's accuracy and its cross-entropy, both of shape (k,)."""
    probabilities = np.asarray(population.predict_on_batch(cohort.values))  # (n, k)
    truth = cohort.at_risk[:, np.newaxis]  # (n, 1)
    accuracies = ((probabilities >= EVEN_THRESHOLD) == truth).mean(axis=0)
    return accuracies, cross_entropy(probabilities, truth)


def _shaken_losses(population: Any, validation: Cohort, seed: int) -> NDArray[np.float64]:
    """Return each candidate's loss, shape (k,), on rows shaken within their rounding.

    On the rows as they are, nearly every candidate is perfect. One whose edge passes close by a
    patient is wrong about the neighbours, and only the shaking shows it.
    """
    random = np.random.default_rng(seed)
    losses = []
    for _ in range(8):
        rows = Cohort(shaken(validation.values, random), validation.at_risk)
        losses.append(_accuracies_and_losses(population, rows)[1])
    return np.asarray(np.mean(losses, axis=0))
