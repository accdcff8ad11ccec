"""What a cell may say, in which unit, and what is wrong with the others."""

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.files.cells import Meaning
from cardiorisk.patients.patient import FIELDS

CHOLESTEROL, PRESSURE, SUGAR, AGE, _, SMOKER = FIELDS

texts = st.one_of(
    st.sampled_from(["", "40", " 40", "40 ", "+40", "040", "40.", "4e1", ".5", "-0", "1e400"]),
    st.sampled_from(["nan", "NA", "None", "inf", "∞", "true", "True", "tRuE", "0x10", "1_0"]),
    st.just("\N{FULLWIDTH DIGIT FOUR}"),
    st.text("0149.eE+- _xX", max_size=6),
)


@given(texts, st.sampled_from(FIELDS))
def test_a_cell_is_judged_alike_whatever_else_is_in_the_column(text: str, field: Any) -> None:
    alone, among = pa.array([text.encode()]), pa.array([text.encode(), b"x"])
    meaning = Meaning()
    one, other = meaning.numbers(field, alone)[0], meaning.numbers(field, among)[0]
    assert one == other or (math.isnan(one) and math.isnan(other))
    assert math.copysign(1, one if one == one else 1) == 1  # noqa: PLR0124 - NaN


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["Sí", "si", "S", "YES", "True", "VERDADERO", "1", "1.0", " 1 "]), [1] * 9),
        (pa.array(["No", "n", "FALSO", "false", "0", "0.0", "-0"]), [0] * 7),
        (pa.array([True, False, None]), [1, 0, math.nan]),
        (pa.array([1, 0, 2], pa.int8()), [1, 0, math.nan]),
        (pa.array([Decimal("1.0"), None]), [1, math.nan]),
        (pa.array(["1", "0", None]).dictionary_encode(), [1, 0, math.nan]),
        (pa.array([[1]]), [math.nan]),
    ],
)
def test_flags_are_words_numbers_and_booleans(column: pa.Array, expected: list[float]) -> None:
    assert Meaning().numbers(SMOKER, column).tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_flag_may_have_either_decimal_mark(decimal: str) -> None:
    column = pa.array(["1.0", "1,0", "0.0", "0,0", "1,5"])
    found = Meaning(decimal).numbers(SMOKER, column).tolist()
    assert found == pytest.approx([1, 1, 0, 0, math.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("units", "field", "cell", "expected"),
    [
        (("mg/dL",), CHOLESTEROL, "210", 2.1),
        (("mmol/L",), CHOLESTEROL, "5.17", 5.17 * 0.38665),
        (("mg/dL",), SUGAR, "99", 0.99),
        (("mmol/L",), SUGAR, "5.5", 5.5 * 0.180156),
        (("mmHg",), PRESSURE, "120", 1.2),
        (("mg/dL",), PRESSURE, "120", 1.2),  # the ranges of both units are far apart
        (("mg/dL",), PRESSURE, "1.2", 1.2),
        (("mmHg",), CHOLESTEROL, "2.1", 2.1),
        (("mmHg",), PRESSURE, "1.2", math.nan),
        ((), PRESSURE, "120", math.nan),
    ],
)
def test_units_are_those_that_were_said(
    units: tuple[str, ...], field: Any, cell: str, expected: float
) -> None:
    found = Meaning(".", units).numbers(field, pa.array([cell]))
    assert found.tolist() == pytest.approx([expected], nan_ok=True)


def test_the_decimal_mark_is_the_files() -> None:
    column = pa.array([b"2,1", b"2.1", b"2"])
    for decimal, expected in ((",", [2.1, math.nan, 2]), (".", [math.nan, 2.1, 2])):
        found = Meaning(decimal).numbers(CHOLESTEROL, column).tolist()
        assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("meaning", "field", "cell", "said"),
    [
        (Meaning(), AGE, b" ", "is empty"),
        (Meaning(), AGE, math.nan, "is empty"),
        (Meaning(), AGE, None, "is empty"),
        (Meaning(), CHOLESTEROL, b"high", "is not a number"),
        (Meaning(), CHOLESTEROL, b"NA", "is empty"),
        (
            Meaning(),
            CHOLESTEROL,
            b"2,1",
            "is not a number; the decimal mark is taken to be '.' (--decimal)",
        ),
        (
            Meaning(","),
            CHOLESTEROL,
            b"2.1",
            "is not a number; the decimal mark is taken to be ',' (--decimal)",
        ),
        (Meaning(), AGE, b"40.5", "is not a whole number of years"),
        (Meaning(), AGE, 140, "is beyond 99 years"),
        (Meaning(), AGE, b"-1", "is below 0 years"),
        (Meaning(), SMOKER, 2, "must be 0 or 1 (or no, si, false, true, falso, verdadero)"),
        (
            Meaning(),
            CHOLESTEROL,
            b"210",
            "is beyond 3.0 g/L; 210 mg/dL is 2.10 (--units mg/dL)",
        ),
        (
            Meaning(),
            CHOLESTEROL,
            b"5.17",
            "is beyond 3.0 g/L; 5.17 mmol/L is 2.00 (--units mmol/L)",
        ),
        (
            Meaning(),
            PRESSURE,
            b"120",
            "is beyond 1.8 (100 mmHg); 120 mmHg is 1.20 (--units mmHg)",
        ),
        (Meaning(), CHOLESTEROL, b"900", "is beyond 3.0 g/L"),
        (Meaning(".", ("mg/dL",)), CHOLESTEROL, b"350", "is beyond 3.0 g/L; 350 mg/dL is 3.50"),
        (Meaning(",", ("mmHg",)), PRESSURE, 1.5, "is below 0.6 (100 mmHg); 1.5 mmHg is 0.01"),
    ],
)
def test_a_fault_says_what_to_do(meaning: Meaning, field: Any, cell: object, said: str) -> None:
    assert str(meaning.fault(field, cell)) == said
