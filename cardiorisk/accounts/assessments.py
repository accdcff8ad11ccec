"""Assessments that are kept: an account's own list, and nobody else's.

What is another account's is answered like an id that was never given. An id is a moment and a
random number, so ids sort by time, and a page can begin after an assessment that is gone since.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cardiorisk.accounts.expiring import Expiring
from cardiorisk.errors import UnknownAssessment
from cardiorisk.identity.keys import Principal
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients.patient import Patient
from cardiorisk.store import rows_assessments
from cardiorisk.store.store import Store
from cardiorisk.store.values import KeptAssessment

LABEL_FIELD = "nombre"
"""The wire name of what an owner calls a patient."""
LABEL_CHARACTERS = 80
DEFAULT_PAGE, LARGEST_PAGE = 20, 100
"""Assessments."""

PREFIX = "pred_"
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Base 32 in the order of ASCII, without i, l, o and u. Source: Crockford's base 32."""
_DIGIT_BITS = 5
_MOMENT_DIGITS = 11  # microseconds since 1970, until the year 3111
_RANDOM_DIGITS = 16  # 80 bits, not to be guessed
ID_PATTERN = f"^{PREFIX}[0-9a-hjkmnp-tv-z]{{{_MOMENT_DIGITS + _RANDOM_DIGITS}}}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = tuple[Patient, Assessment]
ANSWER_SECONDS, MOST_ANSWERS = 600.0, 1_000
"""How long an answer is at hand to be kept, and how many are, in this process alone."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: so many, after an id or from the newest on."""

    limit: int
    after: str | None


@dataclass(frozen=True, slots=True)
class AssessmentPage:
    """A part of a list, the newest first; ``next_after`` begins the next part, if there is one."""

    items: tuple[KeptAssessment, ...]
    next_after: str | None


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
        """Have an answer at hand for a while, so that it can be kept as it was given."""
        self._answers.put((principal.account_id, answer_id), answer)

    async def keep_answer(self, principal: Principal, answer_id: str, label: str | None) -> bool:
        """Keep an answer that was given a while ago; tell whether it was still at hand."""
        answer = self._answers.get((principal.account_id, answer_id))
        if answer is None:
            return False
        await self.keep(principal, *answer, label)
        return True

    async def search(self, principal: Principal, *wanted: str) -> tuple[str, ...]:
        """Return the ids of the account's assessments, as ``rows_assessments.search`` does."""
        account_id = principal.account_id
        return await self._store.read(
            lambda rows: rows_assessments.search(rows, account_id, *wanted)
        )

    async def load(self, principal: Principal, ids: Sequence[str]) -> tuple[KeptAssessment, ...]:
        return await self._store.read(
            lambda rows: rows_assessments.load(rows, principal.account_id, ids)
        )

    async def list_page(self, principal: Principal, page: Page) -> AssessmentPage:
        found = await self._store.read(
            lambda rows: rows_assessments.list_newest(
                rows, principal.account_id, page.after, page.limit + 1
            )
        )
        items = found[: page.limit]
        has_more = len(found) > page.limit
        return AssessmentPage(items, items[-1].assessment_id if has_more else None)

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
    return (
        PREFIX
        + _base32(microseconds, _MOMENT_DIGITS)
        + _base32(secrets.randbits(_DIGIT_BITS * _RANDOM_DIGITS), _RANDOM_DIGITS)
    )


def _base32(number: int, digits: int) -> str:
    shifts = range(_DIGIT_BITS * (digits - 1), -1, -_DIGIT_BITS)
    return "".join(_DIGITS[number >> shift & 31] for shift in shifts)


def find_id(text: str) -> str | None:
    return text if re.fullmatch(ID_PATTERN, text) else None


def _unknown() -> UnknownAssessment:
    return UnknownAssessment("the account has kept no assessment of this id")
