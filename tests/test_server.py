"""The process as people run it: started, asked, signalled, killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

import pytest

from cardiorisk.config import load_settings
from tests.support import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Server:
    """A ``cardiorisk serve`` of its own directory, ready to be asked."""

    def __init__(self, directory: Path, *options: str, **variables: str) -> None:
        self.directory = directory
        command = [sys.executable, "-m", "cardiorisk", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.output = ""

    def wait_until_ready(self) -> Server:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Stop with"):
                return self
        raise AssertionError(self.output + (self.process.stderr or sys.stderr).read())

    @property
    def address(self) -> str:
        found = re.search(r"http://(\S+)", self.output)
        assert found
        return found[1]

    @property
    def key(self) -> str:
        found = re.search(r"crk_\w+", self.output)
        assert found
        return found[0]

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        connection = HTTPConnection(self.address, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self) -> tuple[int, dict[str, Any]]:
        with self.connection() as connection:
            connection.request(
                "POST", "/service", json.dumps(EXAMPLE), {"Authorization": f"Bearer {self.key}"}
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def log_lines(self) -> list[dict[str, Any]]:
        text = (self.directory / "logs" / "bitacora.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.output += self.process.communicate(timeout=30)[0]
        return self.process.returncode


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


@pytest.fixture
def server(tmp_path: Path, servers: list[Server]) -> Server:
    servers.append(Server(tmp_path, "--engine", "litert", CARDIORISK_PLANS="freemium=1000000"))
    return servers[0].wait_until_ready()


def test_the_printed_curl_line_works_when_pasted(server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    line = next(line for line in server.output.splitlines() if line.strip().startswith("curl "))
    run = subprocess.run([*shlex.split(line), "-s"], capture_output=True, check=True)
    assert json.loads(run.stdout)["riesgo_cardiaco"] is False


def test_the_first_key_is_printed_once(server: Server, servers: list[Server]) -> None:
    assert server.output.count(f"  {server.key}\n") == 1
    assert server.stop() == 0
    servers.append(Server(server.directory, "--engine", "litert"))
    assert "crk_" not in servers[1].wait_until_ready().output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(server: Server, number: int) -> None:
    with server.connection() as kept_alive:
        kept_alive.request("GET", "/healthz")
        assert kept_alive.getresponse().read()
        assert server.stop(number) == 0
    assert not list(server.directory.glob("keys.db-*"))


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run(
            [sys.executable, "-m", "cardiorisk", "serve", "--engine", "litert", "--port", port],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in run.stderr
    assert "--port" in run.stderr


def test_a_spoilt_network_stops_the_start_with_one_clear_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cardiorisk", "serve", "--engine", "litert", "--port", "0"],
        cwd=tmp_path,
        env=os.environ | {"CARDIORISK_MODEL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "train.py" in run.stderr


def test_a_revocation_by_the_command_arrives_within_a_second(server: Server) -> None:
    assert server.ask()[0] == 200
    command = [sys.executable, "-m", "cardiorisk", "keys"]
    listing = subprocess.run(
        [*command, "list", "--json"], cwd=server.directory, capture_output=True, check=True
    )
    key_id = json.loads(listing.stdout)[0]["key_id"]
    subprocess.run([*command, "revoke", key_id], cwd=server.directory, check=True)
    revoked_at = time.monotonic()
    while server.ask()[0] == 200:
        assert time.monotonic() - revoked_at < 1.0
    assert server.ask()[1]["code"] == "invalid-key"


def test_killed_under_load_every_answer_seen_is_in_the_log(server: Server) -> None:
    seen: list[str] = []

    def ask_on() -> None:
        headers = {"Authorization": server.key}
        with suppress(OSError, HTTPException), server.connection() as connection:
            while True:
                connection.request("POST", "/service", json.dumps(EXAMPLE), headers)
                response = connection.getresponse()
                if response.status == 200 and response.read():
                    seen.append(response.headers["X-Request-ID"])

    callers = [threading.Thread(target=ask_on) for _ in range(8)]
    for caller in callers:
        caller.start()
    while len(seen) < 300:
        assert server.process.poll() is None
    server.process.kill()
    for caller in callers:
        caller.join()
    text = (server.directory / "logs" / "bitacora.jsonl").read_text()
    logged = {json.loads(line)["request_id"] for line in text.splitlines() if line.endswith("}")}
    assert set(seen) <= logged


def test_a_hang_up_replaces_the_network(tmp_path: Path, servers: list[Server]) -> None:
    model = shutil.copytree(load_settings().model_dir, tmp_path / "model")
    servers.append(Server(tmp_path, "--engine", "litert", CARDIORISK_MODEL_DIR=str(model)))
    server = servers[0].wait_until_ready()
    assert server.process.stderr is not None
    card = json.loads((model / "card.json").read_text())
    said = []
    for version, threshold in (("new", 0.5), ("bad", 2)):
        (model / "card.json").write_text(
            json.dumps(card | {"version": version, "threshold": threshold})
        )
        server.process.send_signal(signal.SIGHUP)
        said.append(
            next(line for line in server.process.stderr if "the network" in line).split(": ", 1)[1]
        )
    assert said[0] == f"the network new has replaced {card['version']}\n"
    assert said[1].startswith("the network new goes on: ")
    assert "threshold" in said[1]
    assert server.ask()[1]["modelo"] == "new"


def test_keras_serves_the_same_answer(tmp_path: Path, servers: list[Server]) -> None:
    servers.append(Server(tmp_path))
    status, answer = servers[0].wait_until_ready().ask()
    assert status == 200
    assert answer["riesgo_cardiaco"] is False
    assert servers[0].stop() == 0


def test_while_the_network_loads_it_is_up_and_not_ready(
    tmp_path: Path, servers: list[Server]
) -> None:
    server = Server(tmp_path)
    servers.append(server)
    assert server.process.stdout is not None
    server.output = server.process.stdout.readline()
    statuses = []
    for path in ("/healthz", "/readyz"):
        with server.connection() as connection:
            connection.request("GET", path)
            statuses.append(connection.getresponse().status)
    assert statuses == [200, 503]
    assert server.stop(signal.SIGINT) == 0
