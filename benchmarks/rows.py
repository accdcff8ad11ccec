"""What the micro-benchmarks write down: one row a measurement, as JSON and as a table.

Pure but for the two functions that touch the file. The surprise: a parameter is a number where
it can be drawn on an axis and a word otherwise.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Parameter = int | str


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Attributes:
        name: what was measured.
        parameter: of what size, or in which mode; empty where there is none.
        unit: of the three figures.
        median: of all values.
        low: the least value.
        high: the largest value.
    """

    name: str
    parameter: Parameter
    unit: str
    median: float
    low: float
    high: float


def row_of(name: str, parameter: Parameter, unit: str, values: Sequence[float]) -> Row:
    """Make a row of what was measured, at least one value."""
    return Row(name, parameter, unit, statistics.median(values), min(values), max(values))


def find_row(rows: Iterable[Row], name: str, parameter: Parameter = "") -> Row | None:
    """Return the row of this name and parameter, None where it was not measured."""
    return next((row for row in rows if (row.name, row.parameter) == (name, parameter)), None)


def require_row(rows: Iterable[Row], name: str, parameter: Parameter = "") -> Row:
    """Return the row of this name and parameter.

    Raises:
        SystemExit: it was not measured; the message says how to measure it.
    """
    found = find_row(rows, name, parameter)
    if found is None:
        raise SystemExit(f"{name} ({parameter}) is not in the results: run make bench-micro")
    return found


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a JSON list, a row a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", "utf-8")


def read_rows(path: Path) -> list[Row]:
    """Read the rows back."""
    return [Row(**members) for members in json.loads(path.read_text("utf-8"))]


def table(rows: Iterable[Row], parameter_title: str = "parameter") -> list[str]:
    """Lay the rows out as the lines of a Markdown table."""
    lines = [f"| what | {parameter_title} | median | low to high | unit |", "|---|---|---|---|---|"]
    for row in rows:
        spread = f"{figure(row.low)} to {figure(row.high)}"
        cells = (row.name, shown(row.parameter), figure(row.median), spread, row.unit)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def shown(parameter: Parameter) -> str:
    """Write a parameter, a number with its thousands apart."""
    return f"{parameter:,}" if isinstance(parameter, int) else parameter


def figure(value: float) -> str:
    """Write a figure with three digits that mean something, and no more."""
    if value == 0:
        return "0"
    return f"{float(f'{value:.3g}'):,.10g}"
