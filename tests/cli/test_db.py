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


def test_backup_makes_a_copy_once_and_says_what_it_holds(call: Call) -> None:
    call("keys", "create", "--account", "ana")
    made = call("db", "backup", "copy.db")
    assert (made.exit_code, made.stdout) == (0, "")
    assert made.stderr.startswith(f"copy.db holds keys.db at revision {revisions.head()}: ")
    again = call("db", "backup", "copy.db")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "name another file" in again.stderr
    listed = call("accounts", "list", "--database-url", "sqlite:///copy.db")
    assert "ana" in listed.stdout


def test_backup_of_a_database_without_tables_is_refused(call: Call) -> None:
    Path("keys.db").touch()
    assert "there is nothing to copy" in call("db", "backup", "copy.db").stderr


def test_copy_moves_a_database_and_tells_what_there_is(call: Call) -> None:
    call("keys", "create", "--account", "ana")
    moved = call("db", "copy", "sqlite:///keys.db", "sqlite:///new.db")
    assert (moved.exit_code, moved.stderr) == (
        0,
        "new.db holds what keys.db does: account 1, api_key 1.\n",
    )
    again = call("db", "copy", "sqlite:///keys.db", "sqlite:///new.db")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "name an empty database" in again.stderr


def test_backup_of_postgresql_is_pg_dump_s(call: Call) -> None:
    url = "postgresql+psycopg://ana:s3cret@127.0.0.1:1/x"
    told = call("db", "backup", "copy.db", "--database-url", url)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "pg_dump" in told.stderr
    away = call("accounts", "list", "--database-url", url)
    assert (away.exit_code, away.stderr.count("\n")) == (1, 1)
    assert "s3cret" not in away.stderr
