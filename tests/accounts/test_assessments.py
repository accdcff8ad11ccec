"""Kept assessments: their ids, their pages, their owners; over a real database."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.accounts.assessments import (
    LABEL_CHARACTERS,
    Assessments,
    Page,
    new_assessment_id,
    read_label,
    read_labelled,
    read_page,
)
from cardiorisk.errors import InvalidPatient, InvalidQuery, UnknownAssessment
from cardiorisk.identity.keys import Principal
from cardiorisk.model.assessing import Assessment
from cardiorisk.patients.json_object import JsonObject
from cardiorisk.patients.patient import Patient
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import Database
from cardiorisk.store.store import Store
from cardiorisk.store.tables import Assessment as AssessmentRow
from tests.support import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tornado.ioloop import IOLoop

ANA, BRUNO = Principal(1, "key_a", "freemium"), Principal(2, "key_b", "premium")
PATIENT = Patient(2.0, 1.2, 1.0, 40, 1, 0)
NOW = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)
AN_ID = "pred_1k0wearnb6031es2qyrwme0r1yc"
moments = st.datetimes(datetime(1970, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy gives the zone


class Clock:
    """A clock that goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.seconds = NOW.timestamp()

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.fixture
def assessments(tmp_path: Path, io_loop: IOLoop) -> Iterator[Assessments]:
    """The use cases over a database with the accounts ana and bruno."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    with Database.open(url) as database, database.writing() as rows:
        for name in ("ana", "bruno"):
            rows_accounts.find_or_create(rows, name, None, NOW)
    store = Store.open(url, clock=Clock())
    yield Assessments(store)
    io_loop.run_sync(store.close)


async def _keep(assessments: Assessments, label: str | None = None) -> str:
    said = Assessment(probability=0.25, at_risk=False, threshold=0.5, model_version="net-1")
    return (await assessments.keep(ANA, PATIENT, said, label)).assessment_id


@pytest.mark.gen_test
async def test_what_is_kept_can_be_had_again(assessments: Assessments) -> None:
    kept = await assessments.require(ANA, await _keep(assessments, "Natalia"))
    assert (kept.patient, kept.label, kept.probability) == (PATIENT, "Natalia", 0.25)
    assert (kept.at_risk, kept.threshold, kept.model_version) == (False, 0.5, "net-1")
    assert kept.created_at > NOW


@pytest.mark.gen_test
async def test_nobody_else_can_have_it_or_delete_it(assessments: Assessments) -> None:
    assessment_id = await _keep(assessments)
    for call in (assessments.require, assessments.delete):
        with pytest.raises(UnknownAssessment):
            await call(BRUNO, assessment_id)
    assert (await assessments.list_page(BRUNO, Page(10, None))).items == ()
    await assessments.require(ANA, assessment_id)


@pytest.mark.gen_test
async def test_another_accounts_is_as_unknown_as_none(assessments: Assessments) -> None:
    messages = set()
    for assessment_id in (await _keep(assessments), AN_ID, "", "pred_%"):
        with pytest.raises(UnknownAssessment) as refusal:
            await assessments.require(BRUNO, assessment_id)
        messages.add(str(refusal.value))
    assert len(messages) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
@pytest.mark.gen_test
async def test_pages_hold_everything_once_the_newest_first(
    assessments: Assessments, limit: int
) -> None:
    kept = [await _keep(assessments) for _ in range(7)]
    listed: list[str] = []
    after: str | None = None
    while True:
        page = await assessments.list_page(ANA, Page(limit, after))
        assert 0 < len(page.items) <= limit
        listed.extend(one.assessment_id for one in page.items)
        after = page.next_after
        if after is None:
            break
    assert listed == kept[::-1]


@pytest.mark.gen_test
async def test_a_page_may_begin_after_one_that_was_deleted(assessments: Assessments) -> None:
    oldest, middle, _ = [await _keep(assessments) for _ in range(3)]
    await assessments.delete(ANA, middle)
    page = await assessments.list_page(ANA, Page(10, middle))
    assert [kept.assessment_id for kept in page.items] == [oldest]


@pytest.mark.gen_test
async def test_an_empty_list_has_no_next_page(assessments: Assessments) -> None:
    page = await assessments.list_page(ANA, Page(10, None))
    assert (page.items, page.next_after) == ((), None)


# Ids


@given(moments, moments)
def test_ids_sort_by_the_moment_they_were_made_at(one: datetime, other: datetime) -> None:
    if one != other:
        assert (new_assessment_id(one) < new_assessment_id(other)) is (one < other)


def test_no_two_ids_of_a_moment_are_alike() -> None:
    assert len({new_assessment_id(NOW) for _ in range(1000)}) == 1000


@given(moments)
def test_an_id_fits_its_column_and_a_path(moment: datetime) -> None:
    made = new_assessment_id(moment)
    assert len(made) == 32
    assert made.isascii()
    assert made.replace("_", "").isalnum()


# Pages


@pytest.mark.parametrize(
    ("limit", "after", "page"),
    [
        (None, None, Page(20, None)),
        ("1", None, Page(1, None)),
        ("100", AN_ID, Page(100, AN_ID)),
    ],
)
def test_a_page_is_read(limit: str | None, after: str | None, page: Page) -> None:
    assert read_page(limit, after) == page


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "٣", "1" * 5000, " 1"])
def test_a_limit_that_is_none_is_a_fault(limit: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        read_page(limit, None)
    assert [fault.field for fault in refusal.value.faults] == ["limit"]


@pytest.mark.parametrize(
    "after", ["", "1", "pred_", AN_ID + "0", AN_ID.upper(), "pred_" + "i" * 27]
)
def test_an_after_that_is_no_id_is_a_fault(after: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        read_page(None, after)
    assert [fault.field for fault in refusal.value.faults] == ["after"]


def test_both_faults_are_found_at_once() -> None:
    with pytest.raises(InvalidQuery) as refusal:
        read_page("0", "x")
    assert len(refusal.value.faults) == 2


# Labels


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        (" Natalia Natalia ", "Natalia Natalia"),
        ("Jose\u0301", "Jos\u00e9"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_label_is_read(value: object, label: str | None) -> None:
    assert read_label(value) == label


@pytest.mark.parametrize("value", ["x" * 81, "a\nb", "\x00", "\ud800", 7, True, ["Natalia"], {}])
def test_a_label_against_the_rule_is_a_fault(value: object) -> None:
    with pytest.raises(InvalidPatient) as refusal:
        read_label(value)
    assert [fault.field for fault in refusal.value.faults] == ["nombre"]


def test_a_label_far_too_long_is_refused_before_it_is_normalized(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    normalized: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(unicodedata, "normalize", lambda _form, text: normalized.append(text))
        with pytest.raises(InvalidPatient):
            read_label("a" + "\u0301\u0316" * 15_000)
    assert normalized == []


def test_a_label_has_room_in_its_column() -> None:
    column: Any = AssessmentRow.__table__.c.label.type
    assert column.length == LABEL_CHARACTERS


def _labelled(*more: tuple[str, Any], **changes: Any) -> JsonObject:
    return JsonObject([*(EXAMPLE | changes).items(), *more])


def test_a_labelled_patient_is_read() -> None:
    patient, label = read_labelled(_labelled(nombre="Natalia"))
    assert (patient.age, label) == (40, "Natalia")


def test_a_patient_needs_no_label() -> None:
    assert read_labelled(_labelled())[1] is None


def test_faults_of_the_values_and_of_the_label_are_found_at_once() -> None:
    with pytest.raises(InvalidPatient) as refusal:
        read_labelled(_labelled(edad=200, nombre=7, color="red"))
    assert {fault.field for fault in refusal.value.faults} == {"edad", "nombre", "color"}


def test_a_repeated_label_is_a_fault() -> None:
    with pytest.raises(InvalidPatient) as refusal:
        read_labelled(_labelled(("nombre", "Ana"), nombre="Natalia"))
    assert [fault.field for fault in refusal.value.faults] == ["nombre"]
