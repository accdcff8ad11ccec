"""Two processes of the service on one database and one Redis, as callers see them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Server, until
from tests.redis_server import RedisServer
from tests.support import EXAMPLE, create_key

pytestmark = pytest.mark.usefixtures("in_one_minute")
SECRET = "not-to-be-shown"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), secret=SECRET)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def processes(
    redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """The second refuses while Redis is away."""
    directory = tmp_path_factory.mktemp("processes")
    with ExitStack() as running:
        made = []
        for name, down in (("one", "local"), ("two", "refuse")):
            server = Server(
                directory,
                *("--engine", "litert"),
                CARDIORISK_LOG_DIR=str(directory / name),
                CARDIORISK_WINDOWS_URL=redis.url,
                CARDIORISK_WINDOWS_DOWN=down,
            )
            running.callback(server.clean_up)
            made.append(server.wait_until_ready())
        yield made[0], made[1]


def send(
    server: Server, method: str, path: str, key: str = "", body: object = None
) -> tuple[HTTPResponse, dict[str, Any]]:
    headers = {"Authorization": key} if key else {}
    with server.connection() as connection:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, headers)
        response = connection.getresponse()
        return response, json.loads(response.read())


def metric(server: Server, name: str) -> float:
    with server.connection() as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def outages_of(processes: tuple[Server, Server]) -> list[float]:
    """Return how often each has found Redis away; wait until neither does."""
    for server in processes:
        until_ready_says(server, "redis")
    return [metric(server, "cardiorisk_windows_outages_total") for server in processes]


def until_ready_says(server: Server, windows: str) -> None:
    until(lambda: send(server, "GET", "/readyz")[1].get("ventanas") == windows)


def undisturbed(processes: tuple[Server, Server], check: Callable[[str], None]) -> None:
    """Check something of a new name, again where something has come between.

    A busy machine may keep Redis from answering, or let a minute end meanwhile.
    """
    for left in reversed(range(20)):
        before, name = (outages_of(processes), time.time() // 60), f"ana{time.monotonic()}"
        try:
            check(name)
        except AssertionError:
            if not left or (outages_of(processes), time.time() // 60) == before:
                raise
        else:
            return


def test_forty_at_once_over_two_processes_are_answered_five_times(
    processes: tuple[Server, Server],
) -> None:
    def check(name: str) -> None:
        key = create_key(processes[0].settings, name, "freemium")
        with ThreadPoolExecutor(40) as callers:
            asked = callers.map(Server.ask, processes * 20, [key] * 40)
            assert Counter(status for status, _ in asked) == {200: 5, 429: 35}

    for _ in range(3):
        undisturbed(processes, check)


def test_batches_draw_together_or_not_at_all_and_faulty_ones_draw_one(
    processes: tuple[Server, Server],
) -> None:
    one, two = processes
    three, two_left = ({"pacientes": [EXAMPLE] * count} for count in (3, 2))

    def check(name: str) -> None:
        key = create_key(one.settings, name, "freemium")
        for server, path, body, status, left in (
            (one, "/service/lote", three, 200, 2),
            (two, "/service/lote", three, 429, 2),
            (two, "/service/lote", {}, 422, 1),
            (one, "/service/lote", two_left, 429, 1),
            (two, "/service", EXAMPLE, 200, 0),
        ):
            response, _ = send(server, "POST", path, key, body)
            assert response.status == status
            assert response.headers["RateLimit"].split(";")[1] == f"r={left}"
        refused, _ = send(one, "POST", "/service", key, EXAMPLE)
        assert refused.status == 429
        assert refused.headers["RateLimit"].endswith(f";t={refused.headers['Retry-After']}")

    undisturbed(processes, check)


def test_guesses_are_counted_together(processes: tuple[Server, Server], redis: RedisServer) -> None:
    def check(name: str) -> None:
        redis.ask("FLUSHALL")  # or what disturbed ones have counted would lock the address
        guess = {"username": name, "password": "wrong"}
        asked = [send(processes[n % 2], "POST", "/login", "", guess)[0] for n in range(12)]
        assert [response.status for response in asked] == [401] * 10 + [429] * 2

    undisturbed(processes, check)


def test_without_redis_one_process_counts_for_itself_and_one_refuses(
    processes: tuple[Server, Server], redis: RedisServer
) -> None:
    one, two = processes
    key = create_key(one.settings, "diego", "freemium")
    assert one.ask(key)[0] == 200
    redis.freeze()
    began = time.monotonic()
    assert one.ask(key)[0] == 200
    assert time.monotonic() - began < 10
    response, answer = send(two, "POST", "/service", key, EXAMPLE)
    assert (response.status, answer["code"]) == (503, "limits-unavailable")
    assert response.headers["Retry-After"] == "1"
    login = {"username": "diego", "password": "wrong"}
    assert send(one, "POST", "/login", "", login)[0].status == 401
    assert send(two, "POST", "/login", "", login)[0].status == 503
    assert send(one, "GET", "/readyz")[1]["ventanas"] == "proceso"
    assert send(two, "GET", "/readyz")[1]["code"] == "limits-unavailable"
    assert metric(one, "cardiorisk_windows_away") == 1
    redis.thaw()
    for server in processes:
        until_ready_says(server, "redis")
        assert metric(server, "cardiorisk_windows_away") == 0
    for server in processes:
        assert server.stop() == 0
        assert server.errors.count("is away") == server.errors.count("is back") >= 1
        assert SECRET not in server.errors + server.output
    assert SECRET not in (one.directory / "one" / "bitacora.jsonl").read_text()


def test_without_the_extra_the_start_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['hiredis'] = None; import cardiorisk.__main__ as m; m.main()"
    started = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", "0", "--engine", "litert"],
        cwd=tmp_path,
        env={"PATH": "", "CARDIORISK_WINDOWS_URL": f"redis://:{SECRET}@127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert started.stderr.splitlines()[-1].endswith("pip install 'cardiorisk[cluster]'")
    assert SECRET not in started.stderr
