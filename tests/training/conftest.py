"""One tiny training that the tests of this room share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cardiorisk.training.data import Split, make_cohort, split_cohort
from cardiorisk.training.network import train
from cardiorisk.training.recipe import Recipe

if TYPE_CHECKING:
    from cardiorisk.training.network import Epoch, Trained


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(seed=3, epochs=2, candidates=3)


@pytest.fixture(scope="session")
def split() -> Split:
    return split_cohort(make_cohort(3, rows=1000), 3)


@pytest.fixture(scope="session")
def seen() -> list[Epoch]:
    """What the shared training reported while it ran."""
    return []


@pytest.fixture(scope="session")
def trained(split: Split, recipe: Recipe, seen: list[Epoch]) -> Trained:
    return train(split, recipe, seen.append)
