"""What a schema says is what the code beside it accepts and makes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cardiorisk.accounts.assessments import new_assessment_id
from cardiorisk.errors import ServiceError
from cardiorisk.openapi.schemas import ASSESSMENT_ID
from cardiorisk.patients.patient import FIELD_NAMES, parse_json
from tests.conformity import validator
from tests.support import EXAMPLE

PATIENT = validator({"$ref": "#/components/schemas/Patient"})

VALUES = st.one_of(
    st.floats(-1, 101, allow_nan=False),
    st.integers(-1, 101),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.sampled_from([0.5, 0.6, 1.0, 1.8, 2.0, 3.0, 40.0, 40.5, 99, 99.0, 100]),
    st.lists(st.integers(), max_size=1),
)
NAMES = st.sampled_from([*FIELD_NAMES, "nombre", "Edad"])


@given(seconds=st.integers(0, 30_000_000_000))
def test_the_pattern_of_ids_matches_new_ids(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert validator(ASSESSMENT_ID).is_valid(new_assessment_id(moment))


@given(changes=st.dictionaries(NAMES, VALUES, max_size=3), left_out=st.sets(NAMES, max_size=1))
@settings(max_examples=300, deadline=None)
def test_the_schema_accepts_what_the_parser_accepts(
    changes: dict[str, Any], left_out: set[str]
) -> None:
    members = {name: value for name, value in (EXAMPLE | changes).items() if name not in left_out}
    try:
        parse_json(json.dumps(members).encode())
        is_accepted = True
    except ServiceError:
        is_accepted = False
    assert PATIENT.is_valid(members) == is_accepted
