"""What the network would answer if two inputs were others: a map for every two of them.

A row of a map is also the curve of its second input for a patient whose first one has moved.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cardiorisk.model.explanations import GRIDS
from cardiorisk.patients.patient import FIELD_NAMES

_DECIMALS = 3
"""Of a picture, of nearly 10,000 numbers: 60 kB."""
_PAIRS = tuple(combinations(range(len(FIELD_NAMES)), 2))

Maps = dict[str, dict[str, list[list[float]]]]
"""By the first input and the second, in ``FIELDS`` order: probabilities over both grids."""


def map_rows(values: Sequence[float]) -> NDArray[np.float32]:
    """Make the rows that must be run to draw one patient's maps, shape (n, 6)."""
    blocks = []
    for first, second in _PAIRS:
        down, across = np.meshgrid(GRIDS[first], GRIDS[second], indexing="ij")
        block = np.tile(np.array(values, dtype=np.float32), (down.size, 1))
        block[:, first], block[:, second] = down.ravel(), across.ravel()
        blocks.append(block)
    return np.concatenate(blocks)


def maps_of(probabilities: NDArray[np.float32], threshold: float) -> Maps:
    """Cut the probabilities of the rows of ``map_rows`` into maps, short but on their side."""
    exact = probabilities.astype(np.float64)
    short = exact.round(_DECIMALS).clip(10**-_DECIMALS, 1 - 10**-_DECIMALS)
    left = np.where((short >= threshold) == (exact >= threshold), short, exact)
    maps: Maps = {name: {} for name in FIELD_NAMES[:-1]}
    for first, second in _PAIRS:
        shape = len(GRIDS[first]), len(GRIDS[second])
        cut, left = np.split(left, [shape[0] * shape[1]])
        maps[FIELD_NAMES[first]][FIELD_NAMES[second]] = cut.reshape(shape).tolist()
    return maps
