"""Databases and logs of a given size, filled through the service's own tables and entries.

Only some keys' texts are kept, to ask with. The others are random digests, which is all that a
database ever sees of a key.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert

from cardiorisk.bitacora.entry import Entry
from cardiorisk.bitacora.writer import LOG_FILE
from cardiorisk.identity.keys import digest, new_key, new_key_id, visible_prefix
from cardiorisk.store.database import Database
from cardiorisk.store.tables import Account, ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

MOST_ASKED = 20_000
"""Keys whose text is kept: more than the memo holds, so that no pass over them stays in it."""
_ROWS_A_STATEMENT = 20_000
_LINES_A_WRITE = 10_000


def database_url(room: Path, keys: int) -> str:
    """Return where the database with this many keys is."""
    return f"sqlite:///{room / f'keys-{keys}.db'}"


def fill_database(room: Path, keys: int) -> None:
    """Make a database with this many accounts of one key each, in one transaction."""
    asked = [new_key() for _ in range(min(keys, MOST_ASKED))]
    database = Database.open(database_url(room, keys))
    with database.writing() as connection:
        for first in range(1, keys + 1, _ROWS_A_STATEMENT):
            numbers = range(first, min(first + _ROWS_A_STATEMENT, keys + 1))
            connection.execute(insert(Account), [_account(number) for number in numbers])
            api_keys = [_api_key(number, asked, keys) for number in numbers]
            connection.execute(insert(ApiKey), api_keys)
    database.close()
    _keys_file(room, keys).write_text("\n".join(asked))


def asked_keys(room: Path, keys: int) -> list[str]:
    """Return the keys of this database that can be asked for, in no order."""
    return _keys_file(room, keys).read_text().split()


def log_directory(room: Path, lines: int) -> Path:
    """Return where the log with this many lines is."""
    return room / f"log-{lines}"


def fill_log(room: Path, lines: int) -> None:
    """Write a bitácora of this many lines."""
    directory = log_directory(room, lines)
    directory.mkdir()
    with (directory / LOG_FILE).open("wb") as file:
        for first in range(0, lines, _LINES_A_WRITE):
            last = min(first + _LINES_A_WRITE, lines)
            file.write(b"".join(_lines(first, last)))


def entry(number: int = 0) -> Entry:
    """Return what is kept of a request that was assessed; numbers a millisecond apart."""
    return Entry(
        ts_seconds=1_790_000_000 + number / 1000,
        request_id=f"{number:032x}",
        method="POST",
        route="/service",
        status=200,
        ip="127.0.0.1",
        timings_ms={
            "auth": 0.012,
            "limit": 0.005,
            "validate": 0.03,
            "predict": 0.1 + number % 97 / 1000,
            "total": 0.2 + number % 89 / 1000,
        },
        key_id="key_0123456789ab",
        plan="freemium",
        riesgo_cardiaco=True,
        probabilidad=0.973121,
        modelo="14-7-1-7c7cfe6f",
    )


def _lines(first: int, last: int) -> Iterator[bytes]:
    return (entry(number).line() for number in range(first, last))


def _keys_file(room: Path, keys: int) -> Path:
    return room / f"keys-{keys}.txt"


def _account(number: int) -> dict[str, Any]:
    name = f"account-{number:07}"
    return {
        "id": number,
        "name": name,
        "folded_name": name,
        "plan": "freemium",
        "is_operator": False,
        "created_at": datetime.now(UTC),
    }


def _api_key(number: int, asked: list[str], keys: int) -> dict[str, Any]:
    """Make a key's row; the keys that can be asked for are spread evenly over all of them."""
    place, rest = divmod(number - 1, keys // len(asked))
    key = asked[place] if rest == 0 and place < len(asked) else None
    return {
        "id": new_key_id(),
        "account_id": number,
        "digest": secrets.token_bytes(32) if key is None else digest(key),
        "prefix": "crk_000000" if key is None else visible_prefix(key),
        "created_at": datetime.now(UTC),
    }
