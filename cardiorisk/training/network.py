"""The network and how it learns.

The scaling is a layer of the network, made from ``FIELDS``: whoever loads the saved file feeds it
plain units and cannot forget to scale. One ``fit`` trains several candidates side by side: the same
network ends from 99.7 % to 100 % right depending on its first weights, and sixteen cost hardly more
time than one. The validation rows choose the one that is kept.

Trained to the end, the network is sharp: right for a rule, and far too sure of itself on rows with
noise. There a steady one is trained, with a weight decay chosen by cross-validation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.answered import Answered, row_losses
from cardiorisk.training.data import Cohort, Split, shaken
from cardiorisk.training.evaluation import EVEN_THRESHOLD
from cardiorisk.training.recipe import LAYER_UNITS, Recipe

FEWEST_TO_TRUST = 50
"""Validation rows it takes to prefer the sharp network; on fewer, luck decides."""

ERRORS_AWAY = 1.96
"""How many standard errors above 0 its gain must be."""

_LEFT_OUT = -1.0  # in the place of an outcome that a candidate is not to learn

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
    """A trained Keras network, its learning curve, and how it was chosen.

    Attributes:
        split: what it was trained with: ``training`` is what it learnt from.
        unseen: answers about rows that whoever answers had not learnt from: the validation rows,
            or by cross-validation all the rows that the network has learnt from since.
        weight_decay: strength of the L2 penalty, 0 where there was none.
    """

    network: Any
    epochs: tuple[Epoch, ...]
    split: Split
    unseen: Answered
    weight_decay: float


def build_network() -> Any:
    """Return the untrained 14-7-1 network: six plain values in, one probability out."""
    layers = [
        keras.layers.Dense(units, activation=activation, name=name)
        for units, activation, name in _LAYERS
    ]
    return keras.Sequential([_input(), _scaling(), *layers], name="cardiorisk")


def train(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Train a new network; the same split and recipe give the same weights on one machine.

    Where the sharp network makes mistakes on the validation rows, or these are few, the steady one
    is trained too; the sharp one is kept where its loss on enough of them is smaller with
    confidence.
    ``on_epoch`` gets the figures of the leading candidate after every epoch. The held-out rows
    are measured for the curves only.
    """
    sharp = _train_sharp(split, recipe, on_epoch)
    is_tried = len(split.validation) >= FEWEST_TO_TRUST
    if is_tried and not sharp.unseen.wrong(EVEN_THRESHOLD).any():
        return sharp
    steady = _train_steady(split, recipe, on_epoch)
    gains = steady.unseen.losses()[len(split.training) :] - sharp.unseen.losses()
    by_chance = ERRORS_AWAY * gains.std() / len(gains) ** 0.5
    return sharp if is_tried and gains.mean() > by_chance else steady


def _train_sharp(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Learn the training rows to the end, as befits a rule without noise."""
    keras.utils.set_random_seed(recipe.seed)
    population = _build_population(recipe.candidates)
    truth = np.repeat(split.training.at_risk[:, np.newaxis], recipe.candidates, axis=1)  # (n, k)
    epochs = _fit(population, "binary_crossentropy", truth, split, recipe, on_epoch)
    best = int(np.argmin(_shaken_losses(population, split.validation, recipe.seed)))
    network = _one_of(population, best)
    said = np.asarray(network.predict_on_batch(split.validation.values))[:, 0]
    return Trained(network, _of(epochs, best), split, Answered(split.validation, said), 0.0)


def _train_steady(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Learn from training and validation rows with the weight decay that foresees best.

    For each weight decay and each fold of the rows, one candidate leaves that fold out: what it
    answers about it is cross-validation. All copies of a patient are in one fold. Of those that
    leave nothing out the one is kept that is nearest to their mean.
    """
    keras.utils.set_random_seed(recipe.seed)
    pool = split.steering
    split = Split(split.cohort, pool, pool, split.held_out)
    folds = np.empty(len(pool), np.intp)
    by_patient = StratifiedGroupKFold(recipe.folds, shuffle=True, random_state=recipe.seed)
    divided = by_patient.split(pool.values, pool.at_risk, pool.patients())
    for fold, (_, rows) in enumerate(divided):
        folds[rows] = fold
    each = recipe.folds + recipe.whole
    decays = np.repeat(recipe.weight_decays, each)  # (k,)
    left_out = np.tile(np.arange(each), len(recipe.weight_decays))  # (k,); beyond folds: nothing
    population = _build_population(len(decays), decays)
    truth = np.where(folds[:, np.newaxis] == left_out, _LEFT_OUT, pool.at_risk[:, np.newaxis])
    epochs = _fit(population, _loss_of_the_rest, truth, split, recipe, on_epoch)
    said = np.asarray(population.predict_on_batch(pool.values))  # (n, k)
    unseen = [
        Answered(pool, said[np.arange(len(pool)), start + folds])
        for start in range(0, len(decays), each)
    ]
    chosen = int(np.argmin([answered.log_loss() for answered in unseen]))
    first = chosen * each + recipe.folds
    whole = said[:, first : first + recipe.whole]
    distances = ((whole - whole.mean(axis=1, keepdims=True)) ** 2).mean(axis=0)
    best = first + int(np.argmin(distances))
    decay = recipe.weight_decays[chosen]
    return Trained(_one_of(population, best), _of(epochs, best), split, unseen[chosen], decay)


def _fit(
    population: Any,
    loss: str | Callable[[Any, Any], Any],
    truth: NDArray[Any],
    split: Split,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None],
) -> list[tuple[Epoch, ...]]:
    """Fit a population to ``truth``, shape (n, k); return the candidates' figures by epoch."""
    steps_per_epoch = -(-len(split.training) // recipe.batch_rows)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate, steps_per_epoch * recipe.epochs
    )
    population.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=loss,
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
        truth,
        batch_size=recipe.batch_rows,
        epochs=recipe.epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=measure)],
        verbose=0,
    )
    return epochs


def _loss_of_the_rest(truth: Any, said: Any) -> Any:
    """Return the mean cross-entropy (shape (n,)) of candidates, without the rows they leave out."""
    ops = keras.ops
    given_to_truth = ops.where(truth > 0, said, 1 - said)  # (n, k)
    given = ops.where(truth < 0, 1.0, ops.maximum(given_to_truth, keras.config.epsilon()))
    return -ops.mean(ops.log(given), axis=-1)


def _one_of(population: Any, number: int) -> Any:
    network = build_network()
    network.set_weights([weights[number] for weights in population.get_weights()])
    return network


def _of(epochs: list[tuple[Epoch, ...]], number: int) -> tuple[Epoch, ...]:
    return tuple(each[number] for each in epochs)


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


def _build_population(candidates: int, decays: NDArray[np.float64] | None = None) -> Any:
    """Return k untrained networks in one: six values in, k probabilities out.

    They share nothing but the rows of each step. Adam works weight by weight, so each learns as
    it would alone; ``decays``, shape (k,), weighs each one's L2 penalty.
    """
    # The loss is the candidates' mean, so a penalty is a k-th too.
    weights = None if decays is None else (decays / candidates).astype(np.float32)[:, None, None]

    def penalty(kernel: Any) -> Any:  # (k, inputs, units)
        return keras.ops.sum(weights * keras.ops.square(kernel))

    # (n, 6) to (n, k, 6): every candidate sees the same patient.
    stack = [_input(), _scaling(), keras.layers.RepeatVector(candidates)]
    for units, activation, name in _LAYERS:
        stack.append(  # (n, k, inputs) to (n, k, units)
            keras.layers.EinsumDense(
                "nki,kiu->nku",
                (candidates, units),
                activation,
                bias_axes="ku",
                name=name,
                kernel_regularizer=None if decays is None else penalty,
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
    return accuracies, row_losses(probabilities, truth).mean(axis=0)


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
