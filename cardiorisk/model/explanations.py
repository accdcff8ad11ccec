"""Why the network answered as it did, and what it would answer if one input were another.

Contributions are exact Shapley values by intervention over background patients: with six inputs
there are 64 coalitions, all are run, and nothing is estimated.

Source: Lundberg and Lee, "A unified approach to interpreting model predictions", 2017; Shapley, "A
value for n-person games", 1953 (the weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import factorial

import numpy as np
from numpy.typing import NDArray

from cardiorisk.model.card import in_words
from cardiorisk.model.engines import all_told
from cardiorisk.patients.patient import FIELDS, Field
from cardiorisk.patients.words import AND, LOWERED, NOT_MOVED, RAISED, REASONS, YES, Language

CONTRIBUTION_DECIMALS = 9
"""Seven numbers of 9 decimals add up to the probability's 6."""

SMALLEST_BASE = 10.0**-CONTRIBUTION_DECIMALS
"""What a mean of next to nothing is told as: never 0, and never 1."""

SMALLEST_MENTIONED = 0.005
"""A smaller contribution would read as 0.00, and is left out of the sentence."""

CURVE_POINTS = 41
YEARS_APART = 3
_GRID_DECIMALS = 6

_INPUTS = len(FIELDS)
COALITIONS = 2**_INPUTS

_MEMBERS: NDArray[np.bool_] = (
    np.arange(COALITIONS)[:, None] >> np.arange(_INPUTS)[None, :] & 1
).astype(np.bool_)  # (64, 6): row 0 holds nobody, row 63 everybody


def _grid(field: Field) -> tuple[float, ...]:
    if field.kind == "number":
        points = np.linspace(field.minimum, field.maximum, CURVE_POINTS).round(_GRID_DECIMALS)
        return tuple(points.tolist())
    step = 1 if field.kind == "flag" else YEARS_APART
    return tuple(float(value) for value in range(int(field.minimum), int(field.maximum) + 1, step))


GRIDS: tuple[tuple[float, ...], ...] = tuple(_grid(field) for field in FIELDS)
"""The values that each input's curve takes, in ``FIELDS`` order; the patient's own is no part."""
_STARTS = (0, *accumulate(map(len, GRIDS)))
CURVE_ROWS = _STARTS[-1]
"""Rows that all curves of one patient take."""


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
    contributions = _WEIGHTS @ worths  # (6,)
    base = min(max(_rounded(float(worths[0])), SMALLEST_BASE), 1 - SMALLEST_BASE)
    return float(worths[-1]), Explanation(
        base, tuple(_rounded(float(number)) for number in contributions)
    )


def curve_rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make the rows that must be run to draw one patient's curves, one grid after the other."""
    rows = np.tile(values, (CURVE_ROWS, 1))  # (CURVE_ROWS, 6)
    for column, (start, grid) in enumerate(zip(_STARTS, GRIDS, strict=False)):
        rows[start : start + len(grid), column] = grid
    return rows


def curves_of(
    probabilities: NDArray[np.float32], threshold: float
) -> tuple[tuple[float, ...], ...]:
    """Cut the probabilities of the rows of ``curve_rows`` into one curve for each input."""
    curves = np.split(all_told(probabilities, threshold), _STARTS[1:-1])
    return tuple(tuple(curve.tolist()) for curve in curves)


def sentence(
    probability: float, explanation: Explanation, values: Sequence[float], language: Language
) -> str:
    """Say the explanation of a patient's ``values``."""
    raised, lowered = _mentioned(explanation, _shown(values, language), AND.to(language))
    parts = [RAISED.to(language).format(inputs=raised)] if raised else []
    parts += [LOWERED.to(language).format(inputs=lowered)] if lowered else []
    told, base = in_words(probability), in_words(explanation.base)
    numbers = {"probability": told, "base": base, "reasons": "; ".join(parts)}
    if language == "es":  # no point stands in them but those of numbers
        numbers = {name: text.replace(".", ",") for name, text in numbers.items()}
    numbers["reasons"] = numbers["reasons"] or NOT_MOVED.to(language)
    return REASONS.to(language).format(**numbers)


def _rounded(number: float) -> float:
    return round(number, CONTRIBUTION_DECIMALS) + 0.0  # which takes the sign of a negative zero


def _weights() -> NDArray[np.float64]:
    """Return what turns the worths of the coalitions into Shapley values, shape (6, 64)."""
    share = [factorial(size) * factorial(_INPUTS - 1 - size) for size in range(_INPUTS)]
    others = _MEMBERS.sum(axis=1) - _MEMBERS.T  # (6, 64): members but the player
    return np.asarray(np.where(_MEMBERS.T, 1, -1) * np.array(share)[others] / factorial(_INPUTS))


_WEIGHTS = _weights()


def _shown(values: Sequence[float], language: Language) -> list[str]:
    """Write each input with its value, or "lowered by smoker" would be said of a non-smoker."""
    answers = {0.0: "no", 1.0: YES.to(language)}
    names = [field.description if language == "en" else field.spanish for field in FIELDS]
    return [
        f"{name} = {answers[value] if field.kind == 'flag' else format(value, 'g')}"
        for field, name, value in zip(FIELDS, names, values, strict=True)
    ]


def _mentioned(explanation: Explanation, inputs: list[str], conjunction: str) -> tuple[str, str]:
    """List what raised and what lowered the probability, the strongest first."""
    moved = sorted(
        zip(explanation.contributions, inputs, strict=True), key=lambda each: -abs(each[0])
    )
    moved = [(by, f"{name} ({by:+.2f})") for by, name in moved if abs(by) >= SMALLEST_MENTIONED]
    raised, lowered = ([text for by, text in moved if (by > 0) == up] for up in (True, False))
    return _listed(raised, conjunction), _listed(lowered, conjunction)


def _listed(texts: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
