"""Up, ready, and which network: what operators and load balancers ask."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile, move

import pytest

from cardiorisk.config import VERSION
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.routes import CardioriskApplication
from tests.support import Caller, document, told


async def test_a_process_that_is_up_says_so_without_a_key(stranger: Caller) -> None:
    response = await stranger.send("GET", "/healthz")
    assert response.code == 200
    assert document(response) == {"status": "ok", "version": VERSION}


async def test_a_service_that_is_ready_names_its_network(
    stranger: Caller, app: CardioriskApplication
) -> None:
    response = await stranger.send("GET", "/readyz")
    version = app.services.predictor.card.version
    assert document(response) == {"status": "ready", "modelo": version}


@pytest.mark.parametrize(
    ("lost", "code"),
    [("network", "not-ready"), ("database", "store-unavailable"), ("log", "log-unavailable")],
)
async def test_without_its_network_database_or_log_it_is_not_ready(
    stranger: Caller,
    app: CardioriskApplication,
    own_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
    code: str,
) -> None:
    monkeypatch.setattr("cardiorisk.store.store.PROBE_SECONDS", 20.0)  # for a slow try to end
    if lost == "network":
        await app.services.predictor.close()
    elif lost == "log":
        app.services.bitacora.close()
    else:  # another file stands in its place
        copyfile(own_directory / "keys.db", own_directory / "other.db")
        move(own_directory / "other.db", own_directory / "keys.db")
    response = await stranger.send("GET", "/readyz")
    assert told(response) == (503, code)
    is_up = (await stranger.send("GET", "/healthz")).code == 200
    assert is_up == (lost != "log")


async def test_the_model_shows_its_card_and_what_it_is_not(stranger: Caller) -> None:
    answer = document(await stranger.send("GET", "/model"))
    assert answer["aviso"].startswith("Modelo didáctico entrenado con 5.000 pacientes inventados")
    assert answer["modelo"] == answer["card"]["version"]
    assert answer["card"]["field_order"] == list(FIELD_NAMES)
    assert "background" not in answer["card"]
