"""Patients in a table: what a column and a cell may be, and how every fault is told at once."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cardiorisk.errors import FieldFault, UnusableData
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.patients.table import RowFault, parse_frame

COURSE_NAMES = ["colesterol", "presion", "glucosa", "edad", "sobrepeso", "tabaquismo"]


def frame(**columns: list[Any]) -> pd.DataFrame:
    """Make a table of two patients with the course's column names."""
    usual: dict[str, list[Any]] = {
        "colesterol": [1.0, 2.9],
        "presion": [0.6, 1.7],
        "glucosa": [0.5, 1.9],
        "edad": [0, 98],
        "sobrepeso": [0, 1],
        "tabaquismo": [1, 0],
    }
    return pd.DataFrame(usual | columns)


TWO_PATIENTS = np.array([[1.0, 0.6, 0.5, 0, 0, 1], [2.9, 1.7, 1.9, 98, 1, 0]], dtype=np.float32)


def test_a_table_has_the_courses_names_or_the_wire_names_in_any_order_among_others() -> None:
    course = frame(riesgo_cardiaco=[0, 1])
    course.insert(0, "Unnamed: 0", [0, 1])
    wire = frame().rename(columns=dict(zip(COURSE_NAMES, FIELD_NAMES, strict=True)))
    for table in (frame(), course, wire, frame()[COURSE_NAMES[::-1]]):
        values, faults = parse_frame(table)
        np.testing.assert_array_equal(values, TWO_PATIENTS)
        assert (values.dtype.name, faults) == ("float32", ())


def test_a_table_without_rows_has_no_patients() -> None:
    values, faults = parse_frame(frame().head(0))
    assert (values.shape, faults) == ((0, 6), ())


def test_text_is_read_as_numbers_and_booleans_as_flags() -> None:
    text = frame(edad=["0", " 98 "], sobrepeso=["False", "true"]).astype(object)
    np.testing.assert_array_equal(parse_frame(text)[0], TWO_PATIENTS)
    booleans = frame(sobrepeso=[False, True], tabaquismo=[True, False])
    np.testing.assert_array_equal(parse_frame(booleans)[0], TWO_PATIENTS)


def test_faults_are_told_by_row_and_column_and_their_cells_are_nan() -> None:
    table = frame(glucosa=[0.5, math.nan], edad=[math.nan, 120])
    table.index = pd.Index([70, 71])  # is not the row number
    values, faults = parse_frame(table)
    expected = TWO_PATIENTS.copy()
    expected[[0, 1, 1], [3, 2, 3]] = np.nan
    np.testing.assert_array_equal(values, expected)
    assert faults == (
        RowFault(0, FieldFault("edad", "must be an integer from 0 to 99 (years)")),
        RowFault(1, FieldFault("glucosa", "must be a number from 0.5 to 2 (g/L)")),
        RowFault(1, FieldFault("edad", "must be an integer from 0 to 99 (years)")),
    )


@pytest.mark.parametrize(
    "cell", ["", "old", "4O", "1e999", "nan", None, pd.NA, True, 10**400, math.inf, 40.5, [40]]
)
def test_cell_that_is_no_age_is_a_fault(cell: object) -> None:
    table = frame().astype(object)
    table["edad"] = pd.Series([0, cell], dtype=object)
    assert [(fault.row, fault.fault.field) for fault in parse_frame(table)[1]] == [(1, "edad")]


def test_missing_column_is_named() -> None:
    with pytest.raises(UnusableData) as raised:
        parse_frame(frame().drop(columns="glucosa"))
    assert str(raised.value) == (
        "column 'glucosa' (or 'azucar') is missing; "
        "the columns are: colesterol, presion, edad, sobrepeso, tabaquismo"
    )


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (frame(azucar=[1.0, 1.0]), r"'glucosa' \(or 'azucar'\)"),
        (pd.concat([frame(), frame()[["edad"]]], axis=1), "'edad'"),
    ],
)
def test_a_column_that_stands_twice_is_refused(table: pd.DataFrame, names: str) -> None:
    with pytest.raises(UnusableData, match=f"{names}.* stands more than once"):
        parse_frame(table)
