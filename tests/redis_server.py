"""A Redis of the test's own, on the loopback address."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import hiredis

from tests.processes import require_program
from tests.proxies import free_port, wait_until_it_listens


class RedisServer:
    """Keeps nothing on the disk: what is started again is empty."""

    def __init__(self, directory: Path, *options: str, tls: bool = False, secret: str = "") -> None:
        self._program = require_program("redis-server", "apt-get install redis-server")
        self._directory = directory
        self._options = (*options, "--requirepass", secret) if secret else options
        self._secret = secret
        self.port = free_port()
        self._port_options = ("--port", "0", "--tls-port") if tls else ("--port",)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        password = f":{self._secret}@" if self._secret else ""
        return f"redis://{password}127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        self._process = subprocess.Popen(
            [
                *(self._program, "--bind", "127.0.0.1", *self._port_options, str(self.port)),
                *("--save", "", "--dir", str(self._directory), *self._options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        wait_until_it_listens(self._process, self.port)
        return self

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """Kill it, also where it was stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)

    def ask(self, *arguments: str | int) -> Any:
        """Send one command on a connection of its own; None where it ends without a reply."""
        reader, reply = hiredis.Reader(), None
        login: list[tuple[str | int, ...]] = [("AUTH", self._secret)] if self._secret else []
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for each in (*login, arguments):
                packed = hiredis.pack_command(each)  # type: ignore[arg-type] # any length will do
                connection.sendall(packed)
                while (reply := reader.gets()) is False:
                    data = connection.recv(4096)
                    if not data:
                        return None
                    reader.feed(data)
        return reply

    def let_pass(self, seconds: float) -> None:
        """Have every key expire that much sooner."""
        script = (
            "for _, key in ipairs(redis.call('KEYS', '*')) do "
            "redis.call('PEXPIRE', key, math.max(0, redis.call('PTTL', key) - ARGV[1])) end"
        )
        self.ask("EVAL", script, 0, round(seconds * 1000))
