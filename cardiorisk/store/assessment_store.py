"""Kept assessments for the event loop: a record's method, run on the database's thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cardiorisk.store.assessment_records import AssessmentRecords
    from cardiorisk.store.values import KeptAssessment
    from cardiorisk.store.work import Work


class AssessmentStore:
    """Every method is of one account, and may raise ``StoreUnavailable`` and ``Overloaded``.

    Args:
        records: used on the database's thread only.
        work: the way to that thread.
    """

    def __init__(self, records: AssessmentRecords, work: Work) -> None:
        self._records = records
        self._work = work

    async def keep(self, account_id: int, kept: KeptAssessment) -> None:
        """Keep an assessment."""
        await self._work.change(partial(self._records.keep, account_id, kept))

    async def list_newest(
        self, account_id: int, after: str | None, most: int, wanted: str = ""
    ) -> tuple[KeptAssessment, ...]:
        """Return at most so many assessments, the newest after ``after`` first.

        With ``wanted``, those alone whose label holds it.
        """
        return await self._work.read(
            partial(self._records.list_newest, account_id, after, most, wanted)
        )

    async def find(self, account_id: int, assessment_id: str) -> KeptAssessment | None:
        """Return one assessment, None where the account has no such one."""
        return await self._work.read(partial(self._records.find, account_id, assessment_id))

    async def delete(self, account_id: int, assessment_id: str) -> bool:
        """Delete one assessment; tell whether the account had such a one."""
        return await self._work.change(partial(self._records.delete, account_id, assessment_id))
