"""How accounts and keys are listed."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell: TypeAlias = str | int | datetime | None


def show(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, as_json: bool) -> None:
    """Write rows as JSON, in full with tabs between, or on a terminal as a table that fits it."""
    if as_json:
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(objects, indent=2, ensure_ascii=False, default=iso))
    elif sys.stdout is not None and sys.stdout.isatty():
        shown = range(len(columns))
        filled = [n for n in shown if not rows or any(row[n] is not None for row in rows)]
        table = Table(box=None, header_style="bold", pad_edge=False)
        for n in filled:
            table.add_column(columns[n].replace("_", " "), overflow="fold", no_wrap=n == 0)
        for row in rows:
            table.add_row(*(Text(_in_full(row[n])) for n in filled))
        Console().print(table)
    else:
        for line in (columns, *rows):
            click.echo("\t".join(map(_in_full, line)))


def iso(moment: datetime) -> str:
    """Write a moment in UTC to the second, as in ``2026-11-22T20:47:23Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _in_full(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return iso(cell)
    return "-" if cell is None else str(cell)
