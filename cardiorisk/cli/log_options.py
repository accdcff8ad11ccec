"""What the commands on the bitácora have in common: which log, from when on, and reading it."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardiorisk.bitacora.reader import LogReader
from cardiorisk.bitacora.writer import LOG_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cardiorisk.bitacora.entry import Entry

LARGE_LOG_BYTES = 16 * 1024 * 1024
"""From here on a progress bar is shown; it is about a second's work."""

_LINES_A_STEP = 5_000
_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _read_moment(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> float | None:
    """Return the seconds since the epoch of an ISO time (UTC unless it says so) or of an age."""
    if text is None:
        return None
    if age := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
        return time.time() - int(age[1]) * _SECONDS_BY_UNIT[age[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is neither a time (2026-11-22T20:47) nor an age (15m, 2h, 7d)"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


log_dir_option = click.option(
    "--log-dir",
    type=click.Path(path_type=Path),
    help="Directory of bitacora.jsonl.  [default: CARDIORISK_LOG_DIR, else logs]",
)

since_option = click.option(
    "--since",
    metavar="WHEN",
    callback=_read_moment,
    help="Leave out what is older than an age (15m, 2h, 7d) or a time (2026-11-22T20:47, UTC).",
)


def log_path(log_dir: Path | None) -> Path:
    """Return where the log is, by the option or else by the settings."""
    from cardiorisk.config import load_settings  # noqa: PLC0415 - keeps --help quick

    return load_settings({"log_dir": log_dir}).log_dir / LOG_FILE


def read_entries(path: Path, since: float | None, take: Callable[[Entry], None]) -> int:
    """Hand over every entry from ``since`` on, oldest first, and return how many lines are torn.

    Raises:
        LogUnavailable: there is no log, or it cannot be read.
    """
    with LogReader(path) as reader:
        size_bytes = reader.size_bytes()
        bar = click.progressbar(
            length=size_bytes,
            label=f"Reading {path}",
            file=sys.stderr,
            hidden=size_bytes < LARGE_LOG_BYTES or not sys.stderr.isatty(),
        )
        with bar:
            shown_bytes = 0
            for number, line in enumerate(reader.lines()):
                if since is None or line.entry.ts_seconds >= since:
                    take(line.entry)
                if number % _LINES_A_STEP == 0:
                    bar.update(reader.position_bytes - shown_bytes)
                    shown_bytes = reader.position_bytes
            bar.update(size_bytes - shown_bytes)
        return reader.torn_lines
