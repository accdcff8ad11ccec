"""``cardiorisk log``: read the bitácora, summed up, line by line, or against the training."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path

import click

from cardiorisk.bitacora.entry import Entry, timestamp
from cardiorisk.bitacora.files import is_compressed, list_files
from cardiorisk.bitacora.reader import Line, LogReader, find_newest
from cardiorisk.bitacora.summary import Summary
from cardiorisk.cli import log_reports as reports
from cardiorisk.cli.group import WholeNumber, examples
from cardiorisk.cli.log_chain import checkpoint, prune, seal_key, verify
from cardiorisk.cli.options import json_option, log_dir_option, read_moment
from cardiorisk.config import load_settings
from cardiorisk.model.card import load_card
from cardiorisk.model.drift import DriftWatch

_POLL_SECONDS = 0.25
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


@click.group()
def log() -> None:
    """Read the bitácora, the log of every request, and tell whether it is whole.

    Each process's is read, with its rotated and compressed files, or FILES, of which - is standard
    input.
    """


for _command in (verify, seal_key, checkpoint, prune):
    log.add_command(_command)


@log.command(
    epilog=examples(
        "cardiorisk log stats --since 2026-11-22T20:00 --json",
        "ssh elsewhere zcat bitacora.jsonl.3.gz | cardiorisk log stats -",
    )
)
@log_dir_option
@_since_option
@json_option
@_files_argument
def stats(
    *, bases: list[Path], since: float | None, as_json: bool, named: tuple[Path, ...]
) -> None:
    """Sum the bitácora up: counts, rates, times by stage.

    It is read as far back as --since reaches. Percentiles are within 1 % of the exact ones, and the
    largest time is exact. Refusals are the answers 401, 403, 413, 429 and 503. Torn lines were cut
    off by a crash or a full disk, or are not the service's.
    """
    summary = Summary()
    read, torn_lines = _read_entries(bases, named, since, summary.add)
    write = reports.write_stats_json if as_json else reports.write_stats
    write(read, summary, torn_lines)


@log.command(epilog=examples("cardiorisk log tail --follow | jq 'select(.status >= 500)'"))
@log_dir_option
@click.option("-n", "--lines", type=WholeNumber(min=0), default=20, show_default=True, metavar="N")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@json_option
@_files_argument
def tail(
    *, bases: list[Path], lines: int, follow: bool, as_json: bool, named: tuple[Path, ...]
) -> None:
    """Show the newest lines of the bitácora.

    On a terminal as columns; into a pipe, or with --json, as the lines stand in the file, which
    say more. Torn lines are passed over. --follow goes on when the file is rotated away.
    """
    if follow and named:
        raise click.UsageError("--follow is for the log itself, not for FILES")
    is_raw = as_json or sys.stdout is None or not sys.stdout.isatty()
    groups = [named] if named else [_files(base) for base in bases]

    def show(shown: Iterable[Line]) -> None:
        for line in shown:
            click.echo(line.text if is_raw else reports.columns(line.entry), nl=not is_raw)

    with ExitStack() as opened, suppress(KeyboardInterrupt):
        found: list[Line] = []
        readers = []
        for *older, newest in groups:
            reader = opened.enter_context(LogReader(newest, may_be_pipe=bool(named)))
            found += _newest_lines(reader, older, lines)
            readers.append(reader)
        if len(groups) > 1:
            found.sort(key=lambda line: line.entry.ts_seconds)
        if not is_raw:
            click.echo(reports.header())
        show(found[max(0, len(found) - lines) :])
        while follow:
            show(chain.from_iterable(reader.grown() for reader in readers))
            time.sleep(_POLL_SECONDS)
        if torn_lines := sum(reader.torn_lines for reader in readers):
            click.echo(f"{torn_lines} torn line(s) passed over", err=True)


@log.command(epilog=examples("cardiorisk log drift --since 7d"))
@log_dir_option
@_since_option
@json_option
@_files_argument
def drift(
    *, bases: list[Path], since: float | None, as_json: bool, named: tuple[Path, ...]
) -> None:
    """Compare recent answers with what the network was trained on.

    For the probability and, where the log has them (CARDIORISK_LOG_INPUTS=1), for each of the six
    fields: the population stability index (PSI) over the training's bins. Only answers of the
    network in CARDIORISK_MODEL_DIR are counted. Drift is no failure: the command ends with 0.
    """
    card = load_card(load_settings().model_dir)
    watch = DriftWatch(card)
    read, torn_lines = _read_entries(
        bases, named, since, lambda one: watch.add(one.probabilidad, one.modelo, one.inputs)
    )
    write = reports.write_drift_json if as_json else reports.write_drift
    write(read, card, watch, torn_lines)


def _files(base: Path, since: float | None = None) -> list[Path]:
    """Return a bitácora's files as far back as is wanted, the oldest first."""
    files = [file for file in list_files(base) if file.has_lines]
    begin = "" if since is None else timestamp(max(0, since))
    reaching = [number for number, file in enumerate(files) if file.first_ts <= begin]
    if since is not None and files and not reaching and not files[0].is_first:
        click.echo(f"{base} goes back to {files[0].first_ts}; what was before is gone", err=True)
    return [file.path for file in files[max(reaching, default=0) :]] or [base]


def _newest_lines(reader: LogReader, older: Iterable[Path], count: int) -> list[Line]:
    """Return the newest lines of an open file and, where it has fewer, of others before it."""
    if reader.is_plain:
        reader.go_to_newest(count)
    found = list(deque(reader.lines(), count))
    if missing := count - len(found):
        before = find_newest(reversed(list(older)), lambda _entry: True, missing, sys.maxsize)
        found = [*reversed(before.lines), *found]
    return found


def _read_entries(
    bases: list[Path],
    named: Sequence[Path],
    since: float | None,
    take: Callable[[Entry], None],
) -> tuple[str, int]:
    """Hand over every entry from ``since`` on; return what was read, and how many are torn."""
    paths = named or [path for base in bases for path in _files(base, since)]
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    read, torn_lines = f"{paths[-1]}{others}", 0
    with reports.progress_bar(f"Reading {read}", paths) as bar:
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
    return read, torn_lines
