"""The recipe for rsyslog: elsewhere is every line once, whole, in its order and with its node."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

import pytest

from cardiorisk.bitacora.files import in_order, list_files
from cardiorisk.bitacora.verification import verify
from cardiorisk.bitacora.writer import Bitacora
from tests.bitacora.support import PATIENCE_S, make_entry
from tests.processes import require_program, until
from tests.proxies import EXAMPLES, free_port

NODES = ("1", "b")


class Shipping:
    """rsyslog of the machine and rsyslog of the collector, by the examples, in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rsyslogd = require_program("rsyslogd", "apt-get install rsyslog rsyslog-relp")
        if not any(Path("/usr/lib").glob("*/rsyslog/omrelp.so")):
            require_program("omrelp.so", "apt-get install rsyslog-relp")
        self.logs, self.collected = directory / "logs", directory / "collected"
        self.port = free_port()
        self.shutdown_ms = 60_000

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Run one of the two until its end; the next run goes on from its state folder."""
        work = self.directory / name
        work.mkdir(exist_ok=True)
        text = (EXAMPLES / f"{name}.conf").read_text()
        for old, new in (
            ("collector.example", "127.0.0.1"),
            ('port="2514" max', 'address="127.0.0.1" port="2514" max'),
            ("2514", str(self.port)),
            ('resumeInterval="5"', 'resumeInterval="1"'),
            ('timeoutShutdown="60000"', f'timeoutShutdown="{self.shutdown_ms}"'),
            ("/var/log/cardiorisk", str(self.logs)),
            ("/var/log/collected", str(self.collected)),
        ):
            text = text.replace(old, new)
        config = work / "rsyslog.conf"
        config.write_text(f'global(workDirectory="{work}")\n{text}')
        command = [self.rsyslogd, "-n", "-f", str(config), "-i", str(work / "pid")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S * 3)

    def sent(self, node: str) -> bytes:
        files = list_files(self.logs / f"bitacora-{node}.jsonl")
        return b"".join(file.path.read_bytes() for file in files)

    def file_of(self, node: str) -> Path:
        return self.collected / socket.gethostname() / f"bitacora-{node}.jsonl"

    def received(self, node: str) -> bytes:
        return self.file_of(node).read_bytes() if self.file_of(node).exists() else b""

    def last(self, node: str) -> bytes:
        return self.sent(node).splitlines(keepends=True)[-1]

    def is_queued(self, node: str) -> bool:
        queues = (self.directory / "rsyslog").glob("cardiorisk.0*")
        return any(self.last(node).strip() in queue.read_bytes() for queue in queues)

    def process_id(self, name: str) -> int:
        return int((self.directory / name / "pid").read_text())

    def wait_for_last(self) -> None:
        until(lambda: all(self.received(node).endswith(self.last(node)) for node in NODES))

    def wait(self) -> None:
        until(self.has_arrived, PATIENCE_S * 3)

    def has_arrived(self) -> bool:
        return all(len(self.received(node)) >= len(self.sent(node)) for node in NODES)


def append(bitacoras: list[Bitacora], count: int) -> None:
    for number in range(count):
        route = "/" + "x" * (60_000 if number % 100 == 0 else 9)  # longer than rsyslog's usual
        for bitacora, node in zip(bitacoras, NODES, strict=True):
            entry = make_entry(request_id=token_hex(8), route=route, node=node)
            bitacora.append(entry.line())


@pytest.fixture
def shipping(tmp_path: Path) -> Shipping:
    return Shipping(tmp_path)


def test_every_line_arrives_once_and_whole_through_rotation_and_restarts(
    shipping: Shipping,
) -> None:
    bitacoras = [Bitacora(shipping.logs, node=node) for node in NODES]

    def write(count: int) -> None:
        append(bitacoras, count)

    with ExitStack() as collector:
        collector.enter_context(shipping.running("rsyslog-collector"))
        with shipping.running("rsyslog"):
            write(300)
            shipping.wait()
            for bitacora in bitacoras:
                bitacora.path.rename(f"{bitacora.path}-20261127-1")
            write(200)  # still into the renamed files
            until(lambda: _has_followed(bitacoras))
            shipping.wait()  # a renamed file is not looked for again
            write(200)
        write(200)
        with shipping.running("rsyslog"):
            shipping.wait()
            collector.close()
            write(200)
            with shipping.running("rsyslog-collector"):
                for bitacora in bitacoras:
                    bitacora.close()
                shipping.wait()
    for node in NODES:
        assert shipping.received(node) == shipping.sent(node)
        found = verify(in_order([shipping.file_of(node)]))
        assert (found.fault, found.lines) == (None, 1100)


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_waits_for_the_collector_outlives_an_end_but_for_a_line_and_a_kill_9_with_repeats(
    shipping: Shipping, *, is_killed: bool
) -> None:
    bitacoras = [Bitacora(shipping.logs, node=node) for node in NODES]
    shipping.shutdown_ms = 500
    with shipping.running("rsyslog"):
        with shipping.running("rsyslog-collector"):
            append(bitacoras, 50)
            shipping.wait()
        append(bitacoras, 200)
        for bitacora in bitacoras:
            bitacora.close()
        until(lambda: all(shipping.is_queued(node) for node in NODES))
        if is_killed:
            os.kill(shipping.process_id("rsyslog"), signal.SIGKILL)
    with shipping.running("rsyslog-collector"), shipping.running("rsyslog"):
        shipping.wait_for_last()
    missing = repeated = 0
    for node in NODES:
        sent, received = (shipping.sent(node).splitlines(), shipping.received(node).splitlines())
        first = list(dict.fromkeys(received))
        left = iter(sent)
        assert all(line in left for line in first)  # in their order
        missing += len(sent) - len(first)
        repeated += len(received) - len(first)
        assert (verify(in_order([shipping.file_of(node)])).fault is None) == (received == sent)
    if is_killed:
        assert missing == 0
        assert 0 < repeated <= 100 * len(NODES)
    else:
        assert missing <= 1
        assert repeated == 0


def _has_followed(bitacoras: list[Bitacora]) -> bool:
    """Have the processes look for their files, as they do each second."""
    for bitacora in bitacoras:
        bitacora.tick()
    return all(bitacora.path.exists() for bitacora in bitacoras)
