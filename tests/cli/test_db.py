"""``cardiorisk db``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cardiorisk.store.migrations import revisions

if TYPE_CHECKING:
    from tests.cli.conftest import Call


def test_upgrade_makes_the_file_at_the_newest_revision(call: Call) -> None:
    result = call("db", "upgrade")
    assert (result.exit_code, result.stderr) == (
        0,
        f"keys.db is at revision {revisions.head()}.\n",
    )


def test_upgrade_again_changes_nothing(call: Call) -> None:
    call("db", "upgrade")
    before = Path("keys.db").read_bytes()
    assert call("db", "upgrade").exit_code == 0
    assert Path("keys.db").read_bytes() == before


def test_upgrade_refuses_a_newer_database_in_one_line(call: Call) -> None:
    call("db", "upgrade")
    _set_revision("9999")
    result = call("db", "upgrade")
    assert result.exit_code == 1
    assert result.stderr.startswith("cardiorisk: keys.db was made by a newer version")
    assert result.stderr.count("\n") == 1


def test_current_prints_the_revision_alone(call: Call) -> None:
    call("db", "upgrade")
    result = call("db", "current")
    assert (result.stdout, result.stderr) == (f"{revisions.head()}\n", "")


def test_current_of_an_empty_file_is_none_and_says_what_is_needed(call: Call) -> None:
    Path("keys.db").touch()
    result = call("db", "current")
    assert (result.exit_code, result.stdout) == (0, "none\n")
    assert result.stderr == f"This version of cardiorisk needs {revisions.head()}.\n"


def test_current_of_a_newer_database_is_told(call: Call) -> None:
    call("db", "upgrade")
    _set_revision("9999")
    assert call("db", "current").stdout == "9999\n"


def test_current_without_a_database_fails(call: Call) -> None:
    assert call("db", "current").exit_code == 1


def _set_revision(revision: str) -> None:
    with closing(sqlite3.connect("keys.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
