"""A database moved to another engine, both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from cardiorisk.errors import Conflict
from cardiorisk.patients.patient import Patient
from cardiorisk.store import rows_accounts, rows_assessments, rows_keys, rows_sessions
from cardiorisk.store.copying import copy
from cardiorisk.store.database import Database, open_current, open_database
from cardiorisk.store.tables import Base
from cardiorisk.store.values import KeptAssessment
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 22, 20, 47, 23, 123456, tzinfo=UTC)
PATIENT = Patient(1.7, 1.2, 0.9, 44, 1, 0)


def fill(database: Database) -> None:
    rows_sessions.load_secret(database)
    with database.writing() as rows:
        for number in range(1_200):
            account = rows_accounts.register(rows, f"ñ{number}", f"a{number}@b.es", "hash", NOW)
        minted = rows_keys.create(rows, 1, NOW, limit=3, name="José")
        rows_keys.create(rows, 2, NOW)
        rows_keys.revoke(rows, minted.record.key_id, NOW)
        rows_accounts.set_operator(rows, 3, NOW, is_operator=True)
        rows_accounts.suspend(rows, 4, NOW)
        rows_accounts.remove(rows, account.account_id, NOW)
        rows_accounts.add_calls(rows, {(5, date(2026, 11, 22)): 7})
        rows_sessions.begin(rows, 6, "s", "r", NOW)
        kept = KeptAssessment(
            "pred_1",
            NOW,
            "Ñandú",
            PATIENT,
            0.1 + 0.2,
            at_risk=True,
            threshold=0.5,
            model_version="v",
        )
        rows_assessments.keep(rows, 7, kept)


def held(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as rows:
        return {
            table.name: sorted(tuple(row) for row in rows.execute(select(table)))
            for table in Base.metadata.sorted_tables
            if table.name not in {"change", "node"}
        }


def test_what_is_moved_to_postgresql_and_back_is_the_same_to_the_row(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    urls = [f"sqlite:///{tmp_path}/a.db", postgres.make("moved"), f"sqlite:///{tmp_path}/b.db"]
    with open_database(urls[0]) as first:
        fill(first)
        before = held(first)
    for source_url, target_url in pairwise(urls):
        with open_current(source_url) as source, open_database(target_url) as target:
            told = list(copy(source, target))
            assert held(target) == before
            assert [part for part in told if part[0] == "account"] == [
                ("account", 1_000, 1_199),
                ("account", 1_199, 1_199),
            ]
            with pytest.raises(Conflict, match="name an empty database"):
                list(copy(source, target))
    for url in urls[1:]:  # the number of the account that was deleted is not used again
        with open_database(url) as database, database.writing() as rows:
            assert rows_accounts.find_or_create(rows, "new", None, NOW) == 1_201


def test_a_database_without_accounts_moves_both_ways(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    urls = [f"sqlite:///{tmp_path}/a.db", postgres.emptied("store"), f"sqlite:///{tmp_path}/b.db"]
    with open_database(urls[0]) as first:
        secret = rows_sessions.load_secret(first)
    for source_url, target_url in pairwise(urls):
        with open_current(source_url) as source, open_database(target_url) as target:
            assert list(copy(source, target)) == [("secret", 1, 1)]
            assert rows_sessions.load_secret(target) == secret
    with open_database(urls[1]) as database, database.writing() as rows:
        assert rows_accounts.find_or_create(rows, "new", None, NOW) == 1


def test_a_copy_that_fails_half_way_leaves_nothing(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.emptied("store")
    with open_database(f"sqlite:///{tmp_path}/a.db") as source, open_database(url) as target:
        with source.writing() as rows:
            rows_accounts.find_or_create(rows, "ana", None, NOW)
            rows.exec_driver_sql("UPDATE account SET plan = 'nul' || char(0)")
        with pytest.raises(Conflict, match="cannot be stored"):
            list(copy(source, target))
        with target.reading() as rows:
            assert rows_accounts.is_empty(rows)
