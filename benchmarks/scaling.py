"""Writes what was measured into docs/scaling.md, and draws it.

    .venv/bin/python -m benchmarks.scaling

Reads benchmarks/results/micro.json. Of the page, only what stands between a pair of marks is
replaced; the sentences around them are written by hand, and hold no measured figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rows import read_rows
from benchmarks.scaling_plots import draw
from benchmarks.scaling_tables import (
    deployment_table,
    limits_table,
    measured_table,
    request_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rows import Row

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "micro.json"
PAGE = ROOT / "docs" / "scaling.md"
PLOTS = ROOT / "docs" / "benchmarks"

TABLES = {
    "request": request_table,
    "deployment": deployment_table,
    "limits": limits_table,
    "measured": measured_table,
}


def refreshed(page: str, rows: Sequence[Row]) -> str:
    """Return the page with the tables made of these rows.

    Raises:
        SystemExit: a mark is missing from the page, or a row from the results.
    """
    for name, make in TABLES.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise SystemExit(f"{PAGE.name} needs the marks {begin} and {end}, once each")
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = before + "\n".join([begin, "", *make(rows), "", end]) + after
    return page


def main() -> None:
    """Refresh the page and its plots."""
    rows = read_rows(RESULTS)
    PAGE.write_text(refreshed(PAGE.read_text("utf-8"), rows), "utf-8")
    for path in draw(rows, PLOTS):
        print(path.relative_to(ROOT))
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
