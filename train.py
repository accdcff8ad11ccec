"""Trains the network and writes what the service loads: ``python train.py --help``.

Thin on purpose: the work is done in ``cardiorisk.training``. TensorFlow is imported only once the
data are known to be good, so a bad file is refused at once.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cardiorisk.cli.group import Program, WholeNumber
from cardiorisk.cli.reading import reading_options
from cardiorisk.cli.streams import tell_only
from cardiorisk.model.card import CARD_FILE, LARGEST_SEED
from cardiorisk.training.recipe import Recipe

if TYPE_CHECKING:
    from cardiorisk.files.columns import Reading
    from cardiorisk.training.data import Cohort, Split
    from cardiorisk.training.network import Epoch, Trained

DEFAULT = Recipe()
PROJECT = Path(__file__).resolve().parent
DEFAULT_OUTPUT = PROJECT / "cardiorisk" / "artefact"
DEFAULT_REPORT = PROJECT / "docs" / "model"

QUIET_TENSORFLOW = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Off, TensorFlow has nothing to announce at start, and adds in the same order everywhere.
    "TF_ENABLE_ONEDNN_OPTS": "0",
}

EPILOG = """\b
Examples:
  python train.py
  python train.py --data patients.csv --output my_model
  python train.py --data clinic.csv --output my_model --units mg/dL --column colesterol=chol
  CARDIORISK_MODEL_DIR=my_model cardiorisk serve

The file needs a header and the columns colesterol, presion, glucosa, edad, sobrepeso, tabaquismo
and riesgo_cardiaco (0 or 1); any other column, such as a row number, is ignored. CSV is read in
whatever dialect, also in .gz. The same rows and the same seed give the same network on the same
machine.
"""


@click.command("train.py", cls=Program, epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Patients to learn from, as CSV or Parquet; without it, 5,000 like the course's are drawn "
    "by the seed.",
)
@click.option(
    "--skip-bad-rows",
    is_flag=True,
    help="Leave rows out that cannot be read, and tell how many and why; else they stop it.",
)
@reading_options
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the network's two files and their card go.  [default: cardiorisk/artefact]",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the evaluation and the model card, in Spanish and in English, and the plots go.  "
    "[default: DIR of --output, else docs/model]",
)
@click.option(
    "--epochs",
    type=WholeNumber(1, 100_000),
    metavar="N",
    default=DEFAULT.epochs,
    show_default=True,
    help="Passes over the training rows.",
)
@click.option(
    "--seed",
    type=WholeNumber(0, LARGEST_SEED),
    metavar="N",
    default=DEFAULT.seed,
    show_default=True,
    help="Seed of the made data, the 80/20 split and the first weights.",
)
def main(
    data: Path | None,
    output: Path | None,
    report: Path | None,
    epochs: int,
    seed: int,
    *,
    skip_bad_rows: bool,
    reading: Reading,
) -> None:
    """Train the 14-7-1 network, measure the saved files, and write them with their report.

    An existing network is replaced only by one that was saved and measured in full.
    """
    os.environ.update(QUIET_TENSORFLOW)
    tell_only("stdout", waits=True)  # what the training makes are files
    report = report or output or DEFAULT_REPORT
    output = output or DEFAULT_OUTPUT
    # Scikit-learn and pyarrow take a second to import, which --help need not wait for.
    from cardiorisk.training.data import make_cohort, read_cohort

    if data is None:
        cohort = make_cohort(seed)
    else:
        tell = partial(click.echo, err=True)
        cohort = read_cohort(data, reading, skip_bad_rows=skip_bad_rows, tell=tell)
    run(cohort, data, output, report, Recipe(seed=seed, epochs=epochs))


def run(cohort: Cohort, data: Path | None, output: Path, report: Path, recipe: Recipe) -> None:
    """Do the whole training and print what happened."""
    from cardiorisk.training.data import split_cohort

    split = split_cohort(cohort, recipe.seed)
    for directory in (output, report):
        directory.mkdir(parents=True, exist_ok=True)
    click.echo(describe_rows(split, data))

    # TensorFlow takes several, and half a gigabyte. Of each population it warns that it is new.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from cardiorisk.training.export import write_artefact
    from cardiorisk.training.report import Measured, render, write_report

    started = time.monotonic()
    trained = train_with_progress(split, recipe)
    click.echo(f"Trained {recipe.epochs} epochs in {time.monotonic() - started:.0f} s.")
    card, evaluation = write_artefact(trained, recipe, output)
    measured = Measured(card, trained.split, evaluation, trained.epochs)
    written = write_report(measured, report)

    trained.network.summary(line_length=78, print_fn=click.echo)
    click.echo(render("summary.en.txt", measured), nl=False)
    files = [output / name for name in (*card.files, CARD_FILE)]
    for heading, paths in ((f"Network {card.version}:", files), ("Report:", written)):
        click.echo("\n  ".join([heading, *(str(shown(path)) for path in paths)]))


def train_with_progress(split: Split, recipe: Recipe) -> Trained:
    """Train while a bar on standard error shows the leading candidate's figures."""
    from cardiorisk.training.network import train

    bar = Progress(
        TextColumn("Training"),
        BarColumn(),
        TextColumn("epoch {task.completed}/{task.total}"),
        TextColumn("accuracy {task.fields[accuracy]:.4f}  loss {task.fields[loss]:.2e}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("training", total=recipe.epochs, accuracy=0.0, loss=1.0)

        def show(epoch: Epoch) -> None:
            accuracy, loss = epoch.training_accuracy, epoch.training_loss
            bar.update(task, completed=epoch.number, accuracy=accuracy, loss=loss)

        return train(split, recipe, show)


def describe_rows(split: Split, data: Path | None) -> str:
    """Say where the rows come from and how they were divided."""
    copies = ""
    if split.cohort.copies:
        copies = (
            f"\nRows that repeat another's six values: {split.cohort.copies:,}. Nobody who is "
            f"measured was learnt from; left out for that: {split.left_out:,}."
        )
    origin = "made from the seed" if data is None else f"read from {data}"
    return (
        f"{len(split.cohort):,} patients {origin}, {split.cohort.at_risk.mean():.1%} at risk: "
        f"{len(split.training):,} to learn from, {len(split.validation):,} to choose by, "
        f"{len(split.held_out):,} held out.{copies}"
    )


def shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main()
