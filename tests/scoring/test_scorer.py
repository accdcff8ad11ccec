"""Which rows are assessed, with what answer, and what the output's columns are called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from cardiorisk.model.engines import Artefact
from cardiorisk.model.predictor import Predictor
from cardiorisk.patients.patient import FIELD_NAMES, Patient
from cardiorisk.scoring.scorer import Scorer, output_names

ROWS = [
    (2.0, 1.2, 1.0, 40, 1, 0),
    (2.0, 1.2, 1.0, 40, 1, 1),
    (2.05, 1.41, 1.02, 51, 0, 1),
    (2.0, 1.45, 1.0, 50, 0, 0),
]


def frame(rows: Sequence[tuple[float, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(FIELD_NAMES))


def test_rows_are_scored_as_the_service_does(artefact: Artefact, scorer: Scorer) -> None:
    predictor = Predictor()
    predictor.adopt(artefact)

    async def assess() -> list[tuple[float, bool]]:
        answers = await asyncio.gather(*(predictor.assess(Patient(*row)) for row in ROWS))
        return [(answer.probability, answer.at_risk) for answer in answers]

    scores = scorer.score(frame(ROWS))
    expected = asyncio.run(assess())
    asyncio.run(predictor.close())
    assert (scores.millionths / 1e6).tolist() == [probability for probability, _ in expected]
    assert scores.at_risk.tolist() == [at_risk for _, at_risk in expected]


def test_a_bad_row_has_reasons_and_the_others_their_scores(scorer: Scorer) -> None:
    bad = (0.1, 1.2, 1.0, 400, 1, 0)
    scores = scorer.score(frame([ROWS[0], bad, ROWS[1]]))
    assert scores.reasons == {
        1: "nivel_colesterol must be a number from 1 to 3 (g/L); "
        "edad must be an integer from 0 to 99 (years)"
    }
    assert scores.millionths[1] == -1
    np.testing.assert_array_equal(
        scores.millionths[[0, 2]], scorer.score(frame(ROWS[:2])).millionths
    )


def test_rows_beyond_what_training_saw_are_counted_as_the_card_does(
    artefact: Artefact, scorer: Scorer
) -> None:
    rows = [
        (seen, 1.2, 1.0, 40, 1, 0)
        for field in artefact.card.training_fields[:1]
        for seen in (field.lowest, field.highest, field.highest + 0.01)
    ]
    rows += [(2.0, 1.75, 1.0, 99, 0, 0), (2.0, 1.7, 1.0, 98, 0, 0)]
    expected = sum(bool(artefact.card.outside_training(row)) for row in rows)
    assert expected == 2
    unassessed = (2.0, 1.75, 1.0, 400, 0, 0)
    assert scorer.score(frame([*rows, unassessed])).outside_training == expected


def test_rows_without_any_good_one_are_not_run(scorer: Scorer) -> None:
    assert scorer.score(frame([(9, 9, 9, 9, 9, 9)])).millionths.tolist() == [-1]
    assert len(scorer.score(frame([]).astype(float)).millionths) == 0


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["a", "b"], ["a", "b"]),
        (["edad", "riesgo_cardiaco"], ["edad", "riesgo_cardiaco_entrada"]),
        (["error", "error_entrada"], ["error_entrada_entrada", "error_entrada"]),
    ],
)
def test_columns_of_the_input_are_kept_under_a_free_name(names: list[str], kept: list[str]) -> None:
    assert output_names(names) == [*kept, "probabilidad", "riesgo_cardiaco", "error"]
