"""The examples of ``docs/deploy``, run: nginx and haproxy before two processes, systemd's unit."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest

from cardiorisk.config import load_settings
from cardiorisk.limits.throttle import ADDRESS_FAILURES
from tests.processes import Server, require_program
from tests.proxies import EXAMPLES, example, free_port
from tests.support import EXAMPLE, create_key, entries

BODY = json.dumps(EXAMPLE).encode()
REGISTRATION = {"username": "ana", "password": "correct horse battery", "email": "ana@example.org"}
HERE, ELSEWHERE = "127.0.0.2", "127.0.0.3"
LIES = {
    "X-Forwarded-For": "198.51.100.66",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=198.51.100.66;proto=http",
}
CALLERS = 8


def trusting() -> ssl.SSLContext:
    """Return what takes the proxy's certificate, which nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Site:
    """Two processes on one database behind a proxy."""

    directory: Path
    ports: tuple[int, int]
    proxy: int = 0
    servers: dict[int, Server] = field(default_factory=dict)

    def start(self, port: int) -> None:
        server = self.servers[port] = Server(
            self.directory,
            *("--engine", "litert", "--port", str(port)),
            CARDIORISK_LOG_DIR=str(self.directory / str(port)),
            CARDIORISK_PLANS="freemium=1000000",
            CARDIORISK_TRUSTED_PROXIES="127.0.0.1",
            CARDIORISK_LISTEN="ready",
        )
        server.wait_until_ready()

    def restart(self, port: int) -> None:
        assert self.servers[port].stop() == 0
        self.start(port)

    def clean_up(self) -> None:
        for server in self.servers.values():
            server.clean_up()

    def ask(
        self, method: str, path: str, body: object = None, caller: str = HERE
    ) -> tuple[HTTPResponse, bytes]:
        """Ask from an address of this machine, and lie about it."""
        connection = HTTPSConnection(
            "127.0.0.1", self.proxy, timeout=30, context=trusting(), source_address=(caller, 0)
        )
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent if body else None, LIES)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response, answer

    def log_lines(self) -> list[dict[str, object]]:
        paths = self.directory.glob("*/bitacora.jsonl")
        return [entry for path in paths for entry in entries(path.read_text())]


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp(request.param), (free_port(), free_port()))
    with ExitStack() as running:
        running.callback(made.clean_up)
        for port in made.ports:
            made.start(port)
        made.proxy = running.enter_context(example(request.param, made.ports, made.directory))
        yield made


class Load:
    """Callers who have patients assessed, each on a connection that the proxy keeps open."""

    def __init__(self, site: Site) -> None:
        database = load_settings({"database_url": f"sqlite:///{site.directory}/keys.db"})
        key = create_key(database, "bruno", "freemium")
        head = f"POST /service HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: "
        self.request = head.encode() + b"%d\r\n\r\n%b" % (len(BODY), BODY)
        self.site = site
        self.statuses: Counter[bytes] = Counter()
        self.answered = asyncio.Event()
        self.is_enough = False

    async def ask_on(self, address: str) -> None:
        while not self.is_enough:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.site.proxy, ssl=trusting(), local_addr=(address, 0)
            )
            is_open = True
            while is_open and not self.is_enough:
                writer.write(self.request)
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
                headers = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:-2])
                await reader.readexactly(int(headers[b"content-length"]))
                self.statuses[answer[9:12]] += 1
                self.answered.set()
                is_open = headers.get(b"connection") != b"close"
            writer.close()
            await writer.wait_closed()

    async def wait_for_more(self) -> None:
        seen = self.statuses.total()
        while self.statuses.total() < seen + 100:
            self.answered.clear()
            await self.answered.wait()


async def restarted_under_load(site: Site, restarts: int) -> Counter[bytes]:
    """Restart one process after the other, and return how many answers had which status."""
    load = Load(site)
    addresses = (f"127.0.1.{number}" for number in range(1, CALLERS + 1))
    callers = [asyncio.create_task(load.ask_on(address)) for address in addresses]
    for number in range(restarts):
        await asyncio.to_thread(site.restart, site.ports[number % 2])
        await load.wait_for_more()
    load.is_enough = True
    await asyncio.gather(*callers)
    return load.statuses


async def test_no_request_is_lost_while_one_process_after_the_other_is_restarted(
    site: Site,
) -> None:
    statuses = await restarted_under_load(site, restarts=2)
    assert set(statuses) == {b"200"}
    assessed = [line for line in site.log_lines() if line["route"] == "/service"]
    assert len(assessed) == statuses.total()


def test_the_caller_is_known_by_address_and_scheme_whatever_it_says(site: Site) -> None:
    response, _ = site.ask("GET", "/entrar")
    assert response.status == 200
    assert "; Secure" in response.headers["Set-Cookie"]
    assert [line["ip"] for line in site.log_lines() if line["route"] == "/entrar"] == [HERE]
    assert site.ask("GET", "/metrics")[0].status == 401


def test_a_body_that_is_too_long_is_refused_by_the_service(site: Site) -> None:
    response, answer = site.ask("POST", "/login", b"1" * (1024 * 1024))
    assert (response.status, json.loads(answer)["code"]) == (413, "body-too-large")


def test_wrong_passwords_of_one_caller_close_the_login_to_nobody_else(site: Site) -> None:
    right = {name: REGISTRATION[name] for name in ("username", "password")}

    def guess(number: int) -> int:
        wrong = {"username": f"n{number}", "password": "wrong"}
        return site.ask("POST", "/login", wrong)[0].status

    statuses = [guess(number) for number in range(ADDRESS_FAILURES + 1)]
    assert statuses == [*[401] * ADDRESS_FAILURES, 429]
    assert site.ask("POST", "/register", REGISTRATION, ELSEWHERE)[0].status == 201
    assert site.ask("POST", "/login", right, ELSEWHERE)[0].status == 200
    assert site.ask("POST", "/SwitchToPremium", right, ELSEWHERE)[0].status == 200
    assert site.ask("POST", "/register", REGISTRATION)[0].status == 409


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Write systemd's unit down with the command that is installed here."""
    name = "cardiorisk@.service"
    text = (EXAMPLES / name).read_text()
    assert text.count("/opt/cardiorisk/.venv/bin/") == 1
    path = tmp_path / name
    path.write_text(text.replace("/opt/cardiorisk/.venv/bin", str(Path(sys.executable).parent)))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--man=no"),
        # In tenths, where a service without any of it has 96.
        ("security", "--offline=true", "--no-pager", "--threshold=12"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_unit_is_one_that_systemd_takes_and_finds_hardened(
    unit: Path, arguments: tuple[str, ...]
) -> None:
    analyze = require_program("systemd-analyze", "apt-get install systemd")
    require_program("curl", "apt-get install curl")  # the unit asks with it whether it is ready
    run = subprocess.run(
        [analyze, *arguments, str(unit)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert unit.name not in run.stderr  # an unknown name is told, and no failure


def test_the_unit_sets_what_can_be_set(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in re.findall("^Environment=(\\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        monkeypatch.setenv(name, text)
    assert load_settings().listen == "ready"
