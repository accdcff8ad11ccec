"""The network and how it learns: sharply from a rule, steadily from rows with noise.

One ``fit`` trains several candidates side by side, which hardly takes longer than one.
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

FEWEST_TO_TRUST = 50  # validation rows, to prefer the sharp network; on fewer, luck decides
ERRORS_AWAY = 1.96  # standard errors above 0 that its gain must be
_LEFT_OUT = -1.0  # in the place of an outcome that a candidate is not to learn
_KINDS = (("relu", "hidden_1"), ("relu", "hidden_2"), ("sigmoid", "risk"))
_LAYERS = [(units, *kind) for units, kind in zip(LAYER_UNITS, _KINDS, strict=True)]


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of one candidate after one pass."""

    number: int  # from 1
    training_accuracy: float
    training_loss: float
    held_out_accuracy: float
    held_out_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained Keras network, and how it was chosen.

    ``unseen`` has answers about rows that whoever answers had not learnt from: the validation rows,
    or by cross-validation all the rows that the network has learnt from since.
    """

    network: Any
    epochs: tuple[Epoch, ...]
    split: Split  # whose training rows it learnt from
    unseen: Answered
    weight_decay: float  # strength of the L2 penalty of its teachers, 0 where it has none


def build_network() -> Any:
    """Return the untrained 14-7-1 network: six plain values in, one probability out."""
    layers = [keras.layers.Dense(units, kind, name=name) for units, kind, name in _LAYERS]
    return keras.Sequential([*_first_layers(), *layers], name="cardiorisk")


def train(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Train a new network; the same split and recipe give the same weights on one machine.

    On enough validation rows a sharp one is tried. It is kept where it makes no mistake on them, or
    where its loss is smaller with confidence than that of the steady one, which is trained then.
    ``on_epoch`` gets the figures of the leading candidate after every epoch.
    """
    if len(split.validation) < FEWEST_TO_TRUST:
        return _train_steady(split, recipe, on_epoch)
    sharp = _train_sharp(split, recipe, on_epoch)
    if not sharp.unseen.wrong(EVEN_THRESHOLD).any():
        return sharp
    steady = _train_steady(split, recipe, on_epoch)
    gains = steady.unseen.losses()[len(split.training) :] - sharp.unseen.losses()
    by_chance = ERRORS_AWAY * gains.std() / len(gains) ** 0.5
    return sharp if gains.mean() > by_chance else steady


def _train_sharp(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Learn the training rows to the end, as befits a rule without noise."""
    keras.utils.set_random_seed(recipe.seed)
    population = _build_population(recipe.candidates)
    truth = np.repeat(split.training.at_risk[:, np.newaxis], recipe.candidates, axis=1)  # (n, k)
    values = split.training.values
    epochs = _fit(population, "binary_crossentropy", values, truth, split, recipe, on_epoch)
    best = int(np.argmin(_shaken_losses(population, split.validation, recipe.seed)))
    network, curve = _one_of(population, epochs, best)
    said = np.asarray(network.predict_on_batch(split.validation.values))[:, 0]
    return Trained(network, curve, split, Answered(split.validation, said), 0.0)


def _train_steady(split: Split, recipe: Recipe, on_epoch: Callable[[Epoch], None]) -> Trained:
    """Learn what many teachers say on average, who learnt from training and validation rows.

    For each weight decay, some teachers leave each fold of the rows out: what they answer about it
    on average, by cross-validation, chooses the decay. Of it, those who left nothing out teach.
    """
    keras.utils.set_random_seed(recipe.seed)
    pool = split.steering
    split = Split(split.cohort, pool, pool, split.held_out)
    folds = _folds(pool, recipe)
    judges = recipe.folds * recipe.judges
    each = judges + recipe.teachers
    strengths = [decay / len(pool) for decay in recipe.weight_decays]
    of_one = np.repeat(np.arange(recipe.folds), recipe.judges)
    whole = np.full(recipe.teachers, recipe.folds)  # no fold's number: nothing is left out
    left_out = np.tile(np.concatenate([of_one, whole]), len(strengths))  # (k,)
    teachers = _build_population(len(left_out), np.repeat(strengths, each))
    truth = np.where(folds[:, np.newaxis] == left_out, _LEFT_OUT, pool.at_risk[:, np.newaxis])
    _fit(teachers, _loss_of_the_rest, pool.values, truth, split, recipe, on_epoch)
    said = np.asarray(teachers.predict_on_batch(pool.values))  # (n, k)
    fit_to_judge = folds[:, np.newaxis] == of_one  # (n, judges)
    unseen = [
        Answered(pool, said[:, start : start + judges].mean(axis=1, where=fit_to_judge))
        for start in range(0, len(left_out), each)
    ]
    chosen = int(np.argmin([answered.log_loss() for answered in unseen]))

    # Patients whom nobody has seen, their values drawn each from its column, are taught as well.
    random = np.random.default_rng(recipe.seed)
    drawn = [random.choice(column, recipe.taught) for column in pool.values.T]
    values = np.concatenate([pool.values, np.column_stack(drawn)])  # (m, 6)
    of_chosen = np.asarray(teachers.predict_on_batch(values))[:, chosen * each :][:, :each]
    mean = of_chosen[:, judges:].mean(axis=1, keepdims=True)
    pupils = _build_population(recipe.candidates)
    truth = np.repeat(mean, recipe.candidates, axis=1)  # (m, k)
    epochs = _fit(pupils, "binary_crossentropy", values, truth, split, recipe, on_epoch)
    distances = (np.asarray(pupils.predict_on_batch(values)) - mean) ** 2
    network, curve = _one_of(pupils, epochs, int(np.argmin(distances.mean(axis=0))))
    return Trained(network, curve, split, unseen[chosen], strengths[chosen])


def _folds(pool: Cohort, recipe: Recipe) -> NDArray[np.intp]:
    """Return each row's fold, shape (n,); all copies of a patient are in one."""
    folds = np.empty(len(pool), np.intp)
    divided = StratifiedGroupKFold(recipe.folds, shuffle=True, random_state=recipe.seed)
    patients = pool.patients()
    for fold, (_, rows) in enumerate(divided.split(pool.values, pool.at_risk, patients)):
        folds[rows] = fold
    return folds


def _fit(
    population: Any,
    loss: str | Callable[[Any, Any], Any],
    values: NDArray[np.float32],
    truth: NDArray[Any],
    split: Split,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None],
) -> list[tuple[Epoch, ...]]:
    """Fit a population to ``truth``, shape (n, k); return the candidates' figures by epoch."""
    steps_per_epoch = -(-len(values) // recipe.batch_rows)
    steps = steps_per_epoch * recipe.epochs
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
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
        values,
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


def _one_of(
    population: Any, epochs: list[tuple[Epoch, ...]], number: int
) -> tuple[Any, tuple[Epoch, ...]]:
    """Return one candidate as a plain network, and its learning curve."""
    network = build_network()
    network.set_weights([weights[number] for weights in population.get_weights()])
    return network, tuple(each[number] for each in epochs)


def _first_layers() -> list[Any]:
    """Take a patient in, and each value from its range in ``FIELDS`` to -1…1.

    The scaling is a layer: whoever loads the saved file cannot forget to scale.
    """
    lowest, highest = np.array([(field.minimum, field.maximum) for field in FIELDS]).T
    scale = 2 / (highest - lowest)
    offset = -1 - lowest * scale
    scaling = keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="scaling")
    return [keras.Input((len(FIELDS),), name="patient"), scaling]  # (n, 6)


def _build_population(candidates: int, decays: NDArray[np.float64] | None = None) -> Any:
    """Return k untrained networks in one, each of which learns as it would alone.

    ``decays``, shape (k,), weighs each one's L2 penalty.
    """
    # The loss is the candidates' mean, so a penalty is a k-th too.
    weights = None if decays is None else (decays / candidates).astype(np.float32)[:, None, None]

    def penalty(kernel: Any) -> Any:  # (k, inputs, units)
        return keras.ops.sum(weights * keras.ops.square(kernel))

    layers = [
        keras.layers.EinsumDense(  # (n, k, inputs) to (n, k, units)
            "nki,kiu->nku",
            (candidates, units),
            kind,
            bias_axes="ku",
            name=name,
            kernel_regularizer=None if decays is None else penalty,
        )
        for units, kind, name in _LAYERS
    ]
    # (n, 6) to (n, k, 6), as every candidate sees the same patient; at the end (n, k).
    repeated = keras.layers.RepeatVector(candidates)
    population = keras.Sequential([*_first_layers(), repeated, *layers, keras.layers.Flatten()])
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

    On the rows as they are nearly all are perfect, also one whose edge passes close by a patient.
    """
    random = np.random.default_rng(seed)
    moved = (Cohort(shaken(validation.values, random), validation.at_risk) for _ in range(8))
    losses = [_accuracies_and_losses(population, rows)[1] for rows in moved]
    return np.asarray(np.mean(losses, axis=0))
