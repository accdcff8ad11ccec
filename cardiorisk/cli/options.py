"""What the commands on accounts and keys share: options, types, and how a list is shown."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cardiorisk.config import load_settings
from cardiorisk.identity.keys import PREFIX
from cardiorisk.identity.texts import NAME_RULE, clean_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from cardiorisk.config import Settings

    Cell: TypeAlias = str | int | datetime | None


def _read_settings(_context: click.Context, _option: click.Parameter, url: str | None) -> Settings:
    return load_settings({"database_url": url})


database_option = click.option(
    "--database-url",
    "settings",
    metavar="URL",
    callback=_read_settings,
    help="The database.  [default: CARDIORISK_DATABASE_URL, else sqlite:///keys.db]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Write a JSON array.")


def printable_name(value: str) -> str:
    """Check what an account or a key is called, as a registration does."""
    name = clean_name(value)
    if name is None:
        raise click.BadParameter(f"must be {NAME_RULE}")
    return name


def key_id(value: str) -> str:
    """Check a key's name in ``keys list``. A whole key is refused, and never shown again."""
    if PREFIX in value:
        raise click.BadParameter(
            "that is a key, not a KEY_ID; `cardiorisk keys list` shows the ids"
        )
    return value


def show(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, as_json: bool) -> None:
    """Write rows as JSON, in full with tabs between, or on a terminal as a table that fits it."""
    if as_json:
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(objects, indent=2, ensure_ascii=False, default=iso))
    elif sys.stdout is not None and sys.stdout.isatty():
        _show_table(columns, rows)
    else:
        lines = [columns, *([_in_full(cell) for cell in row] for row in rows)]
        click.echo("\n".join("\t".join(line) for line in lines))


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
    table = Table(box=None, header_style="bold", pad_edge=False)
    shown = [n for n in range(len(columns)) if not rows or any(row[n] is not None for row in rows)]
    for number in shown:
        table.add_column(columns[number].replace("_", " "), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(_in_short(row[number])) for number in shown))
    Console().print(table)
