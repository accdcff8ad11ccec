"""A contestant as running processes: started, asked once, weighed and stopped.

A server may be several processes; processor time and memory are those of all of them. What a child
used before it ended is in its parent's account, so no time is lost or counted twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.contestants import VARIABLES, own_interpreter
from benchmarks.environments import Skipped, package_versions, require_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contestants import Contestant

ROOT = Path(__file__).parents[1]
ARTEFACT = ROOT / "cardiorisk" / "artefact"
START_PATIENCE_SECONDS = 90
STOP_PATIENCE_SECONDS = 15
SETTLE_PATIENCE_SECONDS = 120
SETTLE_SECONDS = 0.25
IDLE_SHARE = 0.2
"""Of one core; what an idle server's own timers may take."""
POLL_SECONDS = 0.01
USER = "bench"
MEGABYTE = 1e6


def post(
    port: int, path: str, body: str, headers: Mapping[str, str], timeout: float = 30
) -> tuple[int, bytes]:
    """Ask a server of this machine once.

    Raises:
        OSError: it does not listen, or hangs up.
        HTTPException: what it answers is not HTTP.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@dataclass(slots=True)
class Running:
    """A server that has given a good answer.

    Attributes:
        contestant: which.
        port: of 127.0.0.1.
        process: the one that was started; the others are its children.
        headers: what a request carries.
        versions: of the packages that matter.
        start_seconds: from the start of the process to the first good answer.
        start_memory_mb: its memory then.
    """

    contestant: Contestant
    port: int
    process: psutil.Popen
    versions: dict[str, str]
    headers: dict[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/json", "Authorization": "none"}
    )
    start_seconds: float = 0.0
    start_memory_mb: float = 0.0

    def processes(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has used so far."""
        # User and system, its own and its ended children's; what follows is waiting for the disk.
        times = [_or_gone(each.cpu_times) or () for each in self.processes()]
        return float(sum(sum(each[:4]) for each in times))

    def memory_mb(self) -> float:
        """Return the proportional set size: pages that two share count half for each."""
        found = [_or_gone(each.memory_full_info) for each in self.processes()]
        # Only Linux knows the proportional size; elsewhere the unique one is the nearest.
        return float(sum(getattr(each, "pss", each.uss) for each in found if each)) / MEGABYTE

    def settle(self) -> None:
        """Wait until the server no longer works for callers that have left, two minutes at most.

        A slow server has a request of each connection in its hands when the load ends, and would
        take the processor from the next one that is measured.
        """
        until = time.monotonic() + SETTLE_PATIENCE_SECONDS
        while time.monotonic() < until:
            before = self.cpu_seconds()
            time.sleep(SETTLE_SECONDS)
            if self.cpu_seconds() - before < SETTLE_SECONDS * IDLE_SHARE:
                return

    def assess(self, patient: Mapping[str, float]) -> float:
        """Return the probability that the server answers.

        Raises:
            Skipped: it answers something else.
        """
        status, answer = post(self.port, "/service", json.dumps(dict(patient)), self.headers)
        try:
            return float(json.loads(answer)["probabilidad"])
        except (ValueError, KeyError, TypeError) as unusable:
            shown = answer[:200].decode(errors="replace")
            raise Skipped(f"answers {status} and no probability: {shown}") from unusable

    def stop(self) -> None:
        """End the server, kindly at first."""
        processes = self.processes() if self.process.is_running() else []
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=STOP_PATIENCE_SECONDS)
        for each in alive:
            each.kill()
        psutil.wait_procs(alive, timeout=STOP_PATIENCE_SECONDS)
        self.process.wait()


def _or_gone(ask: Any) -> Any:
    """Return what a process says of itself, or None where it has ended meanwhile."""
    try:
        return ask()
    except psutil.NoSuchProcess:
        return None


def start(contestant: Contestant, port: int, room: Path, onnx_path: Path, body: str) -> Running:
    """Start a server in a directory of its own and wait for its first good answer.

    Raises:
        Skipped: it cannot be installed, or does not come to answer.
    """
    interpreter = own_interpreter(contestant) or require_environment(contestant.environment)
    versions = package_versions(interpreter, contestant.packages)
    secret = secrets.token_urlsafe(32)
    variables = (
        os.environ
        | VARIABLES
        | {
            "PYTHONPATH": str(ROOT),
            "BENCHMARK_ONNX": str(onnx_path),
            "BENCHMARK_KERAS": str(ARTEFACT / "cardiorisk.keras"),
            "BENCHMARK_SECRET": secret,
        }
    )
    key = _create_key(interpreter, room, variables) if contestant.authorization == "key" else ""
    if _is_taken(port):
        raise Skipped(f"another program listens on port {port}; --port takes other ones")
    with (room / "output.txt").open("wb") as output:
        started = time.monotonic()
        process = psutil.Popen(
            [interpreter, *contestant.command, str(port)],
            cwd=room,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Running(contestant, port, process, versions)
    running.headers["Authorization"] = key or secret
    try:
        _wait_until_good(running, body, secret)
    except Skipped as skipped:
        running.stop()
        last = (room / "output.txt").read_text(errors="replace").splitlines()[-3:]
        raise Skipped(f"{skipped}. It said last: {' / '.join(last)[:400]}") from skipped
    running.start_seconds = time.monotonic() - started
    running.start_memory_mb = running.memory_mb()
    return running


def _is_taken(port: int) -> bool:
    """Tell whether somebody would answer already, whose answers would be taken for the server's."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def _create_key(interpreter: str, room: Path, variables: Mapping[str, str]) -> str:
    command = [interpreter, "-m", "cardiorisk", "keys", "create", "--account", USER]
    run = subprocess.run(  # noqa: S603 - this project's own command
        command, cwd=room, env=dict(variables), check=True, capture_output=True, text=True
    )
    return run.stdout.strip()


def _wait_until_good(running: Running, body: str, secret: str) -> None:
    """Ask until a 200 comes.

    Raises:
        Skipped: the process ends, or the time is up.
    """
    until = time.monotonic() + START_PATIENCE_SECONDS
    last = "nothing"
    is_logged_in = running.contestant.authorization != "login"
    while time.monotonic() < until:
        if running.process.poll() is not None:
            raise Skipped(f"ended at its start with {running.process.returncode}")
        try:
            if not is_logged_in:
                running.headers["Authorization"] = _log_in(running, secret)
                is_logged_in = True
            status, answer = post(running.port, "/service", body, running.headers)
        except (OSError, HTTPException) as failed:
            last = repr(failed)
        else:
            if status == 200:  # noqa: PLR2004 - the status of a good answer
                return
            last = f"{status} {answer[:200]!r}"
        time.sleep(POLL_SECONDS)
    raise Skipped(f"gave no good answer in {START_PATIENCE_SECONDS} s, but {last}")


def _log_in(running: Running, secret: str) -> str:
    """Return the Authorization that the server gives for its user's password.

    Raises:
        OSError: it does not.
    """
    body = json.dumps({"username": USER, "password": secret})
    status, answer = post(running.port, "/login", body, {"Content-Type": "application/json"})
    if status != 200:  # noqa: PLR2004 - the status of a good answer
        raise ConnectionError(f"login got {status}")
    return f"Bearer {json.loads(answer)['access_token']}"
