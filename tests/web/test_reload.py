"""The network is replaced while requests go on: none fails, and a bad one changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from cardiorisk.config import Settings, load_settings
from cardiorisk.model.card import CARD_FILE, LITERT_FILE
from tests.support import EXAMPLE, Bitacora, Caller, document, told

CALLERS = 6
RELOADS = 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Serve from a copy of the network that the tests may change, on a plan that does not end."""
    return load_settings(
        {
            "engine": "litert",
            "database_url": f"sqlite:///{tmp_path / 'keys.db'}",
            "log_dir": tmp_path / "logs",
            "model_dir": shutil.copytree(load_settings().model_dir, tmp_path / "model"),
            "plans": {"premium": 1_000_000},
        }
    )


def name_network(settings: Settings, version: str) -> None:
    """Make the network on the disk another one, to all appearance."""
    path = settings.model_dir / CARD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": version}))


async def test_a_bad_network_leaves_the_old_one_and_says_why(
    operator: Caller, premium: Caller, settings: Settings, bitacora: Bitacora
) -> None:
    version = document(await premium.assess())["modelo"]
    name_network(settings, "14-7-1-0badcafe")
    (settings.model_dir / LITERT_FILE).write_bytes(b"half a file")
    response = await operator.send("POST", "/model/reload", b"")
    assert told(response) == (409, "unusable-artefact")
    assert "not the file that its card describes" in document(response)["detail"]
    assert bitacora.last()["code"] == "unusable-artefact"
    assert document(await premium.assess())["modelo"] == version


async def test_a_second_reload_at_the_same_time_is_refused(
    operator: Caller, settings: Settings
) -> None:
    path = settings.model_dir / CARD_FILE
    card = path.read_bytes()
    path.unlink()
    os.mkfifo(path)  # whoever reads it waits
    reloads = [asyncio.ensure_future(operator.send("POST", "/model/reload", b"")) for _ in range(2)]
    (refused,), (waiting,) = await asyncio.wait(reloads, return_when=asyncio.FIRST_COMPLETED)
    assert told(refused.result()) == (409, "reload-under-way")
    path.write_bytes(card)
    assert (await waiting).code == 200


async def test_under_load_ten_reloads_tell_both_versions_and_fail_no_request(
    operator: Caller, premium: Caller, settings: Settings, bitacora: Bitacora
) -> None:
    seen: list[tuple[int, str]] = []
    is_over = False

    async def ask_on(path: str) -> None:
        while not is_over:
            response = await premium.send("POST", path, EXAMPLE)
            seen.append((response.code, document(response).get("modelo")))

    callers = [
        asyncio.ensure_future(ask_on("/service" if number else "/service?explicar=1"))
        for number in range(CALLERS)
    ]
    versions = [document(await premium.assess())["modelo"]]
    for number in range(RELOADS):
        versions.append(f"14-7-1-{number:08x}")
        name_network(settings, versions[-1])
        both = document(await operator.send("POST", "/model/reload", b""))
        assert both == {"modelo": versions[-1], "anterior": versions[-2]}
        assert document(await premium.assess())["modelo"] == versions[-1]
    is_over = True
    await asyncio.gather(*callers)
    assert {code for code, _ in seen} == {200}
    assert len(seen) >= RELOADS
    logged = {line["modelo"] for line in bitacora.lines() if line["route"] == "/service"}
    assert logged >= set(versions)
