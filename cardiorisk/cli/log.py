"""``cardiorisk log``: read the bitácora, summed up, line by line, or against the training."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import click

from cardiorisk.bitacora.entry import Entry
from cardiorisk.bitacora.files import is_compressed, list_files
from cardiorisk.bitacora.reader import Line, LogReader, newest_lines
from cardiorisk.bitacora.summary import Summary
from cardiorisk.cli import log_reports as reports
from cardiorisk.cli.group import WholeNumber
from cardiorisk.cli.log_chain import checkpoint, prune, seal_key, verify
from cardiorisk.cli.log_options import log_dir_option, progress_bar, read_moment
from cardiorisk.config import load_settings
from cardiorisk.model.card import load_card
from cardiorisk.model.drift import DriftWatch

POLL_SECONDS = 0.25
"""How often ``--follow`` looks for new lines."""

_LINES_A_STEP = 5_000

_since_option = click.option(
    "--since",
    metavar="WHEN",
    callback=read_moment,
    help="Leave out what is older than an age (15m, 2h, 7d) or a time (2026-11-22T20:47, UTC).",
)
_files_argument = click.argument(
    "named",
    metavar="[FILES]...",
    nargs=-1,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")


@click.group()
def log() -> None:
    """Read the bitácora, the log of every request, and tell whether it is whole.

    \b
    Examples:
      cardiorisk log stats --since 1h
      cardiorisk log tail --follow
      cardiorisk log drift --since 7d
      cardiorisk log verify
    """  # noqa: D301 - click reads the \b


for _command in (verify, seal_key, checkpoint, prune):
    log.add_command(_command)


@log.command()
@log_dir_option
@_since_option
@_json_option
@_files_argument
def stats(*, path: Path, since: float | None, as_json: bool, named: tuple[Path, ...]) -> None:
    """Sum the bitácora up: counts, rates, times by stage.

    Rotated files are read too, compressed ones as well, as far back as --since reaches; or FILES,
    of which - is standard input. Percentiles are within 1 % of the exact ones and the largest time
    is exact; memory does not grow with the log. Refusals are the answers 401, 403, 413, 429 and
    503. Torn lines were cut off by a crash or a full disk, or are not the service's.

    \b
    Examples:
      cardiorisk log stats
      cardiorisk log stats --since 15m
      cardiorisk log stats --since 2026-11-22T20:00 --json
      ssh elsewhere zcat bitacora.jsonl.3.gz | cardiorisk log stats -
    """  # noqa: D301 - click reads the \b
    summary = Summary()
    paths = _choose(path, named, since)
    torn_lines = _read_entries(paths, since, summary.add)
    write = reports.write_stats_json if as_json else reports.write_stats
    write(_in_words(paths), summary, torn_lines)


@log.command()
@log_dir_option
@click.option(
    "-n",
    "--lines",
    type=WholeNumber(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they stand in the file.")
@_files_argument
def tail(*, path: Path, lines: int, follow: bool, as_json: bool, named: tuple[Path, ...]) -> None:
    """Show the newest lines of the bitácora.

    On a terminal as columns; into a pipe, or with --json, as the JSON lines themselves, which
    say more. Torn lines are passed over. --follow goes on when the file is rotated away.

    \b
    Examples:
      cardiorisk log tail -n 50
      cardiorisk log tail --follow
      cardiorisk log tail --follow | jq 'select(.status >= 500)'
    """  # noqa: D301 - click reads the \b
    if follow and named:
        raise click.UsageError("--follow is for the log itself, not for FILES")
    is_raw = as_json or sys.stdout is None or not sys.stdout.isatty()
    *older, newest = _choose(path, named, None)
    with LogReader(newest, may_be_pipe=bool(named)) as reader:
        last: Iterable[Line]
        if is_compressed(newest) or not reader.seekable:
            last = deque(reader.lines(), lines)
            missing = lines - len(last)
        else:
            missing = lines - reader.go_to_newest(lines)
            pause = partial(time.sleep, POLL_SECONDS)
            last = reader.follow(pause) if follow else reader.lines()
        if not is_raw:
            click.echo(reports.header())
        try:
            for line in chain(newest_lines(older, missing), last):
                click.echo(line.text if is_raw else reports.columns(line.entry), nl=not is_raw)
        except KeyboardInterrupt:
            return
        if reader.torn_lines:
            click.echo(f"{reader.torn_lines} torn line(s) passed over", err=True)


@log.command()
@log_dir_option
@_since_option
@_json_option
@_files_argument
def drift(*, path: Path, since: float | None, as_json: bool, named: tuple[Path, ...]) -> None:
    """Compare recent answers with what the network was trained on.

    For the probability and, where the log has them (CARDIORISK_LOG_INPUTS=1), for each of the six
    fields: the population stability index (PSI) over the training's bins. Below 0.1 it is called
    stable, from 0.1 noticeable, from 0.25 large: custom, not theory. Under 200 rows chance alone
    reaches 0.1, and nothing is said.

    Only answers of the network in CARDIORISK_MODEL_DIR are counted. Drift is no failure: the
    command ends with 0 whatever it finds.

    \b
    Examples:
      cardiorisk log drift --since 7d
      cardiorisk log drift --json | jq '.fields[] | select(.psi > 0.25)'
    """  # noqa: D301 - click reads the \b
    card = load_card(load_settings().model_dir)
    watch = DriftWatch(card)
    paths = _choose(path, named, since)
    torn_lines = _read_entries(
        paths, since, lambda entry: watch.add(entry.probabilidad, entry.modelo, entry.inputs)
    )
    write = reports.write_drift_json if as_json else reports.write_drift
    write(_in_words(paths), card, watch, torn_lines)


def _choose(path: Path, named: tuple[Path, ...], since: float | None) -> list[Path]:
    """Return the files to be read, the oldest first: those named, else the log's as far back."""
    files = [file for file in list_files(path) if file.has_lines]
    if named or not files:
        return list(named) or [path]
    if since is None:
        return [file.path for file in files]
    reaching = [number for number, file in enumerate(files) if file.first_seconds <= since]
    if not reaching and not files[0].is_first:
        click.echo(f"{path} goes back to {files[0].first_ts}; what was before is gone", err=True)
    return [file.path for file in files[max(reaching, default=0) :]]


def _in_words(paths: Sequence[Path]) -> str:
    return f"{paths[-1]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def _read_entries(paths: Sequence[Path], since: float | None, take: Callable[[Entry], None]) -> int:
    """Hand over every entry from ``since`` on, oldest first, and return how many lines are torn."""
    torn_lines = 0
    size_bytes = sum(path.stat().st_size for path in paths if path.exists())
    with progress_bar(f"Reading {_in_words(paths)}", size_bytes) as bar:
        for path in paths:
            with LogReader(path, may_be_pipe=True) as reader:
                shown_bytes = 0
                for number, line in enumerate(reader.lines()):
                    if since is None or line.entry.ts_seconds >= since:
                        take(line.entry)
                    if number % _LINES_A_STEP == 0 and not is_compressed(path):
                        bar.update(reader.position_bytes - shown_bytes)
                        shown_bytes = reader.position_bytes
                bar.update(reader.size_bytes() - shown_bytes)
                torn_lines += reader.torn_lines
    return torn_lines
