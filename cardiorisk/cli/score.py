"""``cardiorisk score``: a whole file of patients at once, without the service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from cardiorisk.cli.group import CommandFailure, require_stdout
from cardiorisk.cli.reading import reading_options
from cardiorisk.config import EngineName
from cardiorisk.files.columns import Reading
from cardiorisk.files.source import STREAM
from cardiorisk.patients.patient import FIELDS
from cardiorisk.scoring.scorer import load_scorer

if TYPE_CHECKING:
    from cardiorisk.files.table import Batch

MOST_REPORTED = 20  # bad rows that are named on the terminal; the output names all of them

_file = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.command()
@click.argument("source", metavar="INPUT", type=_file)
@click.argument("target", metavar="OUTPUT", type=_file)
@click.option(
    "--engine",
    type=click.Choice(["keras", "litert"]),
    help="What runs the network; keras needs 0.8 GB where litert needs 0.2.  "
    "[default: CARDIORISK_ENGINE, else litert]",
)
@click.option(
    "--strict", is_flag=True, help="Exit with 1 where a row could not be assessed (OUTPUT is kept)."
)
@click.option("--model-columns", is_flag=True, help="Add the columns modelo and umbral.")
@reading_options
def score(
    source: Path,
    target: Path,
    engine: EngineName | None,
    strict: bool,  # noqa: FBT001 - a flag is what it is
    model_columns: bool,  # noqa: FBT001 - likewise
    reading: Reading,
) -> None:
    """Assess every row of a file of any size: CSV in whatever dialect, also in .gz, or Parquet.

    INPUT has the six fields in columns with the service's names or the course's (colesterol,
    presion, glucosa, edad, sobrepeso, tabaquismo), whatever their case, accents and blanks, in any
    order, among any others; other names are told with --column. How a CSV file is written is found
    out and said in one line. For CSV, - is standard input or output.

    OUTPUT gets all of INPUT's columns, and probabilidad, riesgo_cardiaco, advertencias and error,
    in INPUT's dialect; one of INPUT's that is called so is kept with _entrada after it. In CSV,
    what a spreadsheet would take for a formula gets an apostrophe before it. A row that cannot be
    assessed keeps its place: error says why. Where that is more than half of the rows, the command
    ends with 1. OUTPUT appears when it is finished, and replaces one that exists.

    \b
    Examples:
      cardiorisk score patients.csv scored.csv
      cardiorisk score patients.parquet scored.parquet --engine keras
      cardiorisk score clinic.csv scored.csv --units mg/dL --column colesterol=chol
      zcat patients.csv.gz | cardiorisk score - - | gzip > scored.csv.gz
    """  # noqa: D301 - click wants the backspace itself
    from cardiorisk.files.table import open_table  # noqa: PLC0415 - --help needs no pyarrow
    from cardiorisk.scoring import output  # noqa: PLC0415 - likewise

    if target == STREAM:
        require_stdout("the assessments")
    with open_table(source, FIELDS, reading) as table:
        if (refused := output.refused_target(source, table, target)) is not None:
            raise click.UsageError(refused)
        scorer = load_scorer(engine, model_columns=model_columns)
        click.echo(f"{source}: {table}", err=True)
        click.echo(f"network {scorer.version}, threshold {scorer.threshold:g}", err=True)
        with closing(output.score_table(table, target, scorer)) as steps:
            rows, bad_rows = _follow(steps, f"Scoring {source}", table.length)
    if bad_rows and (strict or bad_rows > rows / 2):
        said = f"{bad_rows:,} of {rows:,} rows could not be assessed"
        raise CommandFailure(f"{said}; OUTPUT has them all, its column error says why")


def _follow(steps: Iterator[Batch], label: str, length: int | None) -> tuple[int, int]:
    """Do the steps, show how far they have come, name the first bad rows; return both counts."""
    console = Console(stderr=True, markup=False, highlight=False)
    rows = bad_rows = 0
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(label, total=length)
        for batch in steps:
            for row in sorted(batch.faults)[: max(0, MOST_REPORTED - bad_rows)]:
                console.print(batch.told(row), soft_wrap=True)
            rows += len(batch)
            bad_rows += len(batch.faults)
            bar.update(task, completed=batch.end)
            del batch  # which would stay in memory while the next is made
    if bad_rows > MOST_REPORTED:
        click.echo(f"... and {bad_rows - MOST_REPORTED:,} more", err=True)
    counted = f"{rows:,} rows, {bad_rows:,} of them could not be assessed"
    click.echo(counted if rows else "there is a header, and no row below it", err=True)
    return rows, bad_rows
