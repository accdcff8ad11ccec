"""Names that were meant: used elsewhere, or misspelt; and no others."""

from __future__ import annotations

import pytest

from cardiorisk.patients.names import find_meant
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS
from cardiorisk.web.shapes_patients import ORIGINAL_NAMES
from tests.support import taking_at_most

PARAMETERS = ("explicar", "curvas", "cambios", "mapas", "limit", "after")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *((field.course_name, field.wire_name) for field in FIELDS),
        *((field.name, field.wire_name) for field in FIELDS),
        *((ORIGINAL_NAMES[name], name) for name in FIELD_NAMES),
        ("Edad", "edad"),
        ("az\u00facar", "azucar"),
        ("nivel_colestrol", "nivel_colesterol"),
        ("presion_arteiral", "presion_arterial"),
        ("blood_pressure", "presion_arterial"),
        ("peso", None),  # is weight, and no misspelling of overweight
        ("altura", None),
        ("", None),
        ("edad" * 20, None),
    ],
)
def test_a_field_that_was_meant_is_found(name: str, meant: str | None) -> None:
    assert find_meant(name, FIELD_NAMES) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("explicr", "explicar"),
        ("page", "after"),
        ("maps", "mapas"),
        ("Limit", "limit"),
        ("edad", None),
    ],
)
def test_a_parameter_that_was_meant_is_found(name: str, meant: str | None) -> None:
    assert find_meant(name, PARAMETERS) == meant


def test_the_name_is_the_asked_shape_s_own() -> None:
    assert find_meant("nivel_colesterol", ORIGINAL_NAMES.values()) == "colesterol"


@pytest.mark.parametrize("name", ["e" * 64_000, "nivel_colestero" * 2, "\u0301" * 64_000])
def test_no_name_takes_long(name: str) -> None:
    with taking_at_most(seconds=0.1):
        assert find_meant(name, FIELD_NAMES) is None
