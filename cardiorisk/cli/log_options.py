"""What the commands on the bitácora share: which ones are read, moments, and how far it is."""

import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cardiorisk.bitacora.files import list_bases
from cardiorisk.config import load_settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

LARGE_LOG_BYTES = 16 * 1024 * 1024
"""From here on a progress bar is shown; it is about a second's work."""
_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _bases(
    _context: click.Context, _option: click.Parameter, given: tuple[Path | None, ...]
) -> list[Path]:
    """List the bitácoras in each directory; where there is none, the one that would be."""
    directories = [load_settings({"log_dir": one}).log_dir for one in given or (None,)]
    return [base for directory in directories for base in list_bases(directory)]


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
    "bases",
    type=click.Path(path_type=Path),
    multiple=True,
    callback=_bases,
    help="Directory of bitacora*.jsonl; may be repeated.  [default: CARDIORISK_LOG_DIR, else logs]",
)


def progress_bar(doing: str, paths: Iterable[Path]) -> "ProgressBar[int]":
    """Make a bar on standard error, where somebody looks and it is worth one."""
    size_bytes = sum(path.stat().st_size for path in paths if path.exists())
    return click.progressbar(
        length=size_bytes,
        label=doing,
        file=sys.stderr,
        hidden=size_bytes < LARGE_LOG_BYTES or not sys.stderr.isatty(),
    )
