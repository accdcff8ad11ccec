"""What a key, an account and a line take up, and how long a log takes to be summed up."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.filled import database_url, entry, log_directory
from benchmarks.micro_cases import filled_limiter
from benchmarks.rows import row_of

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.micro_cases import Sizes
    from benchmarks.rows import Row

LIMITER_BYTES = "limiter, an account"
KEY_BYTES = "database, a key and its account"
LINE_BYTES = "bitácora, a line"
LOG_STATISTICS = "cardiorisk log stats"
_SOON_READ_LINES = 100_000
"""A log of more is read once: that takes half a minute, and its start counts for nothing."""


def sizes_at_rest(room: Path, sizes: Sizes) -> list[Row]:
    """Return the bytes of an account in the limiter, a key on the disk and a line in the log."""
    rows = [
        row_of(LIMITER_BYTES, accounts, "bytes", [limiter_bytes(accounts) / accounts])
        for accounts in sizes.accounts
    ]
    for keys in sizes.keys:
        file_bytes = (room / database_url(room, keys).removeprefix("sqlite:///")).stat().st_size
        rows.append(row_of(KEY_BYTES, keys, "bytes", [file_bytes / keys]))
    rows.append(row_of(LINE_BYTES, "", "bytes", [len(entry().line())]))
    return rows


def limiter_bytes(accounts: int) -> int:
    """Return what a limiter holds in memory that has seen this many accounts in one minute."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        limiter = filled_limiter(accounts)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    if limiter.active_accounts() != accounts:
        raise SystemExit(f"the limiter holds {limiter.active_accounts()} of {accounts} accounts")
    return held


def log_statistics(room: Path, sizes: Sizes, runs: int) -> list[Row]:
    """Return the seconds that the command takes, its start included."""
    command = [sys.executable, "-m", "cardiorisk", "log", "stats", "--log-dir"]
    rows = []
    for lines in sizes.log_lines:
        seconds = []
        for _ in range(runs if lines <= _SOON_READ_LINES else 1):
            started = perf_counter()
            directory = str(log_directory(room, lines))
            subprocess.run([*command, directory], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - this project's own command
            seconds.append(perf_counter() - started)
        rows.append(row_of(LOG_STATISTICS, lines, "s", seconds))
    return rows
