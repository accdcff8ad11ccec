"""How answers hold when the inputs are less exact than the training rows were.

Nothing here trains, and nothing here steers the training. The truth is always the rule applied to
the exact values; the rule applied to the coarse ones stands beside the network, because part of
what is lost is lost by the rounding and no network could get it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.data import course_rule, lowest_and_highest, make_cohort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cardiorisk.training.evaluation import Answers

PATIENTS = 100_000
_NUMBERS = np.array([field.kind == "number" for field in FIELDS])
_AGES = np.array([field.kind == "integer" for field in FIELDS])
_STEP = np.where(_NUMBERS, 0.1, np.where(_AGES, 1.0, 0.0))
"""The course's step of each column; flags have none."""


@dataclass(frozen=True, slots=True)
class Coarseness:
    """How often the network, and the rule itself, are right when fed less exact values."""

    description: str
    network: float
    rule: float


def measure_sensitivity(answers: Answers, threshold: float, seed: int) -> tuple[Coarseness, ...]:
    """Measure the network on made patients whose values were moved or rounded.

    Args:
        answers: the saved network.
        threshold: the one it is served with.
        seed: of the patients and of the noise.
    """
    return tuple(
        Coarseness(
            description,
            _share((answers(fed) >= threshold) == truth),
            _share(course_rule(fed) == truth),
        )
        for description, fed, truth in _cases(seed)
    )


def _cases(seed: int) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield a description in Spanish, the values that are fed and the truth."""
    random = np.random.default_rng(seed)
    on_grid = make_cohort(seed, rows=PATIENTS)
    yield "valores de la grilla, sin cambios", on_grid.values, on_grid.at_risk
    for share, name in ((0.25, "un cuarto de"), (0.5, "medio")):
        noise = random.uniform(-share, share, on_grid.values.shape) * _STEP
        moved = (on_grid.values + noise).astype(np.float32)
        yield f"los mismos, movidos hasta {name} paso", moved, on_grid.at_risk

    exact = _exact_patients(random)
    truth = course_rule(exact)
    yield "valores con todos sus decimales", exact, truth
    for step in (0.05, 0.1, 0.2):
        yield f"redondeados a {step:g} (edad exacta)", _rounded(exact, step, _NUMBERS), truth
    for years in (5, 10):
        yield f"edad redondeada a {years} años", _rounded(exact, years, _AGES), truth


def _exact_patients(random: np.random.Generator) -> NDArray[np.float32]:
    """Make patients spread over the course's ranges, with every decimal; ages stay whole."""
    lowest, highest = lowest_and_highest()
    values = random.uniform(lowest, highest, (PATIENTS, len(FIELDS)))
    whole = np.floor(random.uniform(lowest, highest + 1, (PATIENTS, len(FIELDS))))
    return np.where(_NUMBERS, values, whole).astype(np.float32)


def _rounded(
    values: NDArray[np.float32], step: float, columns: NDArray[np.bool_]
) -> NDArray[np.float32]:
    # Divided by whole numbers where it can be, so that 1.4 is the float32 nearest to 1.4.
    coarse = (
        np.rint(values / step) / np.rint(1 / step) if step < 1 else np.rint(values / step) * step
    )
    return np.where(columns, coarse, values).astype(np.float32)


def _share(is_right: NDArray[np.bool_]) -> float:
    return float(is_right.mean())
