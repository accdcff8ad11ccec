"""The database torn out, overwritten, damaged, locked and restored under ``cardiorisk serve``."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from shutil import copy2
from typing import Any

import pytest

from cardiorisk.store.sqlite_file import back_up
from tests.processes import Server, small_disk, until
from tests.support import EXAMPLE, create_key

UNLIMITED = {"CARDIORISK_PLANS": "freemium=1000000,premium=1000000"}


class Site:
    """A service, and a copy of its database from before the latest of the assessments it keeps."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.path = directory / "keys.db"
        self.copy = directory / "copy.db"
        settings = UNLIMITED | variables
        self._wrapper = ["env", *(f"{name}={value}" for name, value in settings.items())]
        self._directory = directory
        self.server = self._started()
        self.key = self.server.key

    def restart(self) -> None:
        self.server = self._started()

    def _started(self) -> Server:
        server = Server(self._directory, "--engine", "litert", wrapper=self._wrapper)
        return server.wait_until_ready()

    def back_up(self) -> int:
        """Make the copy; return how many assessments it holds: one less than there are."""
        self.copy.unlink(missing_ok=True)
        back_up(self.path, self.copy)
        held = self.kept()
        assert self.keep() == 201
        return held

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        with self.server.connection() as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Authorization": self.key})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def keep(self) -> int:
        return self.ask("POST", "/predictions", EXAMPLE)[0]

    def kept(self) -> int:
        return len(self.ask("GET", "/predictions?limit=100")[1]["items"])

    def ready(self) -> int:
        return self.ask("GET", "/readyz")[0]

    def checkpoint(self) -> None:
        """Have all but the latest change in the file itself, as after some thousand changes."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert self.keep() == 201

    def put(self) -> None:
        """Put the copy in the place of the file, as ``mv`` does."""
        restored = self.copy.with_name("restored.db")
        copy2(self.copy, restored)
        restored.rename(self.path)

    def copy_over(self) -> None:
        """Write the copy into the file, as ``cp`` does."""
        self.path.write_bytes(self.copy.read_bytes())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.server.clean_up()


def until_told(ask: Callable[[], int], answer: int) -> None:
    until(lambda: ask() == answer)


def move(site: Site, pattern: str = "keys.db") -> None:
    old = site.path.with_name("old")
    old.mkdir(exist_ok=True)
    for file in list(site.path.parent.glob(pattern)):
        file.rename(old / file.name)


def move_all(site: Site) -> None:
    move(site, "keys.db*")


def move_back(site: Site) -> None:
    for file in list(site.path.with_name("old").iterdir()):
        file.rename(site.path.with_name(file.name))


def delete(site: Site) -> None:
    site.path.unlink()


def write_over(site: Site) -> None:
    site.path.write_bytes(b"no database" * 9_000)


def empty(site: Site) -> None:
    site.path.write_bytes(b"")


def break_pages(site: Site) -> None:
    site.checkpoint()
    with site.path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"broken" * 10_000)


def copy_half(site: Site) -> None:
    site.checkpoint()
    site.path.write_bytes(site.copy.read_bytes()[:50_000])


def replace_by_empty(site: Site) -> None:
    site.path.with_name("new.db").touch()
    site.path.with_name("new.db").rename(site.path)


@pytest.mark.parametrize(
    ("breaks", "mends", "loses"),
    [
        (delete, Site.put, True),
        (move, move_back, False),
        (move_all, move_back, False),
        (move_all, Site.put, True),
        (write_over, Site.copy_over, True),
        (empty, Site.copy_over, True),
        (break_pages, Site.put, True),
        (copy_half, Site.copy_over, True),
        (replace_by_empty, Site.put, True),
    ],
)
def test_a_database_gone_or_damaged_is_not_written_until_a_whole_one_is_there(
    site: Site, breaks: Callable[[Site], None], mends: Callable[[Site], None], *, loses: bool
) -> None:
    held = site.back_up()
    breaks(site)
    until_told(site.keep, 503)
    until_told(site.ready, 503)
    mends(site)
    until_told(site.ready, 200)
    assert site.kept() == held + (not loses)
    assert site.keep() == 201
    with closing(sqlite3.connect(site.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_log_that_is_taken_away_loses_nothing(site: Site) -> None:
    held = site.back_up()
    for end in ("-wal", "-shm"):
        site.path.with_name(f"keys.db{end}").unlink()
    until(site.path.with_name("keys.db-wal").exists)
    until_told(site.ready, 200)
    assert site.kept() == held + 1


def test_while_another_process_has_the_lock_all_but_changes_goes_on(site: Site) -> None:
    held = site.back_up()
    other_key = create_key(site.server.settings, "bruno", "premium")
    with (
        closing(sqlite3.connect(site.path, isolation_level=None)) as other,
        ThreadPoolExecutor(25) as callers,
    ):
        other.execute("BEGIN IMMEDIATE")
        writing = [callers.submit(site.keep) for _ in range(25)]
        assert site.server.ask(other_key)[0] == 200
        assert (site.ready(), site.kept()) == (200, held + 1)
        assert {answer.result() for answer in writing} == {503}
        site.server.stop()
        site.restart()
        assert (site.ready(), site.kept()) == (200, held + 1)
        other.execute("ROLLBACK")
    assert site.keep() == 201


@pytest.mark.parametrize("place", [Site.put, Site.copy_over])
def test_no_log_is_played_onto_a_file_that_was_restored_beside_it(
    site: Site, place: Callable[[Site], None]
) -> None:
    held = site.back_up()
    site.checkpoint()
    for _ in range(20):
        assert site.keep() == 201
    site.server.stop(signal.SIGKILL)
    place(site)
    site.restart()
    assert (site.kept(), site.keep(), site.kept()) == (held, 201, held + 1)


def test_a_file_restored_just_before_the_end_is_as_it_was_restored(site: Site) -> None:
    held = site.back_up()
    site.put()
    assert site.server.stop() == 0
    site.restart()
    assert site.kept() == held


def test_each_fault_is_told_in_one_line_and_its_end_in_another(site: Site) -> None:
    site.back_up()
    site.put()
    until_told(site.ready, 200)
    delete(site)
    until_told(site.keep, 503)
    site.put()
    until_told(site.ready, 200)
    assert site.server.process.stderr is not None
    site.server.process.terminate()
    told = re.findall(r"the database (fails|works again)", site.server.process.stderr.read())
    assert told == ["fails", "works again"] * 2


def test_a_full_disk_is_no_ready_service_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "1m") as disk:
        site = Site(disk, CARDIORISK_LOG_DIR=str(tmp_path / "logs"))
        try:
            held = site.back_up() + 1
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(512))
            until_told(site.keep, 503)
            until_told(site.ready, 503)
            assert (site.kept(), site.server.ask()[0]) == (held, 200)
            filler.unlink()
            until_told(site.ready, 200)
            assert site.keep() == 201
        finally:
            site.server.clean_up()
