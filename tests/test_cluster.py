"""Two services on one PostgreSQL: what one changes, the other knows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardiorisk.config import DEFAULT_MODEL_DIR, Settings, load_settings
from cardiorisk.store import rows_accounts
from tests.postgres import PostgresServer
from tests.processes import Server, until, within_a_second
from tests.support import cardiorisk, change_account, changing, create_key

PLANS = "freemium=1000000,premium=2000000"
FIRST, SECOND = "6-14-7-1-00000001", "6-14-7-1-00000002"


def network(directory: Path, version: str) -> None:
    """Put the network that comes with the package there, under another name."""
    shutil.copytree(DEFAULT_MODEL_DIR, directory, dirs_exist_ok=True)
    card = directory / "card.json"
    card.write_text(card.read_text().replace(json.loads(card.read_text())["version"], version))


class Pair:
    """Two processes, and a key of an account ana that both have in memory."""

    def __init__(self, url: str, directory: Path) -> None:
        self.settings: Settings = load_settings({"database_url": url})
        self.models = [directory / f"model-{name}" for name in ("a", "b")]
        for model in self.models:
            network(model, FIRST)
        self.servers = [
            Server(
                directory,
                *("--engine", "litert"),
                CARDIORISK_DATABASE_URL=url,
                CARDIORISK_NODE=model.name[-1],
                CARDIORISK_PLANS=PLANS,
                CARDIORISK_MODEL_DIR=str(model),
            )
            for model in self.models
        ]
        for server in self.servers:
            server.wait_until_ready()
        self.operator = create_key(self.settings, "olga", "freemium")
        change_account(self.settings, "olga", rows_accounts.set_operator, is_operator=True)

    def known_key(self, account: str) -> str:
        key = create_key(self.settings, account, "freemium")
        assert [server.ask(key)[0] for server in self.servers] == [200, 200]
        return key

    def ask(self, number: int, method: str, path: str, body: object = None) -> tuple[int, str]:
        with self.servers[number].connection() as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Authorization": self.operator})
            response = connection.getresponse()
            return response.status, response.read().decode()


@pytest.fixture(scope="module")
def pair(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(postgres.make("pair"), tmp_path_factory.mktemp("pair"))
    yield made
    for server in made.servers:
        server.clean_up()


def revoke_by_command(pair: Pair, account: str) -> None:
    found = json.loads(cardiorisk(pair.settings, "keys", "list", "--json").stdout)
    (key_id,) = [key["key_id"] for key in found if key["account"] == account]
    cardiorisk(pair.settings, "keys", "revoke", key_id)


def suspend_by_the_other(pair: Pair, account: str) -> None:
    with changing(pair.settings) as rows:
        number = rows_accounts.require_id(rows, account)
    assert pair.ask(1, "POST", f"/operator/accounts/{number}/suspend")[0] == 200


@pytest.mark.parametrize("end", [revoke_by_command, suspend_by_the_other])
def test_what_ends_a_key_anywhere_ends_it_everywhere_within_a_second(
    pair: Pair, end: Callable[[Pair, str], None]
) -> None:
    key, other = pair.known_key(end.__name__), pair.known_key(f"{end.__name__}2")
    end(pair, end.__name__)
    within_a_second(lambda: all(server.ask(key)[0] != 200 for server in pair.servers))
    assert [server.ask(other)[0] for server in pair.servers] == [200, 200]


def test_a_reload_reaches_every_process_or_is_told_why_not(pair: Pair) -> None:
    here, there = pair.models
    network(here, SECOND)
    assert pair.ask(0, "POST", "/model/reload", {})[0] == 200

    def shown(number: int) -> dict[str, tuple[str, bool]]:
        nodes = json.loads(pair.ask(number, "GET", "/readyz")[1]).get("nodos", ())
        return {node["nodo"]: (node["modelo"], node["falta"] is not None) for node in nodes}

    until(lambda: shown(1) == {"a": (SECOND, False), "b": (FIRST, True)})
    told = pair.ask(1, "GET", "/readyz")[1]  # to anybody: no place on the disk is in it
    assert f"{SECOND} is wanted, and card.json is that of {FIRST}" in told
    assert "cardiorisk_model_unwanted 1.0" in pair.ask(1, "GET", "/metrics")[1]
    network(there, SECOND)
    assert pair.ask(0, "POST", "/model/reload", {})[0] == 200
    until(lambda: shown(1) == {"a": (SECOND, False), "b": (SECOND, False)})


def test_a_reload_that_the_others_cannot_hear_of_is_no_success(
    pair: Pair, postgres: PostgresServer
) -> None:
    assert pair.ask(0, "GET", "/metrics")[0] == 200  # so that the operator's key is in memory
    postgres.freeze()
    try:
        assert pair.ask(0, "POST", "/model/reload", {})[0] == 503
    finally:
        postgres.go_on()
    until(lambda: pair.ask(0, "POST", "/model/reload", {})[0] == 200)
