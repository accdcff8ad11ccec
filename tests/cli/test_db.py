"""``cardiorisk db``."""

from __future__ import annotations

from pathlib import Path

from cardiorisk.store.migrations import revisions
from tests.cli.conftest import Call


def test_upgrade_makes_the_file_at_the_newest_revision(call: Call) -> None:
    result = call("db", "upgrade")
    assert (result.exit_code, result.stderr) == (
        0,
        f"keys.db is at revision {revisions.head()}.\n",
    )


def test_current_prints_the_revision_alone(call: Call) -> None:
    call("db", "upgrade")
    result = call("db", "current")
    assert (result.stdout, result.stderr) == (f"{revisions.head()}\n", "")


def test_current_of_an_empty_file_is_none_and_says_what_is_needed(call: Call) -> None:
    Path("keys.db").touch()
    result = call("db", "current")
    assert (result.exit_code, result.stdout) == (0, "none\n")
    assert result.stderr == f"This version of cardiorisk needs {revisions.head()}.\n"


def test_current_without_a_database_fails(call: Call) -> None:
    assert call("db", "current").exit_code == 1
