"""What the saved files answer, measured by loading them again.

Nothing here trusts a network that is still in memory: a figure counts only if it comes from the
file that will be served, through the library that will serve it. The surprise: a conversion that
lost its weights raises nothing and answers NaN, so the two engines are compared on every cell of
the grid.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from cardiorisk.network.dataset import follows_the_course, whole_grid
from cardiorisk.network.figures import Answered
from cardiorisk.patient import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.network.dataset import Cohort, Split

    Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """From values (float32, shape (n, 6)) to probabilities (float32, shape (n,))."""

_ROWS_PER_CALL = 65_536


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What both saved files answer.

    Attributes:
        training: the Keras file on the rows learnt from.
        validation: the same, on the rows that chose.
        held_out: the same, on the rows that steered nothing.
        held_out_litert: the LiteRT file on these.
        grid: the Keras file on every patient of the course's grid.
        grid_litert: the LiteRT file on them.
        grid_has_truth: whether the grid's outcomes mean anything: the data follow the rule.
    """

    training: Answered
    validation: Answered
    held_out: Answered
    held_out_litert: Answered
    grid: Answered
    grid_litert: Answered
    grid_has_truth: bool

    @property
    def largest_difference(self) -> float:
        """Largest distance between the engines' probabilities over the whole grid."""
        return float(np.abs(self.grid.probabilities - self.grid_litert.probabilities).max())


def load_keras(path: Path) -> Answers:
    """Load a Keras file without running any code that it may carry."""
    network = keras.models.load_model(path, compile=False, safe_mode=True)
    signature = [tf.TensorSpec((None, len(FIELDS)), tf.float32)]
    answer = tf.function(lambda rows: network(rows, training=False), input_signature=signature)
    return _in_chunks(lambda rows: answer(rows).numpy()[:, 0])


def load_litert(path: Path) -> Answers:
    """Load a LiteRT file."""
    interpreter = Interpreter(str(path), num_threads=1)
    input_index = interpreter.get_input_details()[0]["index"]
    output_index = interpreter.get_output_details()[0]["index"]

    def answer(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        interpreter.resize_tensor_input(input_index, rows.shape)
        with _quiet_native_code():
            interpreter.allocate_tensors()
        interpreter.set_tensor(input_index, rows)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(output_index)[:, 0])

    return _in_chunks(answer)


def evaluate(split: Split, keras_path: Path, litert_path: Path) -> Evaluation:
    """Ask both saved files about every part of the split and the whole grid.

    The grid's truth is the course's rule: where any row does not follow it, nothing
    is right or wrong there, and only the engines' difference is measured.
    """
    by_keras, by_litert = load_keras(keras_path), load_litert(litert_path)
    grid = whole_grid()
    return Evaluation(
        training=_ask(by_keras, split.training),
        validation=_ask(by_keras, split.validation),
        held_out=_ask(by_keras, split.held_out),
        held_out_litert=_ask(by_litert, split.held_out),
        grid=_ask(by_keras, grid),
        grid_litert=_ask(by_litert, grid),
        grid_has_truth=follows_the_course(split.cohort),
    )


def _ask(answers: Answers, cohort: Cohort) -> Answered:
    return Answered(cohort, answers(cohort.values))


@contextmanager
def _quiet_native_code() -> Iterator[None]:
    """Swallow what LiteRT's C++ announces at its first allocation; no setting of its own does."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _in_chunks(answer: Answers) -> Answers:
    def answers(values: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(values), _ROWS_PER_CALL)
        return np.concatenate([answer(values[at : at + _ROWS_PER_CALL]) for at in starts])

    return answers
