"""Clients that others wrote, in an environment of their own, and a server for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.running import BENCHMARKS, install
from tests.processes import Server


@pytest.fixture(scope="session")
def clients_python() -> str:
    """The interpreter of that environment, which is made where CI=true and taken if it is there."""
    if os.environ.get("CI") != "true" and not (BENCHMARKS / ".environments" / "clients").is_dir():
        pytest.skip("foreign clients are installed where CI=true; they are 500 MB")
    return install("clients")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"), "--engine", "litert")
    try:
        yield started.wait_until_ready()
    finally:
        started.clean_up()
