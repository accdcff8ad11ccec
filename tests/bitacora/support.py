"""What the tests of the bitácora share: a request and a disk that waits to be told."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from cardiorisk.bitacora.chain import is_checkpoint
from cardiorisk.bitacora.entry import Entry

PATIENCE_S = 30.0
"""After this long something hangs; no test comes near it."""

KEEP_WRITING = """
import pathlib, sys
from cardiorisk.bitacora.writer import Bitacora
bitacora = Bitacora(pathlib.Path(sys.argv[1]), seal_key_file=pathlib.Path(sys.argv[2]))
while True:
    bitacora.append(b'{"filler":"%b"}\\n' % (b"x" * 300))
    print(flush=True)
"""
"""A program that prints an empty line after each that it has written."""


class Disk:
    """A disk that finishes an fsync when it is told to."""

    def __init__(self) -> None:
        self.synced_files: list[int] = []
        self.failing = False
        self._started = threading.Semaphore(0)
        self._may_finish = threading.Semaphore(0)

    def fsync(self, file: int) -> None:
        self._started.release()
        assert self._may_finish.acquire(timeout=PATIENCE_S)
        if self.failing:
            raise OSError(5, "Input/output error")
        self.synced_files.append(file)

    async def until_fsync_starts(self) -> None:
        assert await asyncio.to_thread(self._started.acquire, timeout=PATIENCE_S)

    def finish_fsync(self, times: int = 1) -> None:
        self._may_finish.release(times)


def lines_in(path: Path) -> bytes:
    """Return what is in a log beside its checkpoints."""
    return without_checkpoints(path.read_bytes())


def without_checkpoints(text: bytes) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if not is_checkpoint(line))


def make_entry(**changes: Any) -> Entry:
    """Make the contract's example entry, but for the changes."""
    usual: dict[str, Any] = {
        "ts_seconds": 1_795_380_443.123456,
        "request_id": "5f2c",
        "key_id": "key_00112233aabb",
        "plan": "freemium",
        "method": "GET",
        "route": "/service",
        "status": 200,
        "ip": "127.0.0.1",
        "riesgo_cardiaco": True,
        "probabilidad": 0.97,
        "modelo": "a1b2c3",
        "timings_ms": {
            "auth": 0.02,
            "limit": 0.01,
            "validate": 0.05,
            "predict": 0.80,
            "total": 1.02,
        },
    }
    return Entry(**(usual | changes))
