"""``cardiorisk score``: a whole file of patients at once, without the service."""

from __future__ import annotations

import signal
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.progress import Progress as Bar

from cardiorisk.cli.group import require_stdout
from cardiorisk.config import load_settings
from cardiorisk.model.engines import load_artefact
from cardiorisk.scoring.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cardiorisk.config import EngineName
    from cardiorisk.scoring.scorer import Progress

MOST_REPORTED = 20
"""Bad rows that are named on the terminal; the output names all of them."""

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

_file = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.command()
@click.argument("source", metavar="INPUT", type=_file)
@click.argument("target", metavar="OUTPUT", type=_file)
@click.option(
    "--engine",
    type=click.Choice(["keras", "litert"]),
    help="What runs the network; keras needs 774 MB where litert needs 190.  "
    "[default: CARDIORISK_ENGINE, else litert]",
)
def score(source: Path, target: Path, engine: EngineName | None) -> None:
    """Assess every row of a file, CSV or (by the names .parquet and .pq) Parquet.

    INPUT has the six fields in columns with the service's names or the course's (colesterol,
    presion, glucosa, edad, sobrepeso, tabaquismo), in any order, among any others. OUTPUT gets all
    of INPUT's columns, and probabilidad, riesgo_cardiaco and error. A row that cannot be assessed
    is kept: error says which field and why, and the first 20 are named on standard error. In CSV a
    cell that a spreadsheet would take for a formula stands after an apostrophe. A column
    of INPUT that has one of those three names is kept with _entrada after it.

    Without --engine, and where no setting says which, litert runs the network: it starts in a
    second, needs no TensorFlow, and its probabilities agree with keras' to within 0.0001.

    The file is read in pieces: memory does not grow with it. OUTPUT appears when it is finished;
    one that exists is replaced, and keeps its permissions. For CSV, - is standard input or output.

    A quotation mark that is never closed takes in all the rows after it. In a large file that ends
    the command with 1, and no OUTPUT is written; the message names the line on which the row
    starts. It is one of the lines with an odd number of quotation marks, which are listed by

    \b
      awk -F'"' 'NF && NF % 2 == 0 { print FNR }' patients.csv

    \b
    Examples:
      cardiorisk score patients.csv scored.csv
      cardiorisk score patients.parquet scored.parquet --engine keras
      zcat patients.csv.gz | cardiorisk score - - | gzip > scored.csv.gz
    """  # noqa: D301 - click wants the backspace itself
    from cardiorisk.scoring import files  # noqa: PLC0415 - --help needs neither pandas nor pyarrow

    if files.is_parquet(source) != files.is_parquet(target):
        raise click.UsageError("INPUT and OUTPUT must both be CSV or both be Parquet")
    if files.is_same_file(source, target):
        raise click.UsageError("OUTPUT must not be the INPUT")
    if target == files.STREAM:
        require_stdout("the assessments")
    length = files.length_of(source)
    settings = load_settings({"engine": engine})
    # Nothing is served here, so the default is the engine that needs no TensorFlow.
    chosen = settings.engine if "engine" in settings.model_fields_set else "litert"
    scorer = Scorer(load_artefact(settings.model_dir, chosen))
    with _ended_by_signals(), closing(files.score_file(source, target, scorer)) as steps:
        _follow(steps, f"Scoring {source}", length)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let the signals that end a process end it tidily: no unfinished output is left behind."""
    # Who starts the command under nohup wants hang-ups ignored.
    numbers = [number for number in _ENDING_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)  # a second one must not end the tidying
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(steps: Iterator[Progress], label: str, length: int | None) -> None:
    """Do the steps, show how far they have come, and name the first bad rows."""
    console = Console(stderr=True, markup=False, highlight=False)
    rows = bad_rows = outside_training = 0
    with Bar(console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(label, total=length)
        for step in steps:
            for bad_row in step.bad_rows[: max(0, MOST_REPORTED - bad_rows)]:
                console.print(f"line {bad_row.line}: {bad_row.reason}", soft_wrap=True)
            rows += step.rows
            bad_rows += len(step.bad_rows)
            outside_training += step.outside_training
            bar.advance(task, step.length)
    if bad_rows > MOST_REPORTED:
        click.echo(f"... and {bad_rows - MOST_REPORTED:,} more", err=True)
    click.echo(f"{rows:,} rows, {bad_rows:,} of them could not be assessed", err=True)
    if outside_training:
        click.echo(
            f"{outside_training:,} row(s) lie outside what training saw; "
            "GET /model or docs/model/card.md give the ranges",
            err=True,
        )
