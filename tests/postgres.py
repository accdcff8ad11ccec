"""A PostgreSQL server for tests: Debian's programs, a folder of its own, a port on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from cardiorisk.store.database import open_database
from tests.processes import require_file
from tests.proxies import free_port

PASSWORD = "s3cret-of-tests"
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "autovacuum": "off",
}


class PostgresServer:
    """A server that is there while its tests run; one for each process of tests."""

    def __init__(self) -> None:
        programs = _PROGRAMS[0] if _PROGRAMS else Path("/usr/lib/postgresql/bin")
        self._programs = require_file(programs, "apt-get install postgresql")
        self._directory = Path(tempfile.mkdtemp(prefix="cardiorisk-postgres-"))
        self.port = free_port()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self._directory, "nobody", "nogroup")
        password = self._directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "--auth=password", "--username=cardiorisk", f"--pwfile={password}",
                  "--no-sync", "--encoding=UTF8", "--locale=C", "--no-instructions")  # fmt: skip
        self._made: set[str] = set()
        self.start()
        self.make("cardiorisk")

    def url(self, name: str = "cardiorisk", password: str = PASSWORD) -> str:
        return f"postgresql+psycopg://cardiorisk:{password}@127.0.0.1:{self.port}/{name}"

    def make(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")
        self.execute(f"CREATE DATABASE {name}", "postgres")
        return self.url(name)

    def emptied(self, name: str) -> str:
        """Return the URL of a database with the newest tables and nothing in them."""
        if name not in self._made:
            self._made.add(name)
            with open_database(self.make(name)):
                pass
        self.execute(
            "DELETE FROM account; DELETE FROM secret; DELETE FROM change; DELETE FROM node;"
            "ALTER SEQUENCE account_id_seq RESTART; ALTER SEQUENCE change_seq_seq RESTART",
            name,
        )
        return self.url(name)

    def connect(self, name: str = "cardiorisk") -> psycopg.Connection:
        url = self.url(name).replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True)

    def execute(self, statement: str, name: str = "cardiorisk") -> None:
        with self.connect(name) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        options = [part for pair in _SETTINGS.items() for part in ("-c", "{}={}".format(*pair))]
        data = self._directory / "data"
        with (self._directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._programs / "postgres", "-D", data, "-p", str(self.port), *options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self._directory,
                **self._user,
            )
        give_up_at = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                assert time.monotonic() < give_up_at, (self._directory / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End it: at once, or as the number says."""
        self.process.send_signal(number)
        self.process.wait(60)

    def freeze(self) -> None:
        """Have it answer nothing, and every connection stay open."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def go_on(self) -> None:
        if self.process.poll() is not None:
            self.start()
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a child that has ended since
                process.resume()

    def _processes(self) -> Iterator[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        yield parent  # which makes no more children once it is stopped
        yield from parent.children()

    def clean_up(self) -> None:
        if self.process.poll() is None:
            self.go_on()
            self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._directory / "data", *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._directory,
            **self._user,
        )
