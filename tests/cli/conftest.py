"""What the tests of commands share: two ways to call a command."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner

from cardiorisk.__main__ import main

if TYPE_CHECKING:
    from click.testing import Result


class Call(Protocol):
    """Calls a command inside the test's process."""

    def __call__(self, *arguments: str) -> Result: ...


class Start(Protocol):
    """Runs a command in a process of its own and waits for it."""

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def call() -> Call:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="cardiorisk")

    return run


@pytest.fixture
def start() -> Start:
    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        # Buffered, as in a user's shell: what could not be written is then tried again at exit.
        environment = os.environ | {"PYTHONUNBUFFERED": ""}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        command = [sys.executable, "-m", "cardiorisk", *arguments]
        return subprocess.run(command, check=False, text=True, env=environment, **streams)

    return run
