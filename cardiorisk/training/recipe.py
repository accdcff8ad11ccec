"""How the network is shaped and trained, in numbers.

Imports no library, so that ``train.py --help`` can show the defaults without TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass

LAYER_UNITS = (14, 7, 1)
"""Units of the two hidden layers (ReLU) and of the output (sigmoid). Source: the assignment."""

DEFAULT_SEED = 42
"""Source: the assignment's split."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. The defaults won a search whose table is in ``docs/entrenamiento.md``.

    Attributes:
        seed: seed of the data, of the split, of the first weights and of the shuffling.
        epochs: passes over the training rows.
        candidates: networks trained side by side, of which one is kept.
        batch_rows: rows per step.
        learning_rate: Adam's, at the start; it falls to 0 along a cosine.
        steps_per_call: steps that Keras runs between two looks at the progress.
    """

    seed: int = DEFAULT_SEED
    epochs: int = 300
    candidates: int = 16
    batch_rows: int = 32
    learning_rate: float = 0.03
    steps_per_call: int = 16
