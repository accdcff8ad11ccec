"""The table of kept assessments; ids sort by time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select

from cardiorisk.identity.texts import searchable
from cardiorisk.patients.patient import FIELDS, Patient
from cardiorisk.store.database import Rows
from cardiorisk.store.tables import AssessmentRow
from cardiorisk.store.values import KeptAssessment

MOST_SEARCHED = 100_000  # of one account's; the oldest are passed over
RISKS = {"si": True, "no": False}
BY_LABEL = "nombre"
ORDERS = {
    "antiguas": (AssessmentRow.id,),
    "mayor": (AssessmentRow.probability.desc(),),
    "menor": (AssessmentRow.probability,),
}
"""By what a search calls them; the newest come first otherwise, and ``BY_LABEL`` is another."""
_PATIENT = tuple(field.name for field in FIELDS)
_REST = ("created_at", "label", "probability", "at_risk", "threshold", "model_version")
_ASSESSMENTS = select(AssessmentRow.__table__).order_by(AssessmentRow.id.desc())


def keep(rows: Rows, account_id: int, kept: KeptAssessment) -> None:
    values = {name: getattr(kept.patient, name) for name in _PATIENT}
    values |= {name: getattr(kept, name) for name in _REST}
    new = insert(AssessmentRow).values(id=kept.assessment_id, account_id=account_id, **values)
    rows.execute(new)


def list_newest(
    rows: Rows, account_id: int, after: str | None, most: int
) -> tuple[KeptAssessment, ...]:
    statement = _ASSESSMENTS.where(AssessmentRow.account_id == account_id).limit(most)
    if after is not None:
        statement = statement.where(AssessmentRow.id < after)
    return tuple(_kept(row) for row in rows.execute(statement))


def search(
    rows: Rows, account_id: int, wanted: str = "", risk: str = "", order: str = ""
) -> tuple[str, ...]:
    """Return the ids of those whose label holds a text, whatever its case and accents.

    ``risk`` and ``order`` are of ``RISKS`` and ``ORDERS``; else any is meant, and the newest first.
    """
    statement = select(AssessmentRow.id, AssessmentRow.label).limit(MOST_SEARCHED)
    statement = statement.where(AssessmentRow.account_id == account_id)
    if risk in RISKS:
        statement = statement.where(AssessmentRow.at_risk == RISKS[risk])
    found = rows.execute(statement.order_by(*ORDERS.get(order, ()), AssessmentRow.id.desc())).all()
    labels = {row.id: searchable(row.label or "") for row in found}
    part = searchable(wanted.strip())
    ids = (row.id for row in found if part in labels[row.id])
    if order == BY_LABEL:
        return tuple(sorted(ids, key=lambda each: (not labels[each], labels[each])))
    return tuple(ids)


def load(rows: Rows, account_id: int, ids: Sequence[str]) -> tuple[KeptAssessment, ...]:
    this = AssessmentRow.account_id == account_id, AssessmentRow.id.in_(ids)
    found = {row.id: _kept(row) for row in rows.execute(_ASSESSMENTS.where(*this))}
    return tuple(found[each] for each in ids if each in found)


def find(rows: Rows, account_id: int, assessment_id: str) -> KeptAssessment | None:
    return next(iter(load(rows, account_id, [assessment_id])), None)


def remove(rows: Rows, account_id: int, assessment_id: str) -> bool:
    this = AssessmentRow.account_id == account_id, AssessmentRow.id == assessment_id
    return rows.execute(delete(AssessmentRow).where(*this)).rowcount > 0


def _kept(row: Row[Any]) -> KeptAssessment:
    return KeptAssessment(
        assessment_id=row.id,
        patient=Patient(*(getattr(row, name) for name in _PATIENT)),
        **{name: getattr(row, name) for name in _REST},
    )
