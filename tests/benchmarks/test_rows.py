"""Rows survive the file, are found by name and parameter, and are laid out with three digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.rows import Row, figure, find_row, read_rows, require_row, row_of, table, write_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Row("key, memo hit", 10, "µs", 1.5, 1.25, 2.0),
    Row("bitácora line", "os", "µs", 14.8, 14.1, 17.2),
]


def test_rows_that_were_written_are_read_back(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "results" / "micro.json")
    assert read_rows(tmp_path / "results" / "micro.json") == ROWS


def test_a_row_keeps_the_median_and_the_bounds_of_its_values() -> None:
    assert row_of("x", 1, "s", [5.0, 1.0, 9.0, 2.0]) == Row("x", 1, "s", 3.5, 1.0, 9.0)


def test_a_row_is_found_by_name_and_parameter() -> None:
    assert find_row(ROWS, "bitácora line", "os") == ROWS[1]
    assert find_row(ROWS, "bitácora line", "disk") is None


def test_a_row_that_was_not_measured_ends_the_run_with_how_to_measure_it() -> None:
    with pytest.raises(SystemExit, match=r"key, memo hit \(1000000\).*make bench-micro"):
        require_row(ROWS, "key, memo hit", 1_000_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.23456, "1.23"), (0.012345, "0.0123"), (98_765.4, "98,800"), (370.0, "370")],
)
def test_a_figure_has_three_digits_that_mean_something(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_table_has_a_line_for_each_row() -> None:
    assert table(ROWS, "keys")[0] == "| what | keys | median | low to high | unit |"
    assert table(ROWS)[2:] == [
        "| key, memo hit | 10 | 1.5 | 1.25 to 2 | µs |",
        "| bitácora line | os | 14.8 | 14.1 to 17.2 | µs |",
    ]
