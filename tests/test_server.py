"""The process as people run it: started, asked, signalled, killed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pytest

from cardiorisk.bitacora.files import list_files
from cardiorisk.bitacora.verification import verify
from cardiorisk.config import load_settings
from tests.processes import (
    STOP_SECONDS,
    Server,
    UnixConnection,
    require_program,
    until,
    within_a_second,
)
from tests.support import EXAMPLE, entries

LITERT = ("--engine", "litert")


class StartServer(Protocol):
    """Starts a server in the test's directory, to be cleaned up after the test."""

    def __call__(self, *options: str, **settings: Any) -> Server: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    started: list[Server] = []

    def run(*options: str, **settings: Any) -> Server:
        started.append(Server(tmp_path, *options, **settings))
        return started[-1]

    yield run
    for server in started:
        server.clean_up()


@pytest.fixture
def server(start: StartServer) -> Server:
    return start(*LITERT, CARDIORISK_PLANS="freemium=1000000").wait_until_ready()


def _connect(server: Server) -> socket.socket:
    host, _, port = server.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


@pytest.mark.parametrize(
    ("options", "ip"), [((), "127.0.0.1"), (("--host", "unix:a b.sock"), "unix")]
)
def test_the_printed_curl_line_works_when_pasted(
    start: StartServer, options: tuple[str, ...], ip: str
) -> None:
    require_program("curl", "apt-get install curl")
    server = start(*LITERT, *options).wait_until_ready()
    line = next(line for line in server.output.splitlines() if line.strip().startswith("curl "))
    run = subprocess.run(
        [*shlex.split(line), "-s"], capture_output=True, check=True, cwd=server.directory
    )
    assert json.loads(run.stdout)["riesgo_cardiaco"] is False
    assert server.log_lines()[-1]["ip"] == ip
    assert server.stop() == 0
    assert not list(server.directory.glob("*.sock"))


@pytest.mark.parametrize("host", ["::", "[::]", "0::0"])
def test_two_colons_are_every_address_of_both_families(start: StartServer, host: str) -> None:
    server = start(*LITERT, "--host", host).wait_until_ready()
    port = int(server.address.rpartition(":")[2])
    for address in ("127.0.0.1", "::1"):
        with closing(HTTPConnection(address, port, timeout=10)) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
    assert [line["ip"] for line in server.log_lines()] == ["127.0.0.1", "::1"]


def test_who_watches_is_told_the_end_before_the_process_stops(server: Server) -> None:
    headers = {"Authorization": server.create_operator_key("olga")}
    with server.connection() as connection:
        connection.request("GET", "/operator/events", headers=headers)
        response = connection.getresponse()
        assert response.readline() == b"retry: 5000\n"
        assert server.stop() == 0
        assert response.read().endswith(b"\n\n")  # or http.client would say that it is torn
    assert server.log_lines()[-1]["route"] == "/operator/events"


def test_the_first_key_is_printed_once(server: Server, start: StartServer) -> None:
    assert server.output.count(f"  {server.key}\n") == 1
    assert server.stop() == 0
    assert "crk_" not in start(*LITERT).wait_until_ready().output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(server: Server, number: int) -> None:
    with server.connection() as kept_alive:
        kept_alive.request("GET", "/healthz")
        assert kept_alive.getresponse().read()
        assert server.stop(number) == 0
    assert not list(server.directory.glob("keys.db-*"))


def _failed_start(*options: str) -> str:
    """Start a server that cannot be started; return the one line that it ends with."""
    command = [sys.executable, "-m", "cardiorisk", "serve", *LITERT, *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    return run.stderr


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = _failed_start("--port", str(port))
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


def test_a_socket_without_its_directory_is_one_clear_line() -> None:
    assert _failed_start("--host", "unix:/nowhere/http.sock") == (
        "cardiorisk: cannot listen on unix:/nowhere/http.sock: No such file or directory; "
        "choose another address or path with --host, or another port with --port\n"
    )


def test_a_spoilt_network_stops_the_start_with_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDIORISK_MODEL_DIR", str(tmp_path))
    assert "train.py" in _failed_start("--port", "0")


@pytest.mark.parametrize("ending", ["keys revoke KEY_ID", "accounts delete demo --yes"])
def test_a_revocation_by_the_command_arrives_within_a_second(server: Server, ending: str) -> None:
    assert server.ask()[0] == 200
    command = [sys.executable, "-m", "cardiorisk"]
    listing = subprocess.run(
        [*command, "keys", "list", "--json"], cwd=server.directory, capture_output=True, check=True
    )
    key_id = json.loads(listing.stdout)[0]["key_id"]
    arguments = ending.replace("KEY_ID", key_id).split()
    subprocess.run([*command, *arguments], cwd=server.directory, check=True)
    within_a_second(lambda: server.ask()[0] != 200)
    assert server.ask()[1]["code"] == "invalid-key"


def test_killed_under_load_every_answer_seen_is_in_the_log(start: StartServer) -> None:
    server = start(*LITERT, is_measured=False, CARDIORISK_PLANS="freemium=1000000")
    server.wait_until_ready()
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
    whole, _, _ = server.log_text().rpartition("\n")
    logged = {entry["request_id"] for entry in entries(whole)}
    assert set(seen) <= logged
    assert verify(list_files(server.directory / "logs" / "bitacora.jsonl")).fault is None


def test_a_log_that_nobody_reads_refuses_and_freezes_nothing(
    tmp_path: Path, start: StartServer
) -> None:
    pipe = tmp_path / "logs" / "bitacora.jsonl"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    server = start(*LITERT).wait_until_ready()
    assert [answer[1]["code"] for answer in (server.ask(), server.ask())] == ["log-unavailable"] * 2
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert server.ask()[0] == 200
    assert os.read(reader, 1 << 16).count(b'"status":200') == 1
    with server.connection() as connection:
        headers = {"Authorization": server.create_operator_key("olga")}
        connection.request("GET", "/operator/log", headers=headers)
        assert json.loads(connection.getresponse().read())["code"] == "log-unavailable"
    os.close(reader)
    assert server.ask()[1]["code"] == "log-unavailable"
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("redirection", "said"),
    [("<&- >&- 2>&-", ""), (">&-", "the key of the account demo could not be shown")],
)
def test_with_its_streams_closed_it_serves(
    tmp_path: Path, start: StartServer, redirection: str, said: str
) -> None:
    wrapper = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    server = start(*LITERT, "--host", "unix:http.sock", wrapper=wrapper)

    def is_ready() -> bool:
        with suppress(OSError), closing(UnixConnection(tmp_path / "http.sock")) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    until(is_ready, STOP_SECONDS)
    assert server.stop() == 0
    assert said in server.errors
    assert all(line["route"] == "/readyz" for line in server.log_lines())


def test_what_it_prints_into_full_pipes_stops_nothing(server: Server) -> None:
    for number in (1, 2):
        path = f"/proc/{server.process.pid}/fd/{number}"
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, bytes(1 << 12))
        os.close(pipe)
    log = server.directory / "logs" / "bitacora.jsonl"
    link = server.directory / "link"
    link.symlink_to(server.directory)
    link.replace(log)  # at once, or a file would be made anew in between
    assert server.ask()[1]["code"] == "log-unavailable"  # which is told on standard error
    log.unlink()
    assert server.ask()[0] == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_SECONDS) == 0


def test_a_hang_up_replaces_the_network(tmp_path: Path, start: StartServer) -> None:
    model = shutil.copytree(load_settings().model_dir, tmp_path / "model")
    server = start(*LITERT, CARDIORISK_MODEL_DIR=str(model)).wait_until_ready()
    assert server.process.stderr is not None
    card = json.loads((model / "card.json").read_text())
    said, new = [], "14-7-1-0badcafe"
    for version, threshold in ((new, 0.5), ("14-7-1-00000bad", 2)):
        (model / "card.json").write_text(
            json.dumps(card | {"version": version, "threshold": threshold})
        )
        server.process.send_signal(signal.SIGHUP)
        said.append(
            next(line for line in server.process.stderr if "the network" in line).split(": ", 1)[1]
        )
    assert said[0] == f"the network {new} has replaced {card['version']}\n"
    assert said[1].startswith(f"the network {new} goes on: ")
    assert "threshold" in said[1]
    assert server.ask()[1]["modelo"] == new


def test_keras_serves_the_same_answer(start: StartServer) -> None:
    server = start().wait_until_ready()
    status, answer = server.ask()
    assert (status, answer["riesgo_cardiaco"]) == (200, False)
    assert server.stop() == 0


@pytest.fixture
def held_up(tmp_path: Path, start: StartServer) -> Iterator[tuple[Server, BinaryIO]]:
    """A server that listens and waits for its network's card, and where to write it."""
    model = shutil.copytree(load_settings().model_dir, tmp_path / "model")
    (model / "card.json").unlink()
    os.mkfifo(model / "card.json")
    server = start(CARDIORISK_MODEL_DIR=str(model))
    assert server.process.stdout is not None
    server.output = server.process.stdout.readline()
    opened: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):
            opened.append(os.open(model / "card.json", os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    until(is_read)
    with os.fdopen(opened[0], "wb") as card:
        yield server, card


def test_while_the_network_loads_it_is_up_and_not_ready(held_up: tuple[Server, BinaryIO]) -> None:
    server, card = held_up
    statuses = []
    for path in ("/healthz", "/readyz"):
        with server.connection() as connection:
            connection.request("GET", path)
            statuses.append(connection.getresponse().status)
    assert statuses == [200, 503]
    card.write((load_settings().model_dir / "card.json").read_bytes())
    card.close()
    assert server.stop(signal.SIGINT) == 0


def test_a_request_under_way_is_answered_after_the_signal(server: Server) -> None:
    body = json.dumps(EXAMPLE).encode()
    head = f"POST /service HTTP/1.1\r\nHost: x\r\nAuthorization: {server.key}\r\n"
    with _connect(server) as caller:
        caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        assert server.ask()[0] == 200  # so the half request has been read
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stdout is not None
        assert server.process.stdout.readline().startswith("Stopping")
        caller.sendall(body[10:])
        answer = b"".join(iter(lambda: caller.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(STOP_SECONDS) == 0


def test_a_second_signal_does_not_wait(held_up: tuple[Server, BinaryIO]) -> None:
    server, _ = held_up  # whose loading cannot be interrupted, and has no end
    assert server.process.stdout is not None
    server.process.send_signal(signal.SIGINT)
    assert any(line.startswith("Stopping") for line in server.process.stdout)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(STOP_SECONDS) == 0


def limited_to(files: int) -> list[str]:
    return ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]


def test_with_few_files_it_says_so_and_turns_the_rest_away(start: StartServer) -> None:
    server = start(*LITERT, wrapper=limited_to(64)).wait_until_ready()
    with server.connection() as kept:
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        callers = [_connect(server) for _ in range(100)]
        # The first 31 are kept open; the rest are answered as they come.
        callers[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert callers[-1].recv(99).startswith(b"HTTP/1.1 503 ")
        kept.request("GET", "/readyz")
        assert kept.getresponse().status == 200
        for caller in callers:
            caller.close()
    until(lambda: is_answered(server))  # once it has noticed that its other callers have gone
    assert server.stop() == 0
    assert "may open 64 files, so it takes 32 connections" in server.errors


def test_with_too_few_files_it_stops_before_there_is_a_database(
    tmp_path: Path, start: StartServer
) -> None:
    server = start(*LITERT, wrapper=limited_to(47))
    assert server.process.wait(STOP_SECONDS) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_needs_no_directory_for_temporary_files(tmp_path: Path, start: StartServer) -> None:
    unshare = require_program("unshare", "apt-get install util-linux")
    if subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    hiding = (
        'mount --bind "$PWD" /mnt; for each in /tmp /var/tmp; do mount -t tmpfs -o ro none $each; '
        'done; cd /proc; exec "$@"'
    )
    server = start(
        wrapper=[unshare, "-rm", "sh", "-ec", hiding, "sh"],
        is_measured=False,
        CARDIORISK_DATABASE_URL="sqlite:////mnt/keys.db",
        CARDIORISK_LOG_DIR="/mnt/logs",
    )
    assert server.wait_until_ready().ask()[0] == 200
    assert server.stop() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"keys.db", "logs"}


def is_answered(server: Server) -> bool:
    with suppress(OSError, HTTPException, ValueError):  # a 503 is no JSON
        return server.ask()[0] == 200
    return False
