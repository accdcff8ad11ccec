"""A DataFrame is scored as a file is, whatever its types, in any thread and process."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cardiorisk
from cardiorisk.errors import UnusableData
from cardiorisk.scoring.scorer import ADDED_COLUMNS, Scorer
from tests.cli.conftest import start
from tests.processes import unmeasured

FRAME = pd.DataFrame(
    {
        "colesterol": [2.0, 2.0, np.nan, 2.05],
        "presion": [1.2, 1.2, 1.2, 1.41],
        "glucosa": [1.0, 1.0, 1.0, 1.02],
        "edad": [40, 99, 400, 51],
        "sobrepeso": [1, 1, 1, 0],
        "tabaquismo": [0, 1, 0, 1],
    }
)
FAULTS = "colesterol is empty; edad is beyond 99 years"


def said(assessed: pd.DataFrame) -> list[list[Any]]:
    """Return what was added, None where there is nothing."""
    added = assessed[list(ADDED_COLUMNS)].astype(object)
    rows: list[list[Any]] = added.where(added.notna(), None).to_numpy().tolist()
    return rows


def test_rows_keep_index_order_and_columns_and_get_what_score_says() -> None:
    frame = FRAME.assign(error="x").set_index(pd.MultiIndex.from_arrays([[1, 1, 0, 0], [3] * 4]))
    before = frame.copy(deep=True)
    assessed = cardiorisk.predict(frame)
    pd.testing.assert_frame_equal(frame, before)
    kept = assessed.iloc[:, :7].rename(columns={"error_entrada": "error"})
    pd.testing.assert_frame_equal(kept, before)
    assert tuple(assessed.columns[6:]) == ("error_entrada", *ADDED_COLUMNS)
    FRAME.to_csv("in.csv", index=False)
    assert start("score", "in.csv", "out.csv").returncode == 0
    expected = pd.read_csv("out.csv")
    assert said(assessed)[2] == [None, None, None, FAULTS]
    assert said(assessed) == [
        [row[0], None if row[1] is None else row[1] == 1, *row[2:]] for row in said(expected)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        FRAME.convert_dtypes(),
        FRAME.convert_dtypes(dtype_backend="pyarrow"),
        FRAME.astype("category"),
        FRAME.astype({"sobrepeso": bool, "tabaquismo": "boolean"}),
        FRAME.assign(sobrepeso=[True, "Sí", 1, "FALSO"]),
        FRAME.assign(edad=["40", "99", 400, Decimal(51)], tabaquismo=list("nsnS")),
        FRAME.astype(object).where(FRAME.notna(), None).astype(str),
        FRAME[reversed(FRAME.columns)],
    ],
)
def test_the_types_of_the_columns_change_nothing(frame: pd.DataFrame) -> None:
    assert said(cardiorisk.predict(frame)) == said(cardiorisk.predict(FRAME))


def test_units_columns_and_the_decimal_mark_are_those_that_are_said(scorer: Scorer) -> None:
    theirs = FRAME.assign(colesterol=["200", "200,0", None, 205.0]).rename(columns={"edad": "age"})
    theirs["glucosa"] *= 100
    options: dict[str, Any] = {"units": "mg/dL", "column": {"edad": "age"}, "decimal": ","}
    assessed = cardiorisk.predict(theirs, **options)
    expected = said(cardiorisk.predict(FRAME))
    expected[2][3] = expected[2][3].replace("edad", "age (edad)")
    assert said(assessed) == expected
    assert assessed.attrs["cardiorisk.modelo"] == scorer.version


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ([1], "edad is not a number"),
        (pd.Timestamp(0), "edad is not a number"),
        (1j, "edad is not a number"),
        ("\ud800", "edad is not a number"),
        (True, "edad is not a number"),
        (2**70, "edad is beyond 99 years"),
        (np.inf, "edad is not a number"),
        (pd.NaT, "edad is empty"),
    ],
)
def test_whatever_stands_in_a_cell_is_a_fault_of_its_row(cell: object, fault: str) -> None:
    frame = FRAME.iloc[:2].assign(edad=pd.Series([cell, cell], dtype=object))
    assert [row[3] for row in said(cardiorisk.predict(frame))] == [fault] * 2


def test_a_frame_without_rows_has_the_same_types() -> None:
    full, empty = cardiorisk.predict(FRAME), cardiorisk.predict(FRAME.iloc[:0])
    assert empty.dtypes.equals(full.dtypes)
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("frame", "options", "refusal"),
    [
        (FRAME.drop(columns=["edad", "presion"]), {}, "missing: 'presion', 'edad'; the columns"),
        (pd.concat([FRAME, FRAME[["edad"]]], axis=1), {}, "'edad' and 'edad' could be edad"),
        (FRAME, {"units": "stone"}, "must be one of g/L, mg/dL and mmol/L"),
        (FRAME, {"units": ("mg/dL", "mmol/L")}, "must be one of g/L, mg/dL and mmol/L"),
        (FRAME, {"column": {"altura": "edad"}}, "'altura': ours are"),
        (FRAME["edad"], {}, "map it over the partitions"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_what_to_do(
    frame: Any, options: dict[str, Any], refusal: str
) -> None:
    with pytest.raises((UnusableData, TypeError, ValueError), match=refusal):
        cardiorisk.predict(frame, **options)


IN_PARALLEL = """
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
import pandas as pd
import cardiorisk
frames = [pd.read_csv("frame.csv")] * 100
with ThreadPoolExecutor(8) as threads:  # of which the first ones find no network yet
    answers = list(threads.map(cardiorisk.predict, frames))
for method in ("fork", "spawn"):
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers += pool.map(cardiorisk.predict, frames[:8])
        pool.close()
        pool.join()
print(len(answers), {answer.to_csv() for answer in answers})
"""


def test_threads_and_processes_give_the_same_even_after_a_fork() -> None:
    FRAME.to_csv("frame.csv", index=False)
    command = [sys.executable, "-c", IN_PARALLEL]
    # Unmeasured, as what coverage does in a forked process and at its end may wait for ever.
    told = subprocess.check_output(command, text=True, timeout=300, env=unmeasured())
    assert told == f"116 { ({cardiorisk.predict(FRAME).to_csv()}) }\n"


def test_the_package_loads_no_library_before_predict_is_used() -> None:
    program = "import sys, cardiorisk; print(*{name.partition('.')[0] for name in sys.modules})"
    bare, ours = (
        set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
        for code in (program.replace(", cardiorisk", ""), program)
    )
    assert ours - bare == {"cardiorisk"}
    with pytest.raises(AttributeError, match="no attribute 'forecast'"):
        _ = cardiorisk.forecast  # type: ignore[attr-defined]  # that it has none is the test
