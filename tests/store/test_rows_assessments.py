"""Kept assessments in a real file: an account's own, newest first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cardiorisk.patients.patient import Patient
from cardiorisk.store import rows_accounts, rows_assessments
from cardiorisk.store.database import Rows
from cardiorisk.store.values import KeptAssessment
from tests.store.conftest import NOW

ANA, BRUNO = 1, 2


@pytest.fixture
def kept() -> KeptAssessment:
    return KeptAssessment(
        assessment_id="pred_b",
        created_at=NOW,
        label="Natalia",
        patient=Patient(2.0, 1.2, 0.7, 40, 1, 0),
        probability=0.973105,
        at_risk=True,
        threshold=0.5,
        model_version="net-1",
    )


@pytest.fixture
def rows(rows: Rows, kept: KeptAssessment) -> Rows:
    """Hold two of ana's assessments, pred_a and pred_b; bruno has none."""
    for name in ("ana", "bruno"):
        rows_accounts.find_or_create(rows, name, None, NOW)
    rows_assessments.keep(rows, ANA, kept)
    rows_assessments.keep(rows, ANA, replace(kept, assessment_id="pred_a", label=None))
    return rows


def test_what_is_kept_is_found_as_it_was(rows: Rows, kept: KeptAssessment) -> None:
    assert rows_assessments.find(rows, ANA, "pred_b") == kept
    assert rows_assessments.find(rows, ANA, "pred_a") == replace(
        kept, assessment_id="pred_a", label=None
    )
    assert rows_assessments.find(rows, ANA, "pred_c") is None


def test_nobody_finds_lists_or_deletes_another_accounts(rows: Rows) -> None:
    assert rows_assessments.find(rows, BRUNO, "pred_b") is None
    assert rows_assessments.list_newest(rows, BRUNO, None, 10) == ()
    for account_id, is_gone in ((BRUNO, False), (ANA, True), (ANA, False)):
        assert rows_assessments.remove(rows, account_id, "pred_b") is is_gone
    listed = rows_assessments.list_newest(rows, ANA, None, 10)
    assert [kept.assessment_id for kept in listed] == ["pred_a"]


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
    rows: Rows, after: str | None, most: int, found: list[str]
) -> None:
    listed = rows_assessments.list_newest(rows, ANA, after, most)
    assert [kept.assessment_id for kept in listed] == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("\u00f1and\u00fa", ["pred_c"]),
        ("\u00d1AND\u00da", ["pred_c"]),
        ("n\u0303andu\u0301", ["pred_c"]),
        ("andu", ["pred_c"]),
        ("\u00e5ndu", ["pred_c"]),
        ("\u00f1%", []),
        ("\u00f1_ndu", []),
        ("DEL", ["pred_c"]),
    ],
)
def test_a_search_finds_a_label_whatever_its_case_and_accents(
    rows: Rows, kept: KeptAssessment, wanted: str, found: list[str]
) -> None:
    south = replace(kept, assessment_id="pred_c", label="El \u00d1and\u00fa del sur")
    rows_assessments.keep(rows, ANA, south)
    ids = rows_assessments.search(rows, ANA, wanted)
    assert list(ids) == found
    assert [one.assessment_id for one in rows_assessments.load(rows, ANA, ids)] == found
    assert rows_assessments.load(rows, BRUNO, ids) == ()
