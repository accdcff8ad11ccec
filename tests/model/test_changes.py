"""Changes: the smallest ones, against a search of its own over all that may be changed."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from cardiorisk.config import load_settings
from cardiorisk.model.changes import Change
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.model.predictor import explain
from cardiorisk.patients.patient import FIELD_NAMES, Patient

TENTHS = [range(10, 31), range(6, 19), range(5, 21)]
SPANS = (2.0, 1.2, 1.5, 99, 1, 1)
CHOICES = [
    *([tenth / 10 for tenth in tenths] for tenths in TENTHS),
    [],
    [0.0, 1.0],
    [0.0, 1.0],
]
"""What each value may be changed to: never the age."""

# Of one clause of the course's rule or of several at once, of none, and between the steps.
PATIENTS = [
    Patient(2.4, 1.6, 1.8, 72.0, 1.0, 1.0),
    Patient(2.95, 1.8, 0.9, 20.0, 0.0, 0.0),
    Patient(1.5, 1.0, 0.8, 30.0, 0.0, 0.0),
    Patient(2.05, 1.41, 1.02, 51.0, 0.0, 1.0),
    Patient(2.013, 1.2, 1.93, 99.0, 1.0, 1.0),
]
random = np.random.default_rng(11)
for number in range(15):
    low, high = (1.0, 0.6, 0.5, 0, 0, 0), (3.0, 1.8, 2.0, 99, 1, 1)
    drawn = random.uniform(low, high).round(2 if number % 2 else 1)
    PATIENTS.append(Patient(*drawn[:3].tolist(), *drawn[3:].round().tolist()))


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return load_artefact(load_settings().model_dir, "litert")


def answer(artefact: Artefact, rows: list[tuple[float, ...]]) -> list[bool]:
    said = artefact.engine.probabilities(np.array(rows, np.float32))
    return [bool(probability >= artefact.card.threshold) for probability in said]


def search(artefact: Artefact, patient: Patient) -> dict[tuple[str, ...], float]:
    """Find the least sum of changes for each of the smallest sets of fields, set by set."""
    own = patient.values
    (before,) = answer(artefact, [own])
    for size in range(1, 6):
        found = {}
        for places in combinations((0, 1, 2, 4, 5), size):
            rows = []
            for taken in product(*(CHOICES[place] for place in places)):
                row = list(own)
                for place, value in zip(places, taken, strict=True):
                    row[place] = value
                if all(row[place] != own[place] for place in places):
                    rows.append(tuple(row))
            sums = [
                sum(abs(new - old) / span for new, old, span in zip(row, own, SPANS, strict=True))
                for row, after in zip(rows, answer(artefact, rows), strict=True)
                if after != before
            ]
            if sums:
                found[tuple(FIELD_NAMES[place] for place in places)] = min(sums)
        if found:
            return found
    return {}


def size_of(change: Change, patient: Patient) -> float:
    differences = np.subtract(change.patient.values, patient.values)
    assert tuple(np.array(FIELD_NAMES)[differences != 0]) == change.fields
    return float((np.abs(differences) / SPANS).sum())


@pytest.mark.parametrize("patient", PATIENTS, ids=str)
def test_changes_are_the_smallest_that_get_the_other_answer(
    artefact: Artefact, patient: Patient
) -> None:
    assessment = explain(artefact, patient, changes=True)
    expected = search(artefact, patient)
    sums = [size_of(change, patient) for change in assessment.changes]
    assert len(sums) == min(len(expected), 5)
    assert sums == pytest.approx(sorted(expected.values())[: len(sums)])
    for change, found in zip(assessment.changes, sums, strict=True):
        assert found == pytest.approx(expected[change.fields])
        after = explain(artefact, change.patient, changes=False)
        assert change.at_risk == after.at_risk != assessment.at_risk
        assert change.probability == pytest.approx(after.probability, rel=1e-3)


def test_where_no_change_crosses_there_is_none(artefact: Artefact) -> None:
    beyond = artefact.card.model_copy(update={"threshold": 2.0})
    assessment = explain(Artefact(beyond, artefact.engine), PATIENTS[0], changes=True)
    assert (assessment.at_risk, assessment.changes) == (False, ())
