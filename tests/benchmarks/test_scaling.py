"""The page on scaling is what the script makes of the results that are committed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from benchmarks.arithmetic import Costs, deployment
from benchmarks.rows import read_rows
from benchmarks.scaling import PAGE, RESULTS, TABLES, refreshed
from benchmarks.scaling_plots import PLOTS, draw

if TYPE_CHECKING:
    from pathlib import Path

ROWS = read_rows(RESULTS)
COSTS = Costs(
    request_us=500.0,
    miss_us=300.0,
    line_bytes=400.0,
    account_bytes=80.0,
    key_bytes=350.0,
    process_mb=100.0,
    use_us=60.0,
    keep_us=2000.0,
    summed_lines_a_second=50_000.0,
    assessed_rows_a_second=1e7,
)


def test_the_page_is_up_to_date_with_the_results() -> None:
    page = PAGE.read_text("utf-8")
    assert refreshed(page, ROWS) == page


@pytest.mark.parametrize("name", TABLES)
def test_a_page_without_a_mark_is_refused(name: str) -> None:
    page = PAGE.read_text("utf-8").replace(f"<!-- end {name} -->", "")
    with pytest.raises(SystemExit, match=f"<!-- end {name} -->"):
        refreshed(page, ROWS)


def test_the_same_rows_give_the_same_pictures_byte_for_byte(tmp_path: Path) -> None:
    first, second = draw(ROWS, tmp_path / "first"), draw(ROWS, tmp_path / "second")
    assert [path.name for path in first] == [plot.file for plot in PLOTS]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_pictures_are_small_svg_files_with_their_title_as_text(tmp_path: Path) -> None:
    for plot, path in zip(PLOTS, draw(ROWS, tmp_path), strict=True):
        assert path.stat().st_size < 60_000
        assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - drawn a line above
        assert f">{plot.title}<" in path.read_text()


def test_one_process_is_planned_for_three_fifths_of_a_core() -> None:
    assert COSTS.most_a_second == 2000
    assert COSTS.planned_a_second == 1200
    assert COSTS.missed_a_second == 1250
    assert COSTS.lines_a_day == 1200 * 86_400
    assert COSTS.log_gb_a_day == pytest.approx(41.472)


def test_a_full_memos_last_uses_are_seen_by_another_process_every_quarter_second() -> None:
    assert COSTS.drops_a_flush == pytest.approx(16_384 * 60e-6 / 0.25)


def test_a_thousand_processes_do_a_thousand_times_as_much() -> None:
    made = deployment(COSTS, 1000)
    assert made.requests_a_second == 1_200_000
    assert made.freemium_accounts == 14_400_000
    assert made.premium_accounts == 1_440_000
    assert made.memory_gb == 100
    assert made.limiter_mb == pytest.approx(1152)
    assert made.keys_gb == pytest.approx(5.04)
    assert made.log_gb_a_day == pytest.approx(41_472)
