"""Which part of a list of assessments is asked for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.accounts.assessments import new_assessment_id
from cardiorisk.errors import InvalidQuery
from cardiorisk.web.predictions import LargePageParameters, PageParameters

AN_ID = "pred_0mc4f8k2t7q67h3n5xk9w2c4bta"


@pytest.mark.parametrize(
    ("given_texts", "limit"), [({}, 20), ({"limit": "1"}, 1), ({"limit": "100"}, 100)]
)
def test_a_page_is_read(given_texts: dict[str, str], limit: int) -> None:
    assert dict(PageParameters.accept(given_texts)) == {"limit": limit, "after": None}


def test_the_original_client_is_given_the_largest_page() -> None:
    page = dict(LargePageParameters.accept({"after": AN_ID}))
    assert page == {"limit": 100, "after": AN_ID}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "٣", "1" * 5000, " 1"])
@pytest.mark.parametrize(
    "after", ["1", "pred_", AN_ID + "0", AN_ID + "\n", AN_ID.upper(), "pred_" + "i" * 27]
)
def test_a_page_that_is_none_has_both_faults(limit: str, after: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        PageParameters.accept({"limit": limit, "after": after})
    assert [fault.field for fault in refusal.value.faults] == ["limit", "after"]


@given(st.integers(0, 30_000_000_000))
def test_an_id_that_is_made_begins_a_page(seconds: int) -> None:
    made = new_assessment_id(datetime.fromtimestamp(seconds, UTC))
    assert PageParameters.accept({"after": made}).after == made
