"""Every diagram of the documents is drawn by Mermaid, as a reader's browser does it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import require_file, require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
DIAGRAMS = {
    f"{page.name}-{number}": text
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    for number, text in enumerate(
        re.findall(r"```mermaid\n(.*?)```", page.read_text(), re.DOTALL), start=1
    )
}


@pytest.fixture(scope="module")
def mermaid(browser: Browser) -> Iterator[Page]:
    npm = require_program("npm", "apt-get install npm")
    folder = subprocess.run([npm, "root", "-g"], check=True, capture_output=True, text=True).stdout
    script = require_file(
        Path(folder.strip()) / "mermaid" / "dist" / "mermaid.min.js", "npm install --global mermaid"
    )
    page = browser.new_page()
    page.add_script_tag(path=script)
    page.evaluate("mermaid.initialize({startOnLoad: false})")
    yield page
    page.close()


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_is_drawn(mermaid: Page, name: str) -> None:
    drawn = mermaid.evaluate(
        "async text => (await mermaid.render('drawn', text)).svg", DIAGRAMS[name]
    )
    assert drawn.startswith("<svg")
    assert "Syntax error" not in drawn
