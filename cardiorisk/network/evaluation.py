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

from cardiorisk.network.dataset import course_rule, whole_grid
from cardiorisk.network.recipe import THRESHOLD
from cardiorisk.patient import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.network.dataset import Cohort

    Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """From values (float32, shape (n, 6)) to probabilities (float32, shape (n,))."""

_ROWS_PER_CALL = 65_536


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """How often one engine is right; ``grid_accuracy`` is None where the grid has no truth."""

    held_out_accuracy: float
    grid_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What both saved files answer.

    Attributes:
        keras: figures of the Keras file.
        litert: figures of the LiteRT file.
        largest_difference: largest distance between their probabilities over the whole grid.
    """

    keras: EngineFigures
    litert: EngineFigures
    largest_difference: float


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


def evaluate(cohort: Cohort, held_out: Cohort, keras_path: Path, litert_path: Path) -> Evaluation:
    """Measure both saved files on the held-out rows and on the whole grid.

    The grid's truth is the course's rule: where ``cohort`` does not follow it to the last row,
    nothing is right or wrong there, and only the engines' difference is measured.
    """
    engines = load_keras(keras_path), load_litert(litert_path)
    grid = whole_grid()
    has_truth = bool((course_rule(cohort.values) == cohort.at_risk).all())
    over_grid = [answers(grid.values) for answers in engines]
    keras_figures, litert_figures = (
        EngineFigures(
            _accuracy(answers(held_out.values), held_out),
            _accuracy(on_grid, grid) if has_truth else None,
        )
        for answers, on_grid in zip(engines, over_grid, strict=True)
    )
    largest_difference = float(np.abs(over_grid[0] - over_grid[1]).max())
    return Evaluation(keras_figures, litert_figures, largest_difference)


def _accuracy(probabilities: NDArray[np.float32], cohort: Cohort) -> float:
    return float(((probabilities >= THRESHOLD) == cohort.at_risk).mean())


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
