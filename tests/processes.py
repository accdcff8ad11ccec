"""What tests share that start programs: the server as people run it, and programs of the system."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cardiorisk.config import Settings, load_settings
from cardiorisk.store import rows_accounts
from tests.support import EXAMPLE, change_account, create_key, entries

STOP_SECONDS = 120
"""The longest that a server may take to end; one that loads TensorFlow ends after that."""


class Server:
    """A ``cardiorisk serve`` of its own directory, ready to be asked."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        wrapper: Sequence[str] = (),
        is_measured: bool = True,
        python: str | Path = sys.executable,
        **variables: str,
    ) -> None:
        self.directory = directory
        command = [*wrapper, str(python), "-m", "cardiorisk", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=(dict(os.environ) if is_measured else unmeasured()) | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.output = self.errors = ""

    def wait_until_ready(self) -> Server:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Stop with"):
                return self
        raise AssertionError(self.output + (self.process.stderr or sys.stderr).read())

    @property
    def address(self) -> str:
        found = re.search(r"http://(\S+)", self.output)
        assert found
        return found[1]

    @property
    def key(self) -> str:
        found = re.search(r"crk_\w+", self.output)
        assert found
        return found[0]

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(self.address, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, key: str = "", **changes: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        with self.connection() as connection:
            connection.request("POST", "/service", json.dumps(EXAMPLE | changes), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    @property
    def settings(self) -> Settings:
        """Where its database is, for changes from outside."""
        return load_settings({"database_url": f"sqlite:///{self.directory / 'keys.db'}"})

    def create_operator_key(self, account: str) -> str:
        """Make a key of an account that is an operator's from now on."""
        key = create_key(self.settings, account, "freemium")
        change_account(self.settings, account, rows_accounts.set_operator, is_operator=True)
        return key

    def log_text(self) -> str:
        return (self.directory / "logs" / "bitacora.jsonl").read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        return entries(self.log_text())

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        output, self.errors = self.process.communicate(timeout=STOP_SECONDS)
        self.output += output
        return self.process.returncode

    def clean_up(self) -> None:
        """Leave no process behind, however the test ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class UnixConnection(HTTPConnection):
    """A connection by a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def until(is_so: Callable[[], object], seconds: float = 30) -> None:
    """Ask again and again until something is so, and fail where it is not in time."""
    gives_up_at = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < gives_up_at, f"it is {found!r} after {seconds} s"
        time.sleep(0.02)


def within_a_second(is_so: Callable[[], object]) -> None:
    """Ask again and again until something is so, within a second of a machine that answers at once.

    What a question takes beyond 50 ms, the machine was busy with something else.
    """
    counted, asked_at = 0.0, time.monotonic()
    while not is_so():
        before, asked_at = asked_at, time.monotonic()
        counted += min(asked_at - before, 0.05)
        assert counted < 1.0


def begin_in_a_minute() -> None:
    """Wait until the clock minute, in which calls are counted, has 20 s left."""
    until(lambda: time.time() % 60 <= 40)


def unmeasured() -> dict[str, str]:
    """Return our environment without what has coverage measure a process.

    One that is killed, or whose files may not grow, leaves coverage a file that it cannot read.
    """
    return {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory on a directory that is made; only root may, others skip the test."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mount, umount = (require_program(name, "part of util-linux") for name in ("mount", "umount"))
    directory.mkdir()
    options = f"size={size},mode=0700"
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "small", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run([umount, "--lazy", directory], check=True)


def require_program(name: str, how_to_install: str) -> str:
    """Find a program of the system; without it skip the test, and fail where ``CI=true``."""
    return shutil.which(name) or _miss(name, how_to_install)


def require_file(path: Path, how_to_install: str) -> Path:
    """Likewise for a file that a package of the system brings."""
    return path if path.exists() else _miss(path.name, how_to_install)


def _miss(name: str, how_to_install: str) -> NoReturn:
    reason = f"{name} is not installed: {how_to_install}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
