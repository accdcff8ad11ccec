"""Kept assessments as they are stored: each method is one transaction, and of one account.

The order of the columns is the order of ``FIELDS``. Newest first is the order of the ids, so a
page begins after an id whether or not that one is still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from cardiorisk.identity.forms import folded
from cardiorisk.patients.patient import FIELDS, Patient
from cardiorisk.store.database import FOLDED
from cardiorisk.store.tables import Assessment
from cardiorisk.store.values import KeptAssessment

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row

    from cardiorisk.store.database import Database

_VALUES = tuple(getattr(Assessment, field.name) for field in FIELDS)
_ASSESSMENTS = select(
    Assessment.id,
    Assessment.created_at,
    Assessment.label,
    Assessment.probability,
    Assessment.at_risk,
    Assessment.threshold,
    Assessment.model_version,
    *_VALUES,
).order_by(Assessment.id.desc())


class AssessmentRecords:
    """The stored assessments; every method may raise ``StoreUnavailable``.

    Args:
        database: an open database, closed by whoever opened it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, account_id: int, kept: KeptAssessment) -> None:
        """Keep an assessment for an account."""
        values = {field.name: getattr(kept.patient, field.name) for field in FIELDS}
        with self._database.writing() as connection:
            connection.execute(
                insert(Assessment).values(
                    id=kept.assessment_id,
                    account_id=account_id,
                    created_at=kept.created_at,
                    label=kept.label,
                    probability=kept.probability,
                    at_risk=kept.at_risk,
                    threshold=kept.threshold,
                    model_version=kept.model_version,
                    **values,
                )
            )

    def list_newest(
        self, account_id: int, after: str | None, most: int, wanted: str = ""
    ) -> tuple[KeptAssessment, ...]:
        """Return at most so many of an account's assessments, the newest after ``after`` first.

        With ``wanted``, those alone whose label holds it, in any case. SQLite itself knows the two
        cases of the letters from A to Z and of no others, and is twice as fast with them.
        """
        statement = _ASSESSMENTS.where(Assessment.account_id == account_id).limit(most)
        if wanted:
            statement = statement.where(_holds(wanted))
        if after is not None:
            statement = statement.where(Assessment.id < after)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return tuple(_kept(row) for row in rows)

    def find(self, account_id: int, assessment_id: str) -> KeptAssessment | None:
        """Return one of an account's assessments, None where it has no such one."""
        with self._database.reading() as connection:
            row = connection.execute(
                _ASSESSMENTS.where(
                    Assessment.account_id == account_id, Assessment.id == assessment_id
                )
            ).one_or_none()
        return None if row is None else _kept(row)

    def delete(self, account_id: int, assessment_id: str) -> bool:
        """Delete one of an account's assessments; tell whether it had such a one."""
        with self._database.writing() as connection:
            deleted = connection.execute(
                delete(Assessment).where(
                    Assessment.account_id == account_id, Assessment.id == assessment_id
                )
            )
            return deleted.rowcount > 0


def _holds(wanted: str) -> ColumnElement[bool]:
    if wanted.isascii():
        return Assessment.label.icontains(wanted, autoescape=True)
    label: ColumnElement[str] = getattr(func, FOLDED)(Assessment.label)
    return label.contains(folded(wanted), autoescape=True)


def _kept(row: Row[Any]) -> KeptAssessment:
    return KeptAssessment(
        assessment_id=row.id,
        created_at=row.created_at,
        label=row.label,
        patient=Patient(*(getattr(row, field.name) for field in FIELDS)),
        probability=row.probability,
        at_risk=row.at_risk,
        threshold=row.threshold,
        model_version=row.model_version,
    )
