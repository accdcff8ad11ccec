"""Options and types that several commands share."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from cardiorisk.bitacora.files import list_bases
from cardiorisk.config import Settings, load_settings
from cardiorisk.identity.keys import PREFIX
from cardiorisk.identity.texts import NAME_RULE, clean_name

_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _read_settings(_context: click.Context, _option: click.Parameter, url: str | None) -> Settings:
    return load_settings({"database_url": url})


def _bases(
    _context: click.Context, _option: click.Parameter, given: tuple[Path | None, ...]
) -> list[Path]:
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


database_option = click.option(
    "--database-url",
    "settings",
    metavar="URL",
    callback=_read_settings,
    help="The database.  [default: CARDIORISK_DATABASE_URL, else sqlite:///keys.db]",
)
log_dir_option = click.option(
    "--log-dir",
    "bases",
    type=click.Path(path_type=Path),
    multiple=True,
    callback=_bases,
    help="Directory of bitacora*.jsonl; may be repeated.  [default: CARDIORISK_LOG_DIR, else logs]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")


def printable_name(value: str) -> str:
    """Check what an account or a key is called, as a registration does."""
    name = clean_name(value)
    if name is None:
        raise click.BadParameter(f"must be {NAME_RULE}")
    return name


def key_id(value: str) -> str:
    """Refuse a whole key, which is never shown again."""
    if PREFIX in value:
        raise click.BadParameter(
            "that is a key, not a KEY_ID; `cardiorisk keys list` shows the ids"
        )
    return value
