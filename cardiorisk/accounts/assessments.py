"""Assessments that are kept: an account's own list, and nobody else's.

An id is a moment and a random number, so ids sort by time, and a page can begin after one that is
gone since. Another account's is answered like one that was never given.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cardiorisk.accounts.expiring import Expiring
from cardiorisk.errors import UnknownAssessment
from cardiorisk.identity.keys import Principal
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients.patient import Patient
from cardiorisk.store import rows_assessments
from cardiorisk.store.store import Store
from cardiorisk.store.values import KeptAssessment

LABEL_FIELD = "nombre"  # the wire name of what an owner calls a patient
LABEL_CHARACTERS = 80
DEFAULT_PAGE, LARGEST_PAGE = 20, 100

PREFIX = "pred_"
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Source: Crockford's base 32, in the order of ASCII
_DIGIT_BITS = 5
_MOMENT_DIGITS = 11  # microseconds since 1970, until the year 3111
_RANDOM_DIGITS = 16  # 80 bits, not to be guessed
ID_PATTERN = f"^{PREFIX}[0-9a-hjkmnp-tv-z]{{{_MOMENT_DIGITS + _RANDOM_DIGITS}}}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = tuple[Patient, Assessment]
ANSWER_SECONDS, MOST_ANSWERS = 600.0, 1_000  # which are at hand to be kept, in this process


class Assessments:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._answers = Expiring[Answer](MOST_ANSWERS, ANSWER_SECONDS)

    async def keep(
        self, principal: Principal, patient: Patient, assessment: Assessment, label: str | None
    ) -> KeptAssessment:
        now = self._store.now()
        kept = KeptAssessment(
            assessment_id=new_assessment_id(now),
            created_at=now,
            label=label,
            patient=patient,
            probability=assessment.probability,
            at_risk=assessment.at_risk,
            threshold=assessment.threshold,
            model_version=assessment.model_version,
        )
        await self._store.change(
            lambda rows: rows_assessments.keep(rows, principal.account_id, kept)
        )
        return kept

    def remember(self, principal: Principal, answer_id: str, answer: Answer) -> None:
        self._answers.put((principal.account_id, answer_id), answer)

    async def keep_answer(self, principal: Principal, answer_id: str, label: str | None) -> bool:
        """Keep an answer that was given a while ago; tell whether it was still at hand."""
        answer = self._answers.get((principal.account_id, answer_id))
        if answer is None:
            return False
        await self.keep(principal, *answer, label)
        return True

    async def search(self, principal: Principal, *wanted: str) -> tuple[str, ...]:
        account_id = principal.account_id
        return await self._store.read(
            lambda rows: rows_assessments.search(rows, account_id, *wanted)
        )

    async def load(self, principal: Principal, ids: Sequence[str]) -> tuple[KeptAssessment, ...]:
        return await self._store.read(
            lambda rows: rows_assessments.load(rows, principal.account_id, ids)
        )

    async def list_page(
        self, principal: Principal, limit: int, after: str | None = None
    ) -> tuple[tuple[KeptAssessment, ...], str | None]:
        """List so many, the newest first, and the id that the next page comes after."""
        account_id = principal.account_id
        found = await self._store.read(
            lambda rows: rows_assessments.list_newest(rows, account_id, after, limit + 1)
        )
        page = found[:limit]
        return page, page[-1].assessment_id if len(found) > limit else None

    async def require(self, principal: Principal, assessment_id: str) -> KeptAssessment:
        found = await self._store.read(
            lambda rows: rows_assessments.find(rows, principal.account_id, assessment_id)
        )
        if found is None:
            raise _unknown()
        return found

    async def delete(self, principal: Principal, assessment_id: str) -> None:
        is_deleted = await self._store.change(
            lambda rows: rows_assessments.remove(rows, principal.account_id, assessment_id)
        )
        if not is_deleted:
            raise _unknown()


def new_assessment_id(now: datetime) -> str:
    microseconds = (now - _EPOCH) // timedelta(microseconds=1)
    number = secrets.randbits(_DIGIT_BITS * _RANDOM_DIGITS)
    return PREFIX + _base32(microseconds, _MOMENT_DIGITS) + _base32(number, _RANDOM_DIGITS)


def _base32(number: int, digits: int) -> str:
    shifts = range(_DIGIT_BITS * (digits - 1), -1, -_DIGIT_BITS)
    return "".join(_DIGITS[number >> shift & 31] for shift in shifts)


def find_id(text: str) -> str | None:
    return text if re.fullmatch(ID_PATTERN, text) else None


def _unknown() -> UnknownAssessment:
    return UnknownAssessment("the account has kept no assessment of this id")
