"""What the saved files answer, measured by loading them again.

Nothing here trusts a network that is still in memory: a figure counts only if it comes from the
file that will be served, through the library that will serve it. The surprise: a conversion that
lost its weights raises nothing and answers NaN, so the two engines are compared on every cell of
the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.model.engines import KerasEngine, LiteRTEngine
from cardiorisk.training.data import follows_the_course, whole_grid
from cardiorisk.training.figures import Answered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.model.engines import Engine
    from cardiorisk.training.data import Cohort, Split

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
    """Load a Keras file as the service does.

    Raises:
        UnusableArtefact: Keras cannot read it.
    """
    return _in_chunks(KerasEngine(path))


def load_litert(path: Path) -> Answers:
    """Load a LiteRT file as the service does.

    Raises:
        UnusableArtefact: LiteRT cannot read it.
    """
    return _in_chunks(LiteRTEngine(path))


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


def _in_chunks(engine: Engine) -> Answers:
    def answers(values: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(values), _ROWS_PER_CALL)
        return np.concatenate(
            [engine.probabilities(values[at : at + _ROWS_PER_CALL]) for at in starts]
        )

    return answers
