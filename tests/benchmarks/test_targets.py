"""The figures come from the made-up run in ``conftest``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from benchmarks.measured import Measured


@pytest.mark.parametrize(
    ("text", "figure", "verdict"),
    [
        ("`litert` to bare Tornado, 32 connections", 0.75, "**not met**"),
        ("`litert`, p99 to p50 at 32 connections", 3.0, "**not met**"),
        ("`litert`, rate at 512 of that at 32 connections", 30.0, "**not met**"),
        ("`litert`, refused or failed at 512 connections", 100, "**not met**"),
        ("`litert`, ready in", 0.8, "met"),
        ("`litert`, the most memory", 90.0, "met"),
        ("`litert`, growth over 10⁶ requests", 1.5, "met"),
        ("a limiter decision, 10⁶ accounts", 2.5, "met"),
        ("a memo miss, 10⁶ keys in SQLite", 2.5, "**not met**"),
        ("counting a request, of its processor time", 0.5, "met"),
    ],
)
def test_a_target_stands_beside_its_figure(
    measured: Measured, text: str, figure: float, verdict: str
) -> None:
    target = next(each for each in TARGETS if each.text == text)
    assert target.figure(measured) == pytest.approx(figure)
    assert target.verdict(measured) == verdict


def test_the_growth_counts_only_over_a_million_requests(measured: Measured) -> None:
    shorter = replace(measured, memory_mb=[(50_000, 80.0), (999_999, 81.0)])
    target = next(each for each in TARGETS if "growth" in each.text)
    assert target.verdict(shorter) == "not measured"


@pytest.mark.parametrize(
    "text",
    [
        "`keras` to bare Tornado, 32 connections",
        "`litert` to MLServer, 32 connections",
        "`keras`, ready beyond `import tensorflow`",
        "a memo hit, 10⁶ keys",
    ],
)
def test_what_was_not_measured_is_neither_met_nor_missed(measured: Measured, text: str) -> None:
    target = next(each for each in TARGETS if each.text == text)
    assert target.verdict(measured) == "not measured"
