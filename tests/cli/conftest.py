"""What the tests of commands share: two ways to call a command."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

from cardiorisk.__main__ import main


class Call(Protocol):
    """Calls a command inside the test's process."""

    def __call__(self, *arguments: str) -> Result: ...


@pytest.fixture
def call() -> Call:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="cardiorisk")

    return run


def start(*arguments: str, columns: int = 80, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own and wait for it."""
    # Buffered, as in a user's shell: what could not be written is then tried again at exit.
    environment = os.environ | {"PYTHONUNBUFFERED": "", "COLUMNS": str(columns), "TERM": "xterm"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-m", "cardiorisk", *arguments]
    return subprocess.run(command, check=False, text=True, env=environment, **streams)


def on_terminal(*arguments: str, stream: str = "stdout", columns: int = 80) -> str:
    """Run a command with a stream on a real terminal; return what the terminal got."""
    ours, theirs = pty.openpty()
    assert start(*arguments, columns=columns, **{stream: theirs}).returncode == 0
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        shown = b""
        with suppress(OSError):  # Linux's way of saying that nobody is at the other end
            while part := terminal.read(65_536):
                shown += part
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")
