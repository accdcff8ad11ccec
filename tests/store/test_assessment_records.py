"""Kept assessments in a real file: an account's own, newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cardiorisk.patients.patient import Patient
from cardiorisk.store.assessment_records import AssessmentRecords
from cardiorisk.store.values import KeptAssessment

if TYPE_CHECKING:
    from cardiorisk.store.records import Records
    from tests.store.conftest import SettableMoment

ANA, BRUNO = 1, 2


@pytest.fixture
def kept(now: SettableMoment) -> KeptAssessment:
    return KeptAssessment(
        assessment_id="pred_b",
        created_at=now(),
        label="Natalia",
        patient=Patient(2.0, 1.2, 0.7, 40, 1, 0),
        probability=0.973105,
        at_risk=True,
        threshold=0.5,
        model_version="net-1",
    )


@pytest.fixture
def assessments(records: Records, kept: KeptAssessment) -> AssessmentRecords:
    """Two of ana's assessments, pred_a and pred_b; bruno has none."""
    records.create_key("ana", None, None)
    records.create_key("bruno", None, None)
    opened = AssessmentRecords(records.database)
    opened.keep(ANA, kept)
    opened.keep(ANA, replace(kept, assessment_id="pred_a", label=None))
    return opened


def test_what_is_kept_is_found_as_it_was(
    assessments: AssessmentRecords, kept: KeptAssessment
) -> None:
    assert assessments.find(ANA, "pred_b") == kept


def test_an_assessment_without_a_label_has_none(assessments: AssessmentRecords) -> None:
    found = assessments.find(ANA, "pred_a")
    assert found is not None
    assert found.label is None


def test_nobody_finds_another_accounts(assessments: AssessmentRecords) -> None:
    assert assessments.find(BRUNO, "pred_b") is None


def test_nobody_lists_another_accounts(assessments: AssessmentRecords) -> None:
    assert assessments.list_newest(BRUNO, None, 10) == ()


def test_nobody_deletes_another_accounts(assessments: AssessmentRecords) -> None:
    assert not assessments.delete(BRUNO, "pred_b")
    assert assessments.find(ANA, "pred_b") is not None


@pytest.mark.parametrize(
    ("after", "most", "found"),
    [
        (None, 10, ["pred_b", "pred_a"]),
        (None, 1, ["pred_b"]),
        ("pred_b", 10, ["pred_a"]),
        ("pred_a", 10, []),
        ("pred_aa", 10, ["pred_a"]),
    ],
)
def test_a_list_goes_from_the_newest_id_down(
    assessments: AssessmentRecords, after: str | None, most: int, found: list[str]
) -> None:
    assert [kept.assessment_id for kept in assessments.list_newest(ANA, after, most)] == found


def test_what_is_deleted_is_gone(assessments: AssessmentRecords) -> None:
    assert assessments.delete(ANA, "pred_b")
    assert assessments.find(ANA, "pred_b") is None
    assert not assessments.delete(ANA, "pred_b")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("\u00f1and\u00fa", ["pred_c"]),
        ("\u00d1AND\u00da", ["pred_c"]),
        ("n\u0303andu\u0301", ["pred_c"]),
        ("andu", []),
        ("\u00f1%", []),
        ("\u00f1_ndu", []),
        ("DEL", ["pred_c"]),
    ],
)
def test_a_search_finds_a_label_in_any_case(
    assessments: AssessmentRecords, kept: KeptAssessment, wanted: str, found: list[str]
) -> None:
    assessments.keep(ANA, replace(kept, assessment_id="pred_c", label="El \u00d1and\u00fa del sur"))
    listed = assessments.list_newest(ANA, None, 10, wanted)
    assert [assessment.assessment_id for assessment in listed] == found
