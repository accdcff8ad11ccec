"""How the network is shaped and trained, in numbers, and without a library."""

from dataclasses import dataclass

LAYER_UNITS = (14, 7, 1)  # two hidden layers (ReLU) and the output (sigmoid), as assigned
DEFAULT_SEED = 42  # of the assignment's split


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; why so: ``docs/decisions/0012``."""

    seed: int = DEFAULT_SEED  # of the data, the split, the first weights and the shuffling
    epochs: int = 300
    candidates: int = 16  # trained side by side; one is kept
    batch_rows: int = 32
    learning_rate: float = 0.03  # Adam's, at the start; it falls to 0 along a cosine
    steps_per_call: int = 16  # between two looks of Keras at the progress
    weight_decays: tuple[float, ...] = (0.4, 1.6, 6.4)  # times rows; tried on noisy data
    folds: int = 5  # of the rows
    judges: int = 4  # teachers for each weight decay and fold, that leave it out
    teachers: int = 10  # for each weight decay, that leave nothing out
    taught: int = 2_000  # made-up patients that the teachers tell of, beside the rows
