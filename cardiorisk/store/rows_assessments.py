"""The table of kept assessments, inside an open transaction; ids sort by time."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select

from cardiorisk.identity.texts import folded
from cardiorisk.patients.patient import FIELDS, Patient
from cardiorisk.store.database import Rows
from cardiorisk.store.tables import AssessmentRow
from cardiorisk.store.values import KeptAssessment

_LABELS_AT_ONCE = 1_000
_PATIENT = tuple(field.name for field in FIELDS)
_REST = ("created_at", "label", "probability", "at_risk", "threshold", "model_version")
_ASSESSMENTS = select(
    AssessmentRow.id, *(getattr(AssessmentRow, name) for name in (*_PATIENT, *_REST))
).order_by(AssessmentRow.id.desc())


def keep(rows: Rows, account_id: int, kept: KeptAssessment) -> None:
    values = {name: getattr(kept.patient, name) for name in _PATIENT}
    values |= {name: getattr(kept, name) for name in _REST}
    rows.execute(
        insert(AssessmentRow).values(id=kept.assessment_id, account_id=account_id, **values)
    )


def list_newest(
    rows: Rows, account_id: int, after: str | None, most: int, wanted: str = ""
) -> tuple[KeptAssessment, ...]:
    """Return at most so many of an account's assessments, the newest after ``after`` first.

    With ``wanted``, those alone whose label holds it, in any case.
    """
    own = AssessmentRow.account_id == account_id
    if wanted.isascii():
        statement = _ASSESSMENTS.where(own).limit(most)
        if wanted:
            statement = statement.where(AssessmentRow.label.icontains(wanted, autoescape=True))
        if after is not None:
            statement = statement.where(AssessmentRow.id < after)
    else:
        ids = islice(_find_labelled(rows, own, after, folded(wanted)), most)
        statement = _ASSESSMENTS.where(AssessmentRow.id.in_(list(ids)))
    return tuple(_kept(row) for row in rows.execute(statement))


def find(rows: Rows, account_id: int, assessment_id: str) -> KeptAssessment | None:
    this = AssessmentRow.account_id == account_id, AssessmentRow.id == assessment_id
    row = rows.execute(_ASSESSMENTS.where(*this)).one_or_none()
    return None if row is None else _kept(row)


def remove(rows: Rows, account_id: int, assessment_id: str) -> bool:
    this = AssessmentRow.account_id == account_id, AssessmentRow.id == assessment_id
    return rows.execute(delete(AssessmentRow).where(*this)).rowcount > 0


def _find_labelled(
    rows: Rows, own: ColumnElement[bool], after: str | None, wanted: str
) -> Iterator[str]:
    """Search label by label: not every database knows the two cases of all letters."""
    labelled = select(AssessmentRow.id, AssessmentRow.label).order_by(AssessmentRow.id.desc())
    labelled = labelled.where(own, AssessmentRow.label.is_not(None)).limit(_LABELS_AT_ONCE)
    while True:
        following = labelled if after is None else labelled.where(AssessmentRow.id < after)
        labels = rows.execute(following).all()
        yield from (row.id for row in labels if wanted in folded(row.label))
        if len(labels) < _LABELS_AT_ONCE:
            return
        after = labels[-1].id


def _kept(row: Row[Any]) -> KeptAssessment:
    return KeptAssessment(
        assessment_id=row.id,
        patient=Patient(*(getattr(row, name) for name in _PATIENT)),
        **{name: getattr(row, name) for name in _REST},
    )
