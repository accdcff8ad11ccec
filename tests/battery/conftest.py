"""A server of its own for each file of the battery, freshly started, with the plans as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"), "--engine", "litert")
    try:
        yield started.wait_until_ready()
    finally:
        started.clean_up()
