"""Kept assessments: their ids, their pages, their owners; over a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, Assessments, new_assessment_id
from cardiorisk.errors import UnknownAssessment
from cardiorisk.identity.keys import Principal
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients.patient import Patient
from cardiorisk.patients.words import Said
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import open_database, open_served
from cardiorisk.store.store import Store
from cardiorisk.store.tables import AssessmentRow

ANA, BRUNO = Principal(1, "key_a", "freemium"), Principal(2, "key_b", "premium")
PATIENT = Patient(2.0, 1.2, 1.0, 40, 1, 0)
NOW = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)
AN_ID = "pred_1k0wearnb6031es2qyrwme0r1yc"
moments = st.datetimes(datetime(1970, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy gives the zone


@pytest.fixture
def assessments(tmp_path: Path, io_loop: IOLoop) -> Iterator[Assessments]:
    """The use cases over a database with the accounts ana and bruno."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    with open_database(url) as database, database.writing() as rows:
        for name in ("ana", "bruno"):
            rows_accounts.find_or_create(rows, name, None, NOW)
    store = Store(open_served(url), clock=partial(next, count(NOW.timestamp() + 1)))
    yield Assessments(store)
    io_loop.run_sync(store.close)


async def _keep(assessments: Assessments, label: str | None = None) -> str:
    said = Assessment(
        0.25, at_risk=False, threshold=0.5, model_version="net-1", notice=Said("", "")
    )
    return (await assessments.keep(ANA, PATIENT, said, label)).assessment_id


async def test_what_is_kept_can_be_had_again(assessments: Assessments) -> None:
    kept = await assessments.require(ANA, await _keep(assessments, "Natalia"))
    assert (kept.patient, kept.label, kept.probability) == (PATIENT, "Natalia", 0.25)
    assert (kept.at_risk, kept.threshold, kept.model_version) == (False, 0.5, "net-1")
    assert kept.created_at > NOW


async def test_another_accounts_is_as_unknown_as_none(assessments: Assessments) -> None:
    kept = await _keep(assessments)
    messages = set()
    for call in (assessments.require, assessments.delete):
        for assessment_id in (kept, AN_ID, "", "pred_%"):
            with pytest.raises(UnknownAssessment) as refusal:
                await call(BRUNO, assessment_id)
            messages.add(str(refusal.value))
    assert len(messages) == 1
    assert await assessments.list_page(BRUNO, 10) == ((), None)
    await assessments.require(ANA, kept)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_hold_everything_once_the_newest_first(
    assessments: Assessments, limit: int
) -> None:
    kept = [await _keep(assessments) for _ in range(7)]
    listed: list[str] = []
    after: str | None = None
    while True:
        items, after = await assessments.list_page(ANA, limit, after)
        assert 0 < len(items) <= limit
        listed.extend(one.assessment_id for one in items)
        if after is None:
            break
    assert listed == kept[::-1]


async def test_a_page_may_begin_after_one_that_was_deleted(assessments: Assessments) -> None:
    oldest, middle, _ = [await _keep(assessments) for _ in range(3)]
    await assessments.delete(ANA, middle)
    items, _ = await assessments.list_page(ANA, 10, middle)
    assert [kept.assessment_id for kept in items] == [oldest]


async def test_an_empty_list_has_no_next_page(assessments: Assessments) -> None:
    assert await assessments.list_page(ANA, 10) == ((), None)


# Ids


@given(moments, moments)
def test_ids_sort_by_the_moment_they_were_made_at(one: datetime, other: datetime) -> None:
    if one != other:
        assert (new_assessment_id(one) < new_assessment_id(other)) is (one < other)


@given(moments)
def test_an_id_fits_its_column_and_a_path_and_is_nobody_else_s(moment: datetime) -> None:
    made = new_assessment_id(moment)
    assert made != new_assessment_id(moment)
    assert len(made) == 32
    assert made.isascii()
    assert made.replace("_", "").isalnum()


def test_a_label_has_room_in_its_column() -> None:
    column: Any = AssessmentRow.__table__.c.label.type
    assert column.length == LABEL_CHARACTERS
