"""One process of several says which it is: in its log, its metrics and on the panel."""

from __future__ import annotations

import pytest

from cardiorisk.config import Settings
from tests.pages.browsing import Reader
from tests.support import Caller, document, entries


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"node": "web-1"})


async def test_a_process_with_a_name_says_whose_numbers_and_lines_it_shows(
    boss: Reader, operator: Caller, settings: Settings
) -> None:
    panel = await boss.read("/panel?idioma=en")
    assert "These numbers are of the process web-1 alone; each has its own." in panel
    metrics = (await operator.send("GET", "/metrics")).body.decode()
    assert 'cardiorisk_build_info{node="web-1",version=' in metrics
    lines = entries((settings.log_dir / "bitacora-web-1.jsonl").read_text())
    shown = document(await operator.send("GET", "/operator/log?limit=200"))["items"]
    assert {line["node"] for line in lines} == {line["node"] for line in shown} == {"web-1"}
