"""The network and how it learns.

Keeps no file and draws no plot. The scaling is a layer of the network, made from ``FIELDS``:
whoever loads the saved file feeds it plain units and cannot forget to scale. The surprise: one
``fit`` trains several candidates side by side, because the same network ends anywhere from 99.7 %
to 100 % right depending on its first weights, and sixteen cost hardly more time than one. The one
that is kept is chosen on the validation rows; no figure of the held-out rows steers anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.data import Cohort, shaken
from cardiorisk.training.figures import EVEN_THRESHOLD
from cardiorisk.training.recipe import LAYER_UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cardiorisk.training.data import Split
    from cardiorisk.training.recipe import Recipe

NETWORK_NAME = "cardiorisk"
_ACTIVATIONS = ("relu", "relu", "sigmoid")
_LAYER_NAMES = ("hidden_1", "hidden_2", "risk")
_SHAKINGS = 8
_LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)


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
    """A trained Keras network and the learning curve, one entry an epoch."""

    network: Any
    epochs: tuple[Epoch, ...]


def build_network() -> Any:
    """Return the untrained 14-7-1 network: six plain values in, one probability out."""
    layers = [
        keras.layers.Dense(units, activation=activation, name=name)
        for units, activation, name in zip(LAYER_UNITS, _ACTIVATIONS, _LAYER_NAMES, strict=True)
    ]
    return keras.Sequential([_input(), _scaling(), *layers], name=NETWORK_NAME)


def train(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Train a new network; the same split and recipe give the same weights on one machine.

    Args:
        split: what to learn from, and what to measure for the curves only.
        recipe: how.
        on_epoch: called after every epoch.
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
    curves = _Curves(split, on_epoch)
    population.fit(
        split.training.values,  # (n, 6)
        np.repeat(split.training.at_risk[:, np.newaxis], recipe.candidates, axis=1),  # (n, k)
        batch_size=recipe.batch_rows,
        epochs=recipe.epochs,
        callbacks=[curves],
        verbose=0,
    )
    best = int(np.argmin(_shaken_losses(population, split.validation, recipe.seed)))
    return Trained(_candidate(population, best), curves.of(best))


class _Curves(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Measures every candidate after each epoch, and reports the one that leads."""

    def __init__(self, split: Split, on_epoch: Callable[[Epoch], None]) -> None:
        super().__init__()
        self._split = split
        self._on_epoch = on_epoch
        self._epochs: list[tuple[Epoch, ...]] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras's call
        """Measure the candidates; Keras counts epochs from 0."""
        training = _figures(self.model, self._split.training)
        held_out = _figures(self.model, self._split.held_out)
        self._epochs.append(
            tuple(
                Epoch(epoch + 1, *map(float, figures))
                for figures in zip(*training, *held_out, strict=True)
            )
        )
        self._on_epoch(min(self._epochs[-1], key=lambda figures: figures.training_loss))

    def of(self, candidate: int) -> tuple[Epoch, ...]:
        """Return the learning curve of one candidate."""
        return tuple(figures[candidate] for figures in self._epochs)


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
    for units, activation, name in zip(LAYER_UNITS, _ACTIVATIONS, _LAYER_NAMES, strict=True):
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


def _candidate(population: Any, index: int) -> Any:
    network = build_network()
    network.set_weights([weights[index] for weights in population.get_weights()])
    return network


def _figures(population: Any, cohort: Cohort) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each candidate's accuracy and its cross-entropy, both of shape (k,)."""
    probabilities = np.asarray(population.predict_on_batch(cohort.values), np.float64)  # (n, k)
    truth = cohort.at_risk[:, np.newaxis]  # (n, 1)
    given_to_truth = np.where(truth, probabilities, 1 - probabilities)
    losses = -np.log(np.maximum(given_to_truth, _LEAST_PROBABILITY))
    return ((probabilities >= EVEN_THRESHOLD) == truth).mean(axis=0), losses.mean(axis=0)


def _shaken_losses(population: Any, validation: Cohort, seed: int) -> NDArray[np.float64]:
    """Return each candidate's loss, shape (k,), on rows shaken within their rounding.

    On the rows as they are, nearly every candidate is perfect. One whose edge passes close by a
    patient is wrong about the neighbours, and only the shaking shows it.
    """
    random = np.random.default_rng(seed)
    shakings = [
        _figures(population, Cohort(shaken(validation.values, random), validation.at_risk))[1]
        for _ in range(_SHAKINGS)
    ]
    return np.asarray(np.mean(shakings, axis=0))
