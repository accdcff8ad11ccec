"""Which rows are assessed, with what answer, and what the output's columns are called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cardiorisk.model.engines import Artefact
from cardiorisk.model.predictor import Predictor
from cardiorisk.patients.patient import Patient
from cardiorisk.scoring.scorer import ADDED_COLUMNS, Scorer, output_names

ROWS = [
    (2.0, 1.2, 1.0, 40, 1, 0),
    (2.0, 1.2, 1.0, 40, 1, 1),
    (2.05, 1.41, 1.02, 51, 0, 1),
    (2.0, 1.45, 1.0, 50, 0, 0),
]


def values(rows: Sequence[tuple[float, ...]]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


def test_rows_are_scored_as_the_service_does(artefact: Artefact, scorer: Scorer) -> None:
    predictor = Predictor()
    predictor.adopt(artefact)

    async def assess() -> list[tuple[float, bool]]:
        answers = await asyncio.gather(*(predictor.assess(Patient(*row)) for row in ROWS))
        return [(answer.probability, answer.at_risk) for answer in answers]

    scores = scorer.score(values(ROWS))
    expected = asyncio.run(assess())
    asyncio.run(predictor.close())
    assert scores.probabilities.tolist() == [probability for probability, _ in expected]
    assert scores.at_risk.tolist() == [at_risk for _, at_risk in expected]


def test_a_bad_row_has_no_probability_and_the_others_have_theirs(scorer: Scorer) -> None:
    scores = scorer.score(values([ROWS[0], (np.nan, 1.2, 1.0, 140, 1, 0), ROWS[1]]), {1: ()})
    assert np.isnan(scores.probabilities).tolist() == [False, True, False]
    assert scores.at_risk.tolist() == [False, False, True]
    assert scores.warnings == {}
    alone = scorer.score(values(ROWS[:2])).probabilities
    assert scores.probabilities[[0, 2]].tolist() == alone.tolist()


def test_rows_beyond_what_training_saw_are_warned_of_as_the_card_does(
    artefact: Artefact, scorer: Scorer
) -> None:
    rows = [
        (seen, 1.2, 1.0, 40, 1, 0)
        for field in artefact.card.training_fields[:1]
        for seen in (field.lowest, field.highest, field.highest + 0.01)
    ]
    rows += [(2.0, 1.75, 1.0, 99, 0, 0), (2.0, 1.7, 1.0, 98, 0, 0)]
    expected = [row for row, each in enumerate(rows) if artefact.card.outside_training(each)]
    warnings = scorer.score(values(rows)).warnings
    assert list(warnings) == expected == [2, 3]
    assert warnings[3] == (
        "presion is beyond what training saw, 0.6 to 1.7; edad is beyond what training saw, 0 to 98"
    )


def test_rows_without_any_good_one_are_not_run(scorer: Scorer) -> None:
    assert np.isnan(scorer.score(values([(9, 9, 9, 9, 9, 9)]), {0}).probabilities).all()
    assert len(scorer.score(np.empty((0, 6), np.float32)).probabilities) == 0


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["a", "b"], ["a", "b"]),
        (["edad", "riesgo_cardiaco"], ["edad", "riesgo_cardiaco_entrada"]),
        (["error", "error_entrada"], ["error_entrada_entrada", "error_entrada"]),
    ],
)
def test_columns_of_the_input_are_kept_under_a_free_name(names: list[str], kept: list[str]) -> None:
    assert output_names(names, ADDED_COLUMNS) == [*kept, *ADDED_COLUMNS]
