"""Every micro-benchmark can still be run, on the smallest of its sizes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from benchmarks.filled import asked_keys, database_url, fill_database, fill_log, log_directory
from benchmarks.growth import limiter_bytes
from benchmarks.micro_cases import Sizes, cases
from benchmarks.timing import Case, awaited, repeated
from cardiorisk.bitacora.reader import LogReader
from cardiorisk.bitacora.writer import LOG_FILE
from cardiorisk.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = Sizes(keys=(10,), accounts=(10,), log_lines=(10,), engines=("litert",))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("room")
    fill_database(directory, 10)
    fill_log(directory, 10)
    return directory


@pytest.mark.parametrize("case", cases(SMALLEST), ids=lambda case: f"{case.name}-{case.parameter}")
def test_a_case_can_be_prepared_and_timed_twice(case: Case, room: Path) -> None:
    with case.prepare(room) as timer:
        assert timer(20) > 0
        assert timer(20) > 0


def test_every_key_that_is_asked_for_is_known_and_has_an_account_of_its_own(room: Path) -> None:
    async def accounts() -> set[int]:
        store = Store.open(database_url(room, 10))
        found = [await store.principal(key) for key in asked_keys(room, 10)]
        await store.close()
        return {principal.account_id for principal in found}

    assert asyncio.run(accounts()) == set(range(1, 11))


def test_every_line_of_a_filled_log_is_one_of_ours(tmp_path: Path) -> None:
    fill_log(tmp_path, 25)
    with LogReader(log_directory(tmp_path, 25) / LOG_FILE) as reader:
        assert len(list(reader.lines())) == 25
        assert reader.torn_lines == 0


def test_what_is_repeated_is_called_as_often_as_it_is_told() -> None:
    calls: list[None] = []

    async def call() -> None:
        calls.append(None)

    repeated(lambda: calls.append(None))(3)
    awaited(call)(4)
    assert len(calls) == 7


def test_a_thousand_accounts_take_the_limiter_some_tens_of_bytes_each() -> None:
    assert 20_000 < limiter_bytes(1_000) < 250_000
