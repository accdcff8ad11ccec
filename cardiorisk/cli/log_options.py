"""What the commands on the bitácora share: where it is, and moments."""

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardiorisk.bitacora.writer import LOG_FILE
from cardiorisk.config import load_settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

LARGE_LOG_BYTES = 16 * 1024 * 1024
"""From here on a progress bar is shown; it is about a second's work."""

_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _log_path(_context: click.Context, _option: click.Parameter, log_dir: Path | None) -> Path:
    return load_settings({"log_dir": log_dir}).log_dir / LOG_FILE


def read_moment(
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
    "path",
    type=click.Path(path_type=Path),
    callback=_log_path,
    help="Directory of bitacora.jsonl.  [default: CARDIORISK_LOG_DIR, else logs]",
)


def progress_bar(label: str, size_bytes: int) -> "ProgressBar[int]":
    """Make a bar on standard error, where somebody looks and it is worth one."""
    return click.progressbar(
        length=size_bytes,
        label=label,
        file=sys.stderr,
        hidden=size_bytes < LARGE_LOG_BYTES or not sys.stderr.isatty(),
    )
