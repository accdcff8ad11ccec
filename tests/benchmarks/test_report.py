"""The page of the made-up run in ``conftest``, and of what a run writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.compare import Comparison
from benchmarks.contestants import CONTESTANTS
from benchmarks.generators import GENERATORS
from benchmarks.measured import read
from benchmarks.plots import LATENCY_PLOT, RATE_PLOT, write_plots
from benchmarks.report import render
from benchmarks.tables import number, ratios_table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measured import Measured


def test_ratios_come_first_and_per_number_of_connections(measured: Measured) -> None:
    assert ratios_table(measured).splitlines() == [
        "| rate to bare Tornado's | 32 conn. | 512 conn. |",
        "| --- | ---: | ---: |",
        "| bare Tornado | 1 | 1 |",
        "| cardiorisk, litert | 0.75 | 0.225 |",
    ]


def test_a_row_has_everything_that_was_measured_of_a_server(measured: Measured) -> None:
    row = (
        "| cardiorisk, litert | 0.75 (0.75 to 0.75) | 3,000 (3,000 to 3,000) | 2 (2 to 2) "
        "| 6 (6 to 6) | 0.167 | 80 | 0 |"
    )
    assert row in render(measured, "").splitlines()


def test_the_page_says_who_was_left_out_and_why(measured: Measured) -> None:
    assert "MLServer (ONNX Runtime) was skipped: it cannot be installed" in render(measured, "")


def test_a_saturated_server_is_marked_and_the_mark_explained(measured: Measured) -> None:
    page = render(measured, "")
    assert "| cardiorisk, litert † | 0.225" in page
    assert "| bare Tornado † |" not in page
    assert "† gave fewer than two answers a connection" in page


def test_the_hand_written_notes_are_in_the_page_whole(measured: Measured) -> None:
    assert "\n\n## Why not\n\nBecause.\n\n" in render(measured, "## Why not\n\nBecause.\n")


def test_the_cost_model_stands_apart_from_the_other_parts(measured: Measured) -> None:
    _, _, costs = render(measured, "").partition("## What a request costs")
    model, _, others = costs.partition("## The parts by themselves")
    assert "| a request: HTTP, handler and the system | µs | - | 250 (240 to 260) |" in model
    assert "| limiter decision | µs | 10 | 1.5 (1 to 2) |" in model
    assert "| limiter decision | µs | 1,000,000 | 2.5 (2 to 3.5) |" in others


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.12345, "0.123"),
        (9.999, "10"),
        (123.4, "123"),
        (12_345.6, "12,300"),
    ],
)
def test_a_figure_has_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_run_can_be_read_back(measured: Measured, tmp_path: Path) -> None:
    comparison = Comparison(GENERATORS[0], skipped={"keras": "why"})
    comparison.samples += measured.samples
    written = comparison.as_json({"seconds": 1, "rounds": 1, "connections": [32, 512]})
    (tmp_path / "servers.json").write_text(json.dumps(written))
    found = read(tmp_path)
    assert found.samples == measured.samples
    assert found.skipped == {"keras": "why"}
    assert (found.growth_mb, found.parts) == (None, [])


def test_the_same_figures_draw_the_same_plots(measured: Measured, tmp_path: Path) -> None:
    for directory in ("one", "two"):
        write_plots(measured, tmp_path / directory)
    for plot in (RATE_PLOT, LATENCY_PLOT):
        drawn = (tmp_path / "one" / plot).read_bytes()
        assert drawn == (tmp_path / "two" / plot).read_bytes()
        assert b"<svg" in drawn


def test_names_of_contestants_are_unique() -> None:
    names = [each.name for each in CONTESTANTS]
    assert len(set(names)) == len(names)
