"""Several processes: the examples of ``docs/deploy``, run, and two on one port."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Any

import pytest

from cardiorisk.config import load_settings
from cardiorisk.limits.throttle import ADDRESSES
from tests.processes import Server, require_program, until
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
CALLERS = 16  # of fewer, nginx may by chance send all to one process, by the hash of its port
LONGEST_SECONDS = 600
NODES = ("1", "2")


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
    servers: dict[str, Server] = field(default_factory=dict)

    def start(self, node: str, **variables: Any) -> Server:
        port = self.ports[int(node) - 1]
        server = self.servers[node] = Server(
            self.directory,
            *("--engine", "litert", "--port", str(port)),
            CARDIORISK_NODE=node,
            CARDIORISK_PLANS="freemium=1000000",
            CARDIORISK_TRUSTED_PROXIES="127.0.0.1",
            CARDIORISK_LISTEN="ready",
            **variables,
        )
        return server.wait_until_ready()

    def restart(self, node: str) -> None:
        assert self.servers[node].stop() == 0
        self.start(node)

    def wait_until_used(self, node: str) -> None:
        """Wait until the proxy has noticed that a process is back."""
        before = self.assessed()[node]
        until(lambda: self.assessed()[node] != before)

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
        texts = [path.read_text() for path in self.directory.glob("logs/bitacora-*.jsonl")]
        whole = [text.rpartition("\n")[0] for text in texts]  # a line may be under way
        return [entry for text in whole for entry in entries(text)]

    def assessed(self) -> Counter[object]:
        """Count the assessments by the process that wrote them down."""
        return Counter(line["node"] for line in self.log_lines() if line["route"] == "/service")


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp(request.param), (free_port(), free_port()))
    with ExitStack() as running:
        running.callback(made.clean_up)
        for node in NODES:
            made.start(node)
        made.proxy = running.enter_context(example(request.param, made.ports, made.directory))
        yield made


class Load:
    """Callers who have patients assessed, each on a connection as long as that is kept open."""

    def __init__(
        self, site: Site, context: ssl.SSLContext | None, answers_a_connection: int
    ) -> None:
        database = load_settings({"database_url": f"sqlite:///{site.directory}/keys.db"})
        key = create_key(database, "bruno", "freemium")
        head = f"POST /service HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: "
        self.request = head.encode() + b"%d\r\n\r\n%b" % (len(BODY), BODY)
        self.port = site.proxy
        self.context = context
        self.answers_a_connection = answers_a_connection
        self.statuses: Counter[bytes] = Counter()
        self.answered = asyncio.Event()
        self.is_enough = False

    async def ask_on(self, address: str) -> None:
        while not self.is_enough:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.context, local_addr=(address, 0)
            )
            left = self.answers_a_connection
            while left and not self.is_enough:
                writer.write(self.request)
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
                headers = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:-2])
                await reader.readexactly(int(headers[b"content-length"]))
                self.statuses[answer[9:12]] += 1
                self.answered.set()
                left = 0 if headers.get(b"connection") == b"close" else left - 1
            writer.close()
            await writer.wait_closed()

    async def wait_for_more(self) -> None:
        seen = self.statuses.total()
        while self.statuses.total() < seen + 100:
            self.answered.clear()
            await self.answered.wait()


async def under_load(
    site: Site,
    *steps: Callable[[], object],
    context: ssl.SSLContext | None = None,
    answers_a_connection: int = 1_000_000,
) -> Counter[bytes]:
    """Do something while callers ask, and return how many answers had which status."""
    load = Load(site, context, answers_a_connection)
    addresses = (f"127.0.1.{number}" for number in range(1, CALLERS + 1))
    callers = [asyncio.create_task(load.ask_on(address)) for address in addresses]
    for step in steps:
        await load.wait_for_more()
        await asyncio.to_thread(step)
    await load.wait_for_more()
    load.is_enough = True
    await asyncio.gather(*callers)
    return load.statuses


@pytest.mark.gen_test(timeout=LONGEST_SECONDS)
async def test_no_request_is_lost_while_one_process_after_the_other_is_restarted(
    site: Site,
) -> None:
    steps = [partial(step, node) for node in NODES for step in (site.restart, site.wait_until_used)]
    statuses = await under_load(site, *steps, context=trusting())
    assert set(statuses) == {b"200"}
    assert site.assessed().total() == statuses.total()


@pytest.mark.gen_test(timeout=LONGEST_SECONDS)
async def test_two_processes_on_one_port_share_the_load_and_one_may_end(tmp_path: Path) -> None:
    port = free_port()
    site, second = Site(tmp_path, (port, port), port), Site(tmp_path, (port, port))
    with socket(AF_UNIX, SOCK_DGRAM) as systemd, ExitStack() as running:
        running.callback(site.clean_up)
        running.callback(second.clean_up)
        systemd.bind(str(tmp_path / "notify"))
        site.start("1", CARDIORISK_REUSE_PORT="1")
        site.start("2", CARDIORISK_REUSE_PORT="1", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert systemd.recv(99) == b"READY=1"
        statuses = await under_load(site, site.servers["1"].stop, answers_a_connection=5)
        assert site.servers["1"].process.returncode == 0
        with pytest.raises(AssertionError, match="give each a name of its own by CARDIORISK_NODE"):
            second.start("2", CARDIORISK_REUSE_PORT="1")
    assert set(statuses) == {b"200"}
    assessed = site.assessed()
    assert assessed.total() == statuses.total()
    assert min(assessed[node] for node in NODES) > 0


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

    statuses = [guess(number) for number in range(ADDRESSES.most + 1)]
    assert statuses == [*[401] * ADDRESSES.most, 429]
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
    run = subprocess.run(
        [analyze, *arguments, str(unit)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert unit.name not in run.stderr  # an unknown name is told, and no failure


def test_the_unit_sets_what_can_be_set(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in re.findall("^Environment=(\\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        monkeypatch.setenv(name, text.replace("%i", "2"))
    settings = load_settings()
    assert (settings.node, settings.port, settings.listen) == ("2", 8882, "ready")
