"""Why the network answered as it did, and what it would answer if one input were another.

Contributions are exact Shapley values by intervention over background patients: with six inputs
there are 64 coalitions, all are run, and nothing is estimated.

Source: Lundberg and Lee, "A unified approach to interpreting model predictions", 2017; Shapley, "A
value for n-person games", 1953 (the weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cardiorisk.model.card import all_told, in_words
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS, Field
from cardiorisk.patients.words import AND, LOWERED, NOT_MOVED, RAISED, REASONS, YES, Language

CONTRIBUTION_DECIMALS = 9  # seven such numbers add up to the probability's 6
SMALLEST_BASE = 10.0**-CONTRIBUTION_DECIMALS  # a mean is never told as 0, nor as 1
SMALLEST_MENTIONED = 0.005  # a smaller contribution would read as 0.00

CURVE_POINTS = 41
YEARS_APART = 3
_MAP_DECIMALS = 3  # a picture of nearly 10,000 numbers: 60 kB

_INPUTS = len(FIELDS)
COALITIONS = 2**_INPUTS

_MEMBERS: NDArray[np.bool_] = (
    np.arange(COALITIONS)[:, None] >> np.arange(_INPUTS)[None, :] & 1
).astype(np.bool_)  # (64, 6): row 0 holds nobody, row 63 everybody
_OTHERS = _MEMBERS.sum(axis=1) - _MEMBERS.T  # (6, 64): members but the player
_SHARES = np.array([factorial(size) * factorial(_INPUTS - 1 - size) for size in range(_INPUTS)])
_WEIGHTS = np.where(_MEMBERS.T, 1, -1) * _SHARES[_OTHERS] / factorial(_INPUTS)
"""What makes Shapley values of the worths of the coalitions, shape (6, 64)."""


def _grid(field: Field) -> tuple[float, ...]:
    if field.kind == "number":
        return tuple(np.linspace(field.minimum, field.maximum, CURVE_POINTS).round(6).tolist())
    step = 1 if field.kind == "flag" else YEARS_APART
    return tuple(np.arange(field.minimum, field.maximum + 1, step, dtype=float).tolist())


GRIDS = [_grid(field) for field in FIELDS]
"""The values that each input's curve takes, in ``FIELDS`` order; the patient's own is no part."""

Maps = dict[str, dict[str, list[list[float]]]]
"""By the first input and the second, in ``FIELDS`` order: probabilities over both grids."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A probability taken apart; ``base`` and the contributions add up to it."""

    base: float  # mean probability over the background
    contributions: tuple[float, ...]  # in FIELDS order; below 0 where it lowered


def coalition_rows(
    values: NDArray[np.float32], background: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Make, for each coalition, the background's rows with its inputs taken from the patient.

    Shape (64 * b, 6), from (6,) and (b, 6).
    """
    mixed = np.where(_MEMBERS[:, None, :], values, background)  # (64, b, 6)
    return mixed.reshape(-1, _INPUTS)


def explanation_of(probabilities: NDArray[np.float32]) -> tuple[float, Explanation]:
    """Return a patient's own probability, and take it apart, from those of ``coalition_rows``."""
    worths = probabilities.reshape(COALITIONS, -1).mean(axis=1, dtype=np.float64)  # (64,)
    base = min(max(_rounded(worths[0].item()), SMALLEST_BASE), 1 - SMALLEST_BASE)
    contributions = tuple(map(_rounded, (_WEIGHTS @ worths).tolist()))
    return float(worths[-1]), Explanation(base, contributions)


def every_row(axes: Sequence[ArrayLike]) -> NDArray[Any]:
    """Combine the values that each input may take, shape (n, 6); the last one runs fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def grid_rows(values: Sequence[float], inputs: int) -> NDArray[np.float32]:
    """Make a patient's rows in which so many inputs take their whole grids, shape (n, 6).

    With one they are for ``curves_of``, with two for ``maps_of``.
    """
    moved = _moved(inputs)
    return np.where(np.isnan(moved), np.array(values, np.float32), moved)


@cache
def _moved(inputs: int) -> NDArray[np.float32]:
    """Make the rows of ``grid_rows``, with NaN where a value stays the patient's."""
    blocks = [
        every_row([GRIDS[at] if at in moved else np.nan for at in range(_INPUTS)])
        for moved in combinations(range(_INPUTS), inputs)
    ]
    return np.concatenate(blocks).astype(np.float32)


def curves_of(
    probabilities: NDArray[np.float32], threshold: float
) -> tuple[tuple[float, ...], ...]:
    ends = np.cumsum([len(grid) for grid in GRIDS])
    curves = np.split(all_told(probabilities, threshold), ends[:-1])
    return tuple(tuple(curve.tolist()) for curve in curves)


def maps_of(probabilities: NDArray[np.float32], threshold: float) -> Maps:
    """Cut the probabilities into maps of few decimals, which stay on their side."""
    exact = probabilities.astype(np.float64)
    short = exact.round(_MAP_DECIMALS).clip(10**-_MAP_DECIMALS, 1 - 10**-_MAP_DECIMALS)
    left = np.where((short >= threshold) == (exact >= threshold), short, exact)
    maps: Maps = {name: {} for name in FIELD_NAMES[:-1]}
    for first, second in combinations(range(_INPUTS), 2):
        shape = len(GRIDS[first]), len(GRIDS[second])
        cut, left = np.split(left, [shape[0] * shape[1]])
        maps[FIELD_NAMES[first]][FIELD_NAMES[second]] = cut.reshape(shape).tolist()
    return maps


def sentence(
    probability: float, explanation: Explanation, values: Sequence[float], language: Language
) -> str:
    """Say the explanation of a patient's ``values``, what moved the most first.

    The values are told too, or "lowered by smoker" would be said of a non-smoker.
    """
    moved: list[tuple[float, str]] = []
    for field, value, by in zip(FIELDS, values, explanation.contributions, strict=True):
        name = field.description if language == "en" else field.spanish
        answer = YES.to(language) if value else "no"
        shown = answer if field.kind == "flag" else f"{value:g}"
        moved.append((by, f"{name} = {shown} ({by:+.2f})"))
    moved.sort(key=lambda each: -abs(each[0]))
    raised = [text for by, text in moved if by >= SMALLEST_MENTIONED]
    lowered = [text for by, text in moved if by <= -SMALLEST_MENTIONED]
    parts = [
        said.to(language).format(inputs=_listed(texts, AND.to(language)))
        for said, texts in ((RAISED, raised), (LOWERED, lowered))
        if texts
    ]
    told, base = in_words(probability), in_words(explanation.base)
    numbers = {"probability": told, "base": base, "reasons": "; ".join(parts)}
    if language == "es":  # no point stands in them but those of numbers
        numbers = {name: text.replace(".", ",") for name, text in numbers.items()}
    numbers["reasons"] = numbers["reasons"] or NOT_MOVED.to(language)
    return REASONS.to(language).format(**numbers)


def _rounded(number: float) -> float:
    return round(number, CONTRIBUTION_DECIMALS) + 0.0  # which takes the sign of a negative zero


def _listed(texts: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
