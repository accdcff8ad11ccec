"""How a list is shown: a table to a person, plain lines or JSON to a program.

A program gets every row and column in full, separated by tabs under a line of names. A terminal
gets a table that fits its width: moments to the minute, and no column in which nothing stands.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Cell: TypeAlias = str | int | datetime | None


def show_list(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows under the names of their columns."""
    if sys.stdout is not None and sys.stdout.isatty():
        _show_table(columns, rows)
        return
    lines = ["\t".join(columns), *("\t".join(_in_full(cell) for cell in row) for row in rows)]
    click.echo("\n".join(lines))


def show_json(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows as a JSON array of objects with the columns' names."""
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    click.echo(json.dumps(objects, indent=2, ensure_ascii=False, default=iso))


def iso(moment: datetime) -> str:
    """Write a moment in UTC to the second, as in ``2026-11-22T20:47:23Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _in_full(cell: Cell) -> str:
    match cell:
        case None:
            return "-"
        case bool():
            return "yes" if cell else "no"
        case datetime():
            return iso(cell)
        case _:
            return str(cell)


def _in_short(cell: Cell) -> str:
    return f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else _in_full(cell)


def _show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - not needed by scripts
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    table = Table(box=None, header_style="bold", pad_edge=False)
    shown = [n for n in range(len(columns)) if not rows or any(row[n] is not None for row in rows)]
    for number in shown:
        table.add_column(columns[number].replace("_", " "), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(_in_short(row[number])) for number in shown))
    Console().print(table)
