"""Clients that others wrote, in an environment of their own, and a server for them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.running import BENCHMARKS, install
from tests.processes import require_program

REASON = "clients that others wrote are installed where CI=true; they have 750 MB"


@pytest.fixture(scope="session")
def clients_python() -> str:
    """The interpreter of that environment, which is made where CI=true and taken if it is there."""
    if os.environ.get("CI") != "true" and not (BENCHMARKS / ".environments" / "clients").is_dir():
        pytest.skip(REASON)
    return install("clients")


@pytest.fixture(scope="session")
def clients_node() -> Path:
    """The directory of the programs and libraries for Node.js, likewise."""
    npm = require_program("npm", "apt-get install nodejs npm")
    directory = BENCHMARKS / ".environments" / "clients-node"
    wanted = (BENCHMARKS / "requirements" / "clients.json").read_text()
    stamp = directory / "installed.json"
    if not stamp.is_file() or stamp.read_text() != wanted:
        if os.environ.get("CI") != "true":
            pytest.skip(REASON)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "package.json").write_text(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(directory)]
        subprocess.run(command, check=True, capture_output=True)
        stamp.write_text(wanted)
    return directory / "node_modules"
