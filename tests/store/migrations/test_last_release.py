"""Old code on new tables, as during an upgrade."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import text

from cardiorisk.errors import StoreUnavailable
from cardiorisk.store.database import Rows, open_current, open_database, open_existing, revision_of
from cardiorisk.store.migrations import revisions

ROOT = Path(__file__).parents[3]
LAST_RELEASE, ITS_REVISION = "bf0be30", "0005"


def mark(rows: Rows, revision: str) -> None:
    rows.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_revisions_that_only_add_are_used_by_older_code_and_others_are_not(url: str) -> None:
    number = int(revisions.head()[:4])
    additive, other = f"{number + 2:04}.{number:04}", f"{number + 2:04}.{number + 1:04}"
    with open_database(url) as database, database.writing() as rows:
        mark(rows, additive)
    for open_ in (open_current, open_database):
        with open_(url) as database:
            assert revision_of(database) == additive
    with open_existing(url) as database, database.writing() as rows:
        mark(rows, other)
    for open_ in (open_current, open_database):
        with pytest.raises(StoreUnavailable, match="a newer version"), open_(url):
            pass
    with open_existing(url) as database, database.writing() as rows:
        mark(rows, revisions.head())


def test_the_last_release_works_with_the_newest_tables(sqlite_url: str, tmp_path: Path) -> None:
    git = ["git", "-C", str(ROOT)]
    archive = subprocess.run(
        [*git, "archive", LAST_RELEASE, "cardiorisk"], capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"the history, with commit {LAST_RELEASE}, is not here")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(tmp_path / "old", filter="data")

    def run(*arguments: str) -> str:
        environment = os.environ | {
            "PYTHONPATH": str(tmp_path / "old"),
            "CARDIORISK_DATABASE_URL": sqlite_url,
        }
        command = [sys.executable, "-P", "-m", "cardiorisk", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with open_database(sqlite_url) as database, database.writing() as rows:
        # That release refuses whatever it does not know; later ones read what a revision adds to.
        mark(rows, ITS_REVISION)
    run("keys", "create", "--account", "ana", "--limit", "3")
    run("accounts", "plan", "ana", "premium")
    key_id = run("keys", "list").splitlines()[1].split("\t")[0]
    run("keys", "rotate", key_id, "--grace", "5")
    run("keys", "revoke", key_id)
    run("accounts", "delete", "ana", "--yes")
