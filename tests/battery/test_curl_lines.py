"""The curl lines of ``docs/http``, pasted into bash block by block as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cardiorisk.routes import API_ROUTES
from tests.battery.derived import CURL_PAGE, PATIENT
from tests.processes import Server, require_program
from tests.support import create_key


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of shell, and the statuses that the page promises for them."""

    lines: str
    statuses: list[str]


@pytest.fixture(scope="module")
def outputs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block has printed, in one bash."""
    require_program("curl", "apt-get install curl")
    directory = tmp_path_factory.mktemp("pasted")
    blocks = list(blocks_of(CURL_PAGE.read_text()))
    keys = [create_key(server.settings, f"block-{n}", "premium") for n in range(len(blocks))]
    script = f"RUN=1 PASSWORD=clave-de-prueba PATIENT='{PATIENT}'\n" + "".join(
        f"KEY={key}\n{{\n{block.lines}\n}} > {place}.out 2>&1 || true\n"
        for place, (block, key) in enumerate(zip(blocks, keys, strict=True))
    )
    subprocess.run(
        ["bash", "-u", "-c", script],  # noqa: S607 - the reader's own bash
        cwd=directory,
        env=os.environ | {"BASE": f"http://{server.address}"},
        check=True,
        capture_output=True,
    )
    return [(directory / f"{place}.out").read_text() for place in range(len(blocks))]


def test_every_block_gets_the_statuses_that_it_promises(outputs: list[str]) -> None:
    blocks = list(blocks_of(CURL_PAGE.read_text()))
    assert CURL_PAGE.read_text().count("```sh\n") == len(blocks) > 0
    for block, printed in zip(blocks, outputs, strict=True):
        got = re.findall(r"^HTTP/1\.1 (\d{3})", printed, re.MULTILINE)
        assert got == block.statuses, block.lines


@pytest.mark.usefixtures("outputs")
def test_every_route_and_method_is_in_the_curl_lines(server: Server) -> None:
    sent = {(line["method"], line["route"]) for line in server.log_lines()}
    served = {(method, r.template) for r in API_ROUTES for method in r.handler.allowed_methods}
    assert served <= sent


def blocks_of(page: str) -> Iterator[Block]:
    """Find each block of shell with the statuses below it."""
    for lines, promise in re.findall(r"```sh\n(.*?)```\n\n→ ([^\n]+)", page, re.DOTALL):
        yield Block(lines, re.findall(r"`(\d{3})`", promise))
