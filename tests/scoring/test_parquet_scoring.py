"""Parquet in, Parquet out: types kept, bad rows explained, batch after batch."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cardiorisk.errors import UnusableData
from cardiorisk.scoring.files import BATCH_ROWS, score_parquet
from cardiorisk.scoring.scorer import BadRow, Scorer

COLUMNS: dict[str, list[Any]] = {
    "nombre": ["Ana", None, "Eva"],
    "colesterol": [2.0, 2.0, 2.0],
    "presion": [1.2, 1.2, None],
    "glucosa": [1.0, 1.0, 1.0],
    "edad": [40, 40, 400],
    "sobrepeso": [True, True, True],
    "tabaquismo": [1, 0, 1],
    "riesgo_cardiaco": [1, 0, 1],
}
REASON = (
    "presion must be a number from 0.6 to 1.8 (100 mmHg); "
    "edad must be an integer from 0 to 99 (years)"
)


def scored(scorer: Scorer, table: pa.Table) -> tuple[pa.Table, list[BadRow]]:
    source, sink = io.BytesIO(), io.BytesIO()
    parquet.write_table(table, source)
    source.seek(0)
    bad_rows = [bad for step in score_parquet(source, sink, scorer) for bad in step.bad_rows]
    sink.seek(0)
    return parquet.read_table(sink), bad_rows


def test_every_row_is_kept_with_its_score_or_its_reason(scorer: Scorer) -> None:
    table, bad_rows = scored(scorer, pa.table(COLUMNS))
    assert table.column_names[-4:] == [
        "riesgo_cardiaco_entrada",
        "probabilidad",
        "riesgo_cardiaco",
        "error",
    ]
    assert table["nombre"].to_pylist() == COLUMNS["nombre"]
    assert table["riesgo_cardiaco"].to_pylist() == [True, False, None]
    assert table["probabilidad"].to_pylist() == [1.0, pytest.approx(0, abs=1e-3), None]
    assert table["error"].to_pylist() == [None, None, REASON]
    assert bad_rows == [BadRow(3, REASON)]


def test_rows_are_counted_through_the_batches(scorer: Scorer) -> None:
    count = BATCH_ROWS // 3 + 1
    table, bad_rows = scored(scorer, pa.concat_tables([pa.table(COLUMNS)] * count))
    assert table.num_rows == 3 * count > BATCH_ROWS
    assert [bad.line for bad in bad_rows] == list(range(3, 3 * count + 1, 3))


@pytest.mark.parametrize("scale", [1, 2, 6, 18])
def test_decimals_are_numbers_up_to_the_ends_of_each_range(scorer: Scorer, scale: int) -> None:
    cells = zip(("1", "0.6", "0.5", "0", "0", "0"), ("3", "1.8", "2", "99", "1", "1"), strict=True)
    arrays = [
        pa.array([Decimal(low), Decimal(high), None], pa.decimal128(24, scale))
        for low, high in cells
    ]
    source = pa.table(arrays, list(COLUMNS)[1:7])
    table, bad_rows = scored(scorer, source)
    assert [bad.line for bad in bad_rows] == [3]
    assert table.select(range(6)) == source


def test_what_is_not_parquet_is_refused(scorer: Scorer) -> None:
    with pytest.raises(UnusableData, match="not a Parquet file"):
        list(score_parquet(io.BytesIO(b"colesterol,presion\n" * 9), io.BytesIO(), scorer))
