"""Up, ready, and which network: what operators and load balancers ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cardiorisk.errors import StoreUnavailable
from cardiorisk.model.card import NOTICE
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.version import VERSION
from tests.support import document

if TYPE_CHECKING:
    from cardiorisk.routes import CardioriskApplication
    from tests.support import Caller


@pytest.mark.gen_test
async def test_a_process_that_is_up_says_so_without_a_key(stranger: Caller) -> None:
    response = await stranger.send("GET", "/healthz")
    assert response.code == 200
    assert document(response) == {"status": "ok", "version": VERSION}


@pytest.mark.gen_test
async def test_a_service_that_is_ready_names_its_network(
    stranger: Caller, app: CardioriskApplication
) -> None:
    response = await stranger.send("GET", "/readyz")
    version = app.services.predictor.card.version
    assert document(response) == {"status": "ready", "modelo": version}


@pytest.mark.gen_test
async def test_without_its_network_it_is_up_and_not_ready(
    stranger: Caller, app: CardioriskApplication
) -> None:
    app.services.predictor._artefact = None
    response = await stranger.send("GET", "/readyz")
    assert response.code == 503
    assert document(response)["code"] == "not-ready"
    assert (await stranger.send("GET", "/healthz")).code == 200


@pytest.mark.gen_test
async def test_without_its_database_it_is_not_ready(
    stranger: Caller, app: CardioriskApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StoreUnavailable("the database cannot be written")

    monkeypatch.setattr(app.services.store, "check", fail)
    response = await stranger.send("GET", "/readyz")
    assert response.code == 503
    assert document(response)["code"] == "store-unavailable"


@pytest.mark.gen_test
async def test_without_its_log_it_is_not_ready(
    stranger: Caller, app: CardioriskApplication
) -> None:
    app.services.bitacora.close()
    response = await stranger.send("GET", "/readyz")
    assert response.code == 503
    assert document(response)["code"] == "log-unavailable"


@pytest.mark.gen_test
async def test_the_model_shows_its_card_and_what_it_is_not(stranger: Caller) -> None:
    answer = document(await stranger.send("GET", "/model"))
    assert answer["aviso"] == NOTICE
    assert answer["modelo"] == answer["card"]["version"]
    assert answer["card"]["field_order"] == list(FIELD_NAMES)
