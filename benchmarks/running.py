"""A contestant as running processes: installed, started, asked once, weighed and stopped.

A server may be several processes: processor time and memory are those of all of them. What a child
used before it ended is in its parent's account.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.load import BODY
from benchmarks.results import ROOT, Server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.contestants import Contestant

BENCHMARKS = ROOT / "benchmarks"
ARTEFACT = ROOT / "cardiorisk" / "artefact"
GOOD = 200
INSTALL_TIMEOUT_SECONDS = 1800
START_TIMEOUT_SECONDS = 90
STOP_TIMEOUT_SECONDS = 15
SETTLE_TIMEOUT_SECONDS = 120
SETTLE_SECONDS = 0.25
IDLE_SHARE = 0.2
"""Of one core: what an idle server's own timers may take."""
POLL_SECONDS = 0.01


class Skipped(Exception):
    """A contestant cannot take part; the message says why."""


@dataclass(slots=True)
class Running:
    """A server that has given a good answer.

    Attributes:
        contestant: which.
        port: of 127.0.0.1.
        process: the one that was started; the others are its children.
        headers: what a request carries.
        started: how it started.
    """

    contestant: Contestant
    port: int
    process: psutil.Popen
    headers: dict[str, str]
    started: Server | None = None

    def processes(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has used so far."""
        # User and system, its own and its ended children's; what follows is waiting for the disk.
        times = [_or_gone(each.cpu_times) or () for each in self.processes()]
        return float(sum(sum(each[:4]) for each in times))

    def memory_mb(self) -> float:
        """Return the proportional set size: a page that two share counts half for each."""
        found = [_or_gone(each.memory_full_info) for each in self.processes()]
        # Only Linux knows the proportional size; elsewhere the unique one is the nearest.
        return float(sum(getattr(each, "pss", each.uss) for each in found if each)) / 1e6

    def settle(self) -> None:
        """Wait until the server no longer works for callers that have left.

        A slow server still has a request of each connection in hand when the load ends, and would
        take the processor from the next server that is measured.
        """
        until = time.monotonic() + SETTLE_TIMEOUT_SECONDS
        while time.monotonic() < until:
            before = self.cpu_seconds()
            time.sleep(SETTLE_SECONDS)
            if self.cpu_seconds() - before < SETTLE_SECONDS * IDLE_SHARE:
                return

    def post(self, body: str) -> tuple[int, bytes]:
        """Ask once, and return the status and the body of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/service", body, self.headers)
            response = connection.getresponse()
            return response.status, response.read()

    def stop(self) -> None:
        """End the server, by force where it does not end by itself."""
        processes = self.processes() if self.process.is_running() else []
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=STOP_TIMEOUT_SECONDS)
        for each in alive:
            each.kill()
        self.process.wait()


def _or_gone(ask: Any) -> Any:
    """Return what a process says of itself, or None where it has ended meanwhile."""
    try:
        return ask()
    except psutil.NoSuchProcess:
        return None


def start(contestant: Contestant, room: Path, onnx_path: Path | None = None) -> Running:
    """Start a server in a directory of its own and wait for its first good answer.

    Raises:
        Skipped: it cannot be installed, or does not come to answer.
    """
    environment = contestant.environment
    python = install(environment) if environment else contestant.own_interpreter
    secret = secrets.token_urlsafe(32)
    variables = os.environ | {
        "PYTHONPATH": str(contestant.checkout),
        "BENCHMARK_ONNX": str(onnx_path),
        "BENCHMARK_KERAS": str(ARTEFACT / "cardiorisk.keras"),
        "BENCHMARK_SECRET": secret,
        "CARDIORISK_PLANS": "freemium=1000000000",  # a limit that works and never refuses
    }
    if contestant.credential == "key":
        secret = _create_key(python, room, variables)
    port = free_port()
    with (room / "output.txt").open("wb") as output:
        started = time.monotonic()
        process = psutil.Popen(
            [python, *contestant.command, str(port)],
            cwd=room,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    headers = {"Content-Type": "application/json", "Authorization": secret}
    running = Running(contestant, port, process, headers)
    try:
        _wait_until_good(running, room / "token")
    except Skipped as skipped:
        running.stop()
        last = (room / "output.txt").read_text(errors="replace").splitlines()[-3:]
        raise Skipped(f"{skipped}. It said last: {' / '.join(last)[:400]}") from skipped
    seconds = round(time.monotonic() - started, 3)
    running.started = Server(contestant.name, seconds, round(running.memory_mb(), 1))
    return running


def free_port() -> int:
    """Return a port that nobody has, nor gets from the system, which gives those above."""
    while True:
        port = secrets.choice(range(10_000, 32_768))
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _create_key(python: str, room: Path, variables: Mapping[str, str]) -> str:
    command = [python, "-m", "cardiorisk", "keys", "create", "--account", "bench"]
    run = subprocess.run(  # noqa: S603 - this project's own command
        command, cwd=room, env=variables, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise Skipped(f"made no key: {run.stderr.strip()[-300:]}")
    return run.stdout.strip()


def _wait_until_good(running: Running, token: Path) -> None:
    """Ask until the answer is good.

    Raises:
        Skipped: the process ends, or the time is up.
    """
    until = time.monotonic() + START_TIMEOUT_SECONDS
    last = "nothing"
    while time.monotonic() < until:
        if running.process.poll() is not None:
            raise Skipped(f"ended at its start with {running.process.returncode}")
        if token.exists():
            running.headers["Authorization"] = f"Bearer {token.read_text()}"
        try:
            status, answer = running.post(BODY)
        except (OSError, HTTPException) as failed:
            last = repr(failed)
        else:
            if status == GOOD:
                return
            last = f"{status} {answer[:200]!r}"
        time.sleep(POLL_SECONDS)
    raise Skipped(f"gave no good answer in {START_TIMEOUT_SECONDS} s, but {last}")


def install(name: str, directory: Path = BENCHMARKS) -> str:
    """Return the interpreter of a foreign environment, made first where it is missing.

    It is made anew when its pins change, by one process at a time.

    Raises:
        Skipped: it cannot be installed.
    """
    requirements = directory / "requirements" / f"{name}.txt"
    environment = directory / ".environments" / name
    stamp, python = environment / "installed.txt", environment / "bin" / "python"
    environment.parent.mkdir(exist_ok=True)
    with (environment.parent / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if stamp.is_file() and stamp.read_text() == requirements.read_text():
            return str(python)
        print(f"{name}: installing, once...", flush=True)
        shutil.rmtree(environment, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install"]
        try:
            for command in (
                [sys.executable, "-m", "venv", "--without-pip", str(environment)],
                [*pip, "--requirement", str(requirements)],
            ):
                subprocess.run(  # noqa: S603 - our own interpreter and pip
                    command,
                    check=True,
                    capture_output=True,
                    text=True,
                    timeout=INSTALL_TIMEOUT_SECONDS,
                )
        except subprocess.SubprocessError as failed:
            words = getattr(failed, "stderr", None) or failed
            raise Skipped(f"{name} cannot be installed: {str(words).strip()[-300:]}") from failed
        stamp.write_text(requirements.read_text())
        return str(python)
