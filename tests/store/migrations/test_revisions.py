"""The way from nothing to the tables, and what happens to a database from elsewhere."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cardiorisk.errors import StoreUnavailable
from cardiorisk.identity.keys import Principal
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import Database, open_current, open_database, revision_of
from cardiorisk.store.migrations import revisions
from cardiorisk.store.sqlite import SqliteDatabase
from cardiorisk.store.tables import Base

NEWEST = revisions.head()
NEXT = f"{int(NEWEST[:4]) + 1:04}.{NEWEST[:4]}"  # as one that only adds is named


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def add_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give this version of the service one more revision, NEXT, with the given statements."""
    scripts = tmp_path / "a 100% new version"
    shutil.copytree(revisions.SCRIPTS, scripts)

    def add(statements: str) -> None:
        (scripts / "versions" / f"{NEXT}_more.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f'revision = "{NEXT}"\ndown_revision = "{NEWEST}"\n'
            f"def upgrade():\n    {statements}\n"
        )
        monkeypatch.setattr(revisions, "SCRIPTS", scripts)

    return add


def _declarations(path: Path) -> dict[str, str]:
    """Return each table's and index's SQL without blanks, and quotes that a renaming leaves."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version'"
        ).fetchall()
    return {name: re.sub(r'[\s"]+', "", sql) for name, sql in rows if sql is not None}


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _upgrade(url: str) -> None:
    with open_database(url):
        pass


def _make_ana(url: str) -> None:
    with open_database(url) as database, database.writing() as rows:
        ana = rows_accounts.find_or_create(rows, "ana", None, datetime.now(UTC))
        rows_keys.create(rows, ana, datetime.now(UTC))


# The revisions themselves


def test_the_revisions_are_a_line_in_the_order_of_their_numbers() -> None:
    config = Config()
    config.set_main_option("script_location", str(revisions.SCRIPTS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert walked[::-1] == revisions.known()
    assert walked[0] == revisions.head()


def test_the_revisions_make_what_is_declared_to_the_letter(
    url: str, path: Path, tmp_path: Path
) -> None:
    _upgrade(url)
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    Base.metadata.create_all(engine)
    engine.dispose()
    assert _declarations(path) == _declarations(declared)


# From nothing, and again


def test_an_empty_file_is_at_no_revision(path: Path) -> None:
    path.touch()
    with closing(SqliteDatabase(path, 5.0)) as database:
        assert revision_of(database) is None


def test_an_upgrade_of_what_is_up_to_date_writes_nothing(url: str) -> None:
    with open_database(url) as database:
        before, _ = database.changes_since(None)
        _upgrade(url)
        assert database.changes_since(before) == (before, set())


def test_an_upgrade_that_another_process_has_just_made_is_not_made_twice(
    url: str, path: Path
) -> None:
    with open_database(url) as database, database.writing() as rows:
        revisions.upgrade(rows)
    assert _revision(path) == revisions.head()


# From one revision to the next


def test_a_revision_that_rebuilds_a_table_keeps_what_points_at_it_and_foreign_keys(
    url: str, path: Path, add_revision: Callable[[str], None]
) -> None:
    _make_ana(url)
    add_revision(
        'with op.batch_alter_table("account", recreate="always") as table:\n'
        '        table.add_column(sa.Column("colour", sa.String(), nullable=True))'
    )
    with open_database(url) as database, database.reading() as rows:
        assert len(rows_keys.list_keys(rows)) == 1
        assert rows.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    assert _revision(path) == NEXT


def test_one_that_only_adds_is_applied_once_and_used_by_older_code_too(
    url: str, path: Path, add_revision: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    older = revisions.SCRIPTS
    _upgrade(url)
    add_revision('op.add_column("account", sa.Column("colour", sa.String(), nullable=True))')
    _upgrade(url)
    _upgrade(url)
    monkeypatch.setattr(revisions, "SCRIPTS", older)
    _make_ana(url)
    assert _revision(path) == NEXT


def test_a_revision_that_would_leave_loose_rows_is_not_applied(
    url: str, path: Path, add_revision: Callable[[str], None]
) -> None:
    _make_ana(url)
    add_revision('op.execute("DELETE FROM account")')
    with pytest.raises(StoreUnavailable, match="loose rows"):
        _upgrade(url)
    assert _revision(path) == NEWEST


def test_a_revision_that_fails_half_way_leaves_nothing(
    url: str, path: Path, add_revision: Callable[[str], None]
) -> None:
    _upgrade(url)
    before = _declarations(path)
    add_revision('op.create_table("half", sa.Column("a", sa.Integer())); op.execute("no SQL")')
    with pytest.raises(StoreUnavailable, match="syntax error"):
        _upgrade(url)
    assert _declarations(path) == before


# From the revisions that were published


def _make(path: Path, revision: str) -> None:
    """Make a database of an earlier revision."""
    path.touch(mode=0o600)
    with closing(SqliteDatabase(path, 5.0)) as database, database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(revisions.SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def first_revision(path: Path) -> Path:
    """A database of revision 0001 with four accounts, one of them deleted, and two keys."""
    _make(path, "0001")
    with closing(sqlite3.connect(path)) as driver, driver:
        driver.executemany(
            "INSERT INTO account (id, name, plan, is_operator, created_at)"
            " VALUES (?, ?, ?, ?, '2026-11-22 20:47:23.000000')",
            [
                (1, "ana", "premium", 1),
                (2, "Ana", "freemium", 0),
                (3, "Jose\u0301", "team", 0),
                (7, "deleted", "freemium", 0),
            ],
        )
        driver.execute("DELETE FROM account WHERE id = 7")
        driver.executemany(
            "INSERT INTO api_key VALUES (?, ?, ?, ?, '2026-11-22 20:47:23.000000', ?, NULL, NULL)",
            [
                ("key_a", 1, b"a" * 32, "crk_aaaaaa", None),
                ("key_b", 3, b"b" * 32, "crk_bbbbbb", "2099-01-01 00:00:00.000000"),
            ],
        )
    return path


def test_an_upgrade_from_the_first_revision_keeps_accounts_and_keys_and_folds_names(
    url: str, first_revision: Path
) -> None:
    with open_database(url) as database, database.writing() as rows:
        # The number of the account that was deleted is not used again.
        assert rows_accounts.find_or_create(rows, "new", None, datetime.now(UTC)) == 8
        found = [
            rows_keys.find_credential(rows, letter * 32, datetime.now(UTC))
            for letter in (b"a", b"b")
        ]
    assert [credential and credential.principal for credential in found] == [
        Principal(1, "key_a", "premium", is_operator=True),
        Principal(3, "key_b", "team"),
    ]
    with closing(sqlite3.connect(first_revision)) as connection:
        accounts = connection.execute(
            "SELECT id, name, folded_name, plan, is_operator, created_at, email, password_hash,"
            " token_generation FROM account WHERE id < 8 ORDER BY id"
        ).fetchall()
    made = "2026-11-22 20:47:23.000000"
    assert accounts == [
        (1, "ana", "ana", "premium", 1, made, None, None, 0),
        (2, "Ana", None, "freemium", 0, made, None, None, 0),
        (3, "Jose\u0301", "jos\u00e9", "team", 0, made, None, None, 0),
    ]


def test_an_upgraded_database_is_like_a_new_one_to_the_letter(
    url: str, first_revision: Path, tmp_path: Path
) -> None:
    _upgrade(url)
    new = tmp_path / "new.db"
    _upgrade(f"sqlite:///{new}")
    assert _declarations(first_revision) == _declarations(new)


def test_keys_from_before_they_had_limits_have_none_and_may_be_given_no_less_than_one(
    url: str, path: Path
) -> None:
    _make(path, "0004")
    with closing(sqlite3.connect(path)) as driver, driver:
        driver.execute(
            "INSERT INTO account (id, name, plan, is_operator, created_at)"
            " VALUES (1, 'ana', 'premium', 0, '2026-11-22 20:47:23.000000')"
        )
        driver.execute(
            "INSERT INTO api_key (id, account_id, digest, prefix, created_at, name) VALUES"
            " ('key_a', 1, zeroblob(32), 'crk_a', '2026-11-22 20:47:23.000000', 'front desk')"
        )
    with open_database(url) as database, database.reading() as rows:
        found = rows_keys.find_credential(rows, bytes(32), datetime.now(UTC))
        (record,) = rows_keys.list_keys(rows)
    assert found is not None
    assert found.principal == Principal(1, "key_a", "premium")
    assert (record.name, record.limit) == ("front desk", None)
    assert _revision(path.with_name("keys.db.0004.backup")) == "0004"
    with (
        closing(sqlite3.connect(path)) as driver,
        pytest.raises(sqlite3.IntegrityError, match="limit_least"),
    ):
        driver.execute('UPDATE api_key SET "limit" = 0')


# The copy


def _copy_of(path: Path) -> Path:
    return path.with_name("keys.db.0001.backup")


def test_an_upgrade_leaves_a_copy_of_the_file_as_it_was_for_its_owner_alone(
    url: str, first_revision: Path
) -> None:
    before = _declarations(first_revision)
    first_revision.chmod(0o644)
    _copy_of(first_revision).write_text("from an earlier try")
    _copy_of(first_revision).chmod(0o644)
    with closing(sqlite3.connect(first_revision)) as other:
        with other:  # what it changes is in the write-ahead log yet
            other.execute("UPDATE account SET plan = 'gold' WHERE id = 1")
        _upgrade(url)
    files = {file.name for file in first_revision.parent.iterdir()}
    assert files == {"keys.db", "keys.db.0001.backup"}
    copy = _copy_of(first_revision)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (_revision(copy), _declarations(copy)) == ("0001", before)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT plan FROM account WHERE id = 1").fetchone() == ("gold",)
        assert connection.execute("SELECT count(*) FROM api_key").fetchone() == (2,)


def test_a_file_that_cannot_be_copied_is_not_upgraded(url: str, first_revision: Path) -> None:
    _copy_of(first_revision).mkdir()
    with pytest.raises(StoreUnavailable, match=re.escape(str(_copy_of(first_revision)))):
        _upgrade(url)
    assert _revision(first_revision) == "0001"


# Databases from other versions


def test_an_older_database_is_told_how_to_be_upgraded(
    url: str, add_revision: Callable[[str], None]
) -> None:
    _upgrade(url)
    add_revision("pass")
    due = rf"at revision {NEWEST} .* needs {NEXT}; run `cardiorisk"
    with pytest.raises(StoreUnavailable, match=due), open_current(url):
        pass


@pytest.mark.parametrize("open_", [open_database, open_current])
def test_a_newer_database_is_neither_upgraded_nor_used(
    url: str, path: Path, open_: Callable[[str], AbstractContextManager[Database]]
) -> None:
    _upgrade(url)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = rf"{re.escape(str(path))} was made by a newer version of cardiorisk \(revision 9999"
    with pytest.raises(StoreUnavailable, match=newer), open_(url):
        pass
