"""What the micro-benchmarks time, each with all that it needs and nothing else.

The surprise: a miss of the memo is made by a clock that is a minute and a second later
at every look, so that whatever the memo keeps is stale at once.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.filled import asked_keys, database_url, entry, log_directory
from benchmarks.http_cases import HTTP_CASES
from benchmarks.request_cases import BODY, REQUEST_CASES
from benchmarks.timing import Case, awaited, repeated
from benchmarks.writer_cases import writer_cases
from cardiorisk.bitacora.writer import LOG_FILE, Bitacora
from cardiorisk.config import DEFAULT_MODEL_DIR
from cardiorisk.limits.window import Limiter
from cardiorisk.model.engines import load_engine
from cardiorisk.patients.patient import parse_json
from cardiorisk.store.memo import KNOWN_SECONDS, MOST_ENTRIES
from cardiorisk.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.timing import Timer
    from cardiorisk.config import EngineName

MEMO_HIT = "key, memo hit"
MEMO_MISS = "key, memo miss"
DECISION = "limiter decision"
PARSE = "parse a patient"
LINE = "bitácora line"
APPEND = "append to the log"

BATCHES = (1, 8, 64, 1024)
NO_LIMIT = 1_000_000_000
_TOGETHER = 500
"""Keys looked up at a time while the memo is filled; the store refuses more than a thousand."""


class Sizes(NamedTuple):
    """What grows, and to what numbers."""

    keys: tuple[int, ...]
    accounts: tuple[int, ...]
    log_lines: tuple[int, ...]
    engines: tuple[EngineName, ...]


FULL = Sizes(
    keys=(10, 10_000, 1_000_000),
    accounts=(10, 10_000, 1_000_000),
    log_lines=(1_000, 10_000, 100_000, 1_000_000),
    engines=("litert", "keras"),
)
QUICK = Sizes((10, 10_000), (10, 10_000), (1_000, 10_000), ("litert",))


def network(engine: EngineName) -> str:
    """Return the name of the rows of an engine."""
    return f"network, {engine}"


def cases(sizes: Sizes) -> list[Case]:
    """Return everything that is timed, in the order of a request."""
    return [
        *(Case(MEMO_HIT, n, partial(_hits, n), loops=20_000) for n in sizes.keys),
        *(Case(MEMO_MISS, n, partial(_misses, n), loops=300) for n in sizes.keys),
        *(Case(DECISION, n, partial(_decisions, n), loops=100_000) for n in sizes.accounts),
        Case(PARSE, "", _parsing),
        *REQUEST_CASES,
        *HTTP_CASES,
        *(_engine_case(engine, n) for engine in sizes.engines for n in BATCHES),
        *writer_cases(max(sizes.keys)),
        Case(LINE, "os", _lines),
        Case(LINE, "disk", _synced_lines, loops=100),
        *(Case(APPEND, n, partial(_appends, n), loops=500) for n in sizes.log_lines),
    ]


def filled_limiter(accounts: int) -> Limiter:
    """Return a limiter that has seen one request of each account in a minute that never ends."""
    limiter = Limiter(clock=lambda: 1_790_000_000.5)
    for account_id in range(accounts):
        limiter.hit(account_id, NO_LIMIT)
    return limiter


@contextmanager
def _hits(keys: int, room: Path) -> Iterator[Timer]:
    """Ask for as many keys as the memo holds, in turn."""
    store = Store.open(database_url(room, keys))
    chosen = asked_keys(room, keys)[:MOST_ENTRIES]
    random.Random(keys).shuffle(chosen)  # noqa: S311 - an order, no secret

    async def fill() -> None:
        for first in range(0, len(chosen), _TOGETHER):
            together = chosen[first : first + _TOGETHER]
            await asyncio.gather(*(store.principal(key) for key in together))

    asyncio.run(fill())
    turns = cycle(chosen)
    yield awaited(lambda: store.principal(next(turns)))
    statistics = store.memo.statistics()
    if statistics.misses > len(chosen):
        raise SystemExit(f"{statistics.misses - len(chosen)} keys were not in the memo any more")
    asyncio.run(store.close())


@contextmanager
def _misses(keys: int, room: Path) -> Iterator[Timer]:
    """Ask for keys in turn, each of which the database is asked for."""
    later = count(step=KNOWN_SECONDS + 1)
    store = Store.open(database_url(room, keys), monotonic=lambda: next(later))
    chosen = asked_keys(room, keys)
    random.Random(keys).shuffle(chosen)  # noqa: S311 - an order, no secret
    turns = cycle(chosen)
    yield awaited(lambda: store.principal(next(turns)))
    if store.memo.statistics().hits:
        raise SystemExit(f"the memo answered {store.memo.statistics().hits} times")
    asyncio.run(store.close())


@contextmanager
def _decisions(accounts: int, _room: Path) -> Iterator[Timer]:
    limiter = filled_limiter(accounts)
    order = random.Random(accounts)  # noqa: S311 - an order, no secret
    turns = cycle([order.randrange(accounts) for _ in range(100_000)])
    yield repeated(lambda: limiter.hit(next(turns), NO_LIMIT))


@contextmanager
def _parsing(_room: Path) -> Iterator[Timer]:
    yield repeated(lambda: parse_json(BODY))


def _engine_case(engine: EngineName, batch: int) -> Case:
    """Make the case of a batch; TensorFlow, many seconds to import, gets one process."""
    is_slow = engine == "keras"
    prepare = partial(_batches, engine, batch)
    return Case(network(engine), batch, prepare, processes=1 if is_slow else 3, loops=200 * is_slow)


@contextmanager
def _batches(engine: EngineName, batch: int, _room: Path) -> Iterator[Timer]:
    """Run a batch of patients of one size, again and again."""
    loaded = load_engine(engine, DEFAULT_MODEL_DIR)
    patient = parse_json(BODY)
    rows = np.array([patient.values] * batch, dtype=np.float32)  # (batch, 6)
    yield repeated(lambda: loaded.probabilities(rows))


@contextmanager
def _lines(room: Path) -> Iterator[Timer]:
    """Make an entry, write it as a line and append that."""
    bitacora = Bitacora.open(room / "line-os", sync="os")
    yield repeated(lambda: bitacora.append(entry().line()))
    bitacora.close()


@contextmanager
def _synced_lines(room: Path) -> Iterator[Timer]:
    """Do the same, and wait for the disk, one caller at a time."""
    bitacora = Bitacora.open(room / "line-disk", sync="disk")

    async def append() -> None:
        bitacora.append(entry().line())
        await bitacora.synced()

    yield awaited(append)
    bitacora.close()


@contextmanager
def _appends(lines: int, room: Path) -> Iterator[Timer]:
    """Append a line that is made already to a log of so many lines, which is cut back each time."""
    directory = log_directory(room, lines)
    bitacora = Bitacora.open(directory)
    length_bytes = (directory / LOG_FILE).stat().st_size
    append = repeated(partial(bitacora.append, entry().line()))

    def timer(loops: int) -> float:
        os.truncate(directory / LOG_FILE, length_bytes)
        return append(loops)

    yield timer
    bitacora.close()
