"""The curl lines of ``docs/http``, pasted into bash page by page as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cardiorisk.routes import API_ROUTES
from tests.processes import Server, require_program
from tests.support import create_key

PAGES = sorted((Path(__file__).parents[2] / "docs" / "http").glob("[0-9]*.md"))


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of shell, and the statuses that the page promises for them."""

    lines: str
    statuses: list[str]


@pytest.fixture(scope="module")
def outputs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[str]]:
    """What each block of each page has printed."""
    require_program("curl", "apt-get install curl")
    return {page: paste(page, server, tmp_path_factory.mktemp("pasted")) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_gets_the_statuses_that_it_promises(
    page: Path, outputs: dict[Path, list[str]]
) -> None:
    got = [re.findall(r"^HTTP/1\.1 (\d{3})", printed, re.MULTILINE) for printed in outputs[page]]
    assert got == [block.statuses for block in blocks_of(page)]


@pytest.mark.usefixtures("outputs")
def test_every_route_and_method_is_in_the_curl_lines(server: Server) -> None:
    sent = {(line["method"], line["route"]) for line in server.log_lines()}
    served = {(method, r.template) for r in API_ROUTES for method in r.handler.allowed_methods}
    assert served <= sent


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_promises_statuses(page: Path) -> None:
    assert page.read_text().count("```sh\n") == len(list(blocks_of(page))) > 0


def blocks_of(page: Path) -> Iterator[Block]:
    """Find each block of shell with the statuses below it; ``by`` stands for the sign of times."""
    text = page.read_text().replace("\N{MULTIPLICATION SIGN}", "by")
    for lines, promise in re.findall(r"```sh\n(.*?)```\n\n→ ([^\n]+)", text, re.DOTALL):
        counted = re.findall(r"`(\d{3})`(?: by (\d+))?", promise)
        yield Block(lines, [status for status, times in counted for _ in range(int(times or 1))])


def paste(page: Path, server: Server, directory: Path) -> list[str]:
    """Run the page's blocks in one bash; return what each has printed."""
    blocks = list(blocks_of(page))
    script = "".join(
        f"{{\n{block.lines}\n}} > {place}.out 2>&1 || true\n" for place, block in enumerate(blocks)
    )
    variables = {
        "BASE": f"http://{server.address}",
        "KEY": create_key(server.settings, f"{page.stem}-premium", "premium"),
        "FREE_KEY": create_key(server.settings, f"{page.stem}-freemium", "freemium"),
        "OPERATOR_KEY": server.create_operator_key(f"{page.stem}-operator"),
    }
    subprocess.run(
        ["bash", "-u", "-c", script],  # noqa: S607 - the reader's own bash
        cwd=directory,
        env=os.environ | variables,
        check=True,
        capture_output=True,
    )
    return [(directory / f"{place}.out").read_text() for place in range(len(blocks))]
