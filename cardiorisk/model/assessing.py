"""Asking the network: rows from patients, assessments from probabilities.

For whichever thread may call the engine; nothing here knows queues and futures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cardiorisk.model.artefact import Artefact
from cardiorisk.model.card import Card
from cardiorisk.model.explanations import (
    CURVE_ROWS,
    Explanation,
    coalition_rows,
    curve_rows,
    curves_of,
    explanation_of,
)
from cardiorisk.patients.patient import Patient

PROBABILITY_DECIMALS = 6
"""More would be noise: two engines may differ in the fifth already."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the network says of one patient.

    Attributes:
        at_risk: whether the probability reaches the threshold.
        outside_training: wire names of the inputs beyond all that training saw.
        explanation: the probability taken apart, where that was asked for.
        curves: probabilities over each input's grid, where an explanation was asked for.
    """

    probability: float
    at_risk: bool
    threshold: float
    model_version: str
    outside_training: tuple[str, ...] = ()
    explanation: Explanation | None = None
    curves: tuple[tuple[float, ...], ...] = ()


def assess(artefact: Artefact, patients: list[Patient]) -> list[Assessment]:
    """Assess patients together, in their order."""
    inputs = [patient.values for patient in patients]
    rows = np.array(inputs, dtype=np.float32)  # (n, 6)
    probabilities = artefact.engine.probabilities(rows)  # (n,)
    if probabilities.shape != (len(patients),):
        raise ValueError(f"{len(patients)} patients gave probabilities {probabilities.shape}")
    return [
        _assessment(artefact.card, values, probability)
        for values, probability in zip(inputs, probabilities.tolist(), strict=True)
    ]


def assess_one(artefact: Artefact, patient: Patient) -> Assessment:
    values = patient.values
    row = np.array((values,), dtype=np.float32)  # (1, 6)
    return _assessment(artefact.card, values, artefact.engine.probabilities(row).item())


def explain(artefact: Artefact, patients: list[Patient]) -> list[Assessment]:
    """Assess patients one by one, each with its explanation and curves."""
    background = np.array(artefact.card.background, dtype=np.float32)  # (b, 6)
    assessments = []
    for patient in patients:
        row = np.array(patient.values, dtype=np.float32)  # (6,)
        rows = np.concatenate([curve_rows(row), coalition_rows(row, background)])
        probabilities = artefact.engine.probabilities(rows)  # (CURVE_ROWS + 64b,)
        probability, explanation = explanation_of(probabilities[CURVE_ROWS:])
        assessment = _assessment(artefact.card, patient.values, probability, explanation)
        assessments.append(replace(assessment, curves=curves_of(probabilities[:CURVE_ROWS])))
    return assessments


def _assessment(
    card: Card,
    values: Sequence[float],
    probability: float,
    explanation: Explanation | None = None,
) -> Assessment:
    rounded = round(probability, PROBABILITY_DECIMALS)
    return Assessment(
        probability=rounded,
        at_risk=rounded >= card.threshold,
        threshold=card.threshold,
        model_version=card.version,
        outside_training=card.outside_training(values),
        explanation=explanation,
    )
