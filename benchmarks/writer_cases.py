"""What the database's one writer does: noting when keys were last used, keeping an assessment.

Every transaction waits for the disk, so these are the machine's disk as much as the code.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.filled import database_url
from benchmarks.request_cases import BODY
from benchmarks.timing import Case, repeated
from cardiorisk.accounts.assessments import new_assessment_id
from cardiorisk.patients.patient import parse_json
from cardiorisk.store import rows_assessments, rows_keys
from cardiorisk.store.database import Database
from cardiorisk.store.values import KeptAssessment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.timing import Timer

LAST_USES = "write the last uses of 500 keys"
KEEP = "keep an assessment"
USES_A_TRANSACTION = 500
"""As many as the store writes in one."""


def writer_cases(keys: int) -> tuple[Case, ...]:
    """Return the cases on the database with so many keys."""
    return (
        Case(LAST_USES, keys, partial(_noting, keys), loops=10),
        Case(KEEP, keys, partial(_keeping, keys), loops=100),
    )


@contextmanager
def _noting(keys: int, room: Path) -> Iterator[Timer]:
    """Note a later moment for keys from all over the table, the same number each time."""
    with Database.open(database_url(room, keys)) as database:
        with database.reading() as rows:
            key_ids = [key.key_id for key in rows_keys.list_keys(rows)]
        chosen = random.Random(keys).sample(key_ids, min(USES_A_TRANSACTION, keys))  # noqa: S311 - no secret
        seconds = count()

        def note() -> None:
            moment = datetime.now(UTC) + timedelta(seconds=next(seconds))
            with database.writing() as rows:
                rows_keys.note_last_used(rows, dict.fromkeys(chosen, moment))

        yield repeated(note)


@contextmanager
def _keeping(keys: int, room: Path) -> Iterator[Timer]:
    with Database.open(database_url(room, keys)) as database:
        patient = parse_json(BODY)

        def keep() -> None:
            now = datetime.now(UTC)
            kept = KeptAssessment(
                new_assessment_id(now),
                now,
                label=None,
                patient=patient,
                probability=0.973121,
                at_risk=True,
                threshold=0.5,
                model_version="14-7-1-7c7cfe6f",
            )
            with database.writing() as rows:
                rows_assessments.keep(rows, 1, kept)

        yield repeated(keep)
