"""How long the parts of a request take, and how the look-ups grow with keys and accounts.

    .venv/bin/python -m benchmarks.micro

Each part is timed by itself, in this process; a request as a whole is asked of a real server. The
figures go to benchmarks/results/micro.json.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from itertools import count, cycle
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from benchmarks.compare import Comparison
from benchmarks.contestants import CONTESTANTS
from benchmarks.load import BODY
from benchmarks.results import MICRO, Micro, Row, Run, Spread, about_this_machine, table, write
from cardiorisk.app import make_app
from cardiorisk.bitacora.entry import Entry
from cardiorisk.config import load_settings
from cardiorisk.identity.keys import new_key, new_key_id, visible_prefix
from cardiorisk.limits.window import Limiter
from cardiorisk.store import rows_accounts
from cardiorisk.store.database import open_database, open_served
from cardiorisk.store.memo import KNOWN_SECONDS, MOST_ENTRIES, digest
from cardiorisk.store.store import Store
from cardiorisk.store.tables import ApiKey
from cardiorisk.web.handlers import to_json
from cardiorisk.web.shapes_patients import PatientBody

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (10, 1_000, 100_000)
HIT, MISS, DECISION = "key, in the memo", "key, from SQLite", "limit"
PARSE, ASSESS, ANSWER, LINE, COUNT = (
    "validation",
    "network",
    "answer as JSON",
    "log line",
    "metrics",
)
PARTS = (HIT, DECISION, PARSE, ASSESS, ANSWER, LINE, COUNT)
"""Of a request, in its order; those that grow count at their smallest size."""
PROCESSOR, LATENCY = "processor time in all", "p50 at 1 connection"
NO_LIMIT = 1_000_000_000
ROUNDS = 7
ROUND_SECONDS = 0.1


async def timed(call: Callable[[], Any], round_seconds: float) -> Spread:
    """Return the microseconds of a call, over rounds of at least so many seconds."""
    is_awaited = iscoroutinefunction(call)

    async def run(loops: int) -> float:
        started = perf_counter()
        if is_awaited:
            for _ in range(loops):
                await call()
        else:
            for _ in range(loops):
                call()
        return perf_counter() - started

    loops = 1
    while await run(loops) < round_seconds:
        loops *= 2
    found = Spread.of([await run(loops) / loops * 1e6 for _ in range(ROUNDS)])
    assert found  # noqa: S101 - there are seven rounds
    return found


def fill(url: str, keys: int) -> list[str]:
    """Make a database with an account of so many keys, and return the keys in no order."""
    made = [new_key() for _ in range(keys)]
    now = datetime.now(UTC)
    with open_database(url) as database, database.writing() as rows:
        account_id = rows_accounts.find_or_create(rows, "ana", None, now)
        columns = [
            {
                "id": new_key_id(),
                "account_id": account_id,
                "digest": digest(key),
                "prefix": visible_prefix(key),
                "created_at": now,
            }
            for key in made
        ]
        rows.execute(insert(ApiKey), columns)
    random.shuffle(made)
    return made


async def time_growth(room: Path, size: int, round_seconds: float) -> list[Row]:
    """Time the look-ups with so many keys, or so many accounts in the limiter."""
    url = f"sqlite:///{room / f'keys-{size}.db'}"
    keys = fill(url, size)
    known, turns = cycle(keys[:MOST_ENTRIES]), cycle(keys)
    later = count(step=KNOWN_SECONDS + 1)  # whatever the memo holds is too old at the next look
    remembering = Store(open_served(url), monotonic=lambda: 0.0)
    forgetting = Store(open_served(url), monotonic=lambda: next(later))
    limiter = Limiter(clock=lambda: 1_790_000_000.5)
    accounts = cycle(random.sample(range(size), size))

    async def hit() -> None:
        await remembering.principal(next(known))

    async def miss() -> None:
        await forgetting.principal(next(turns))

    def decide() -> None:
        limiter.hit(next(accounts), NO_LIMIT)

    for _ in keys[:MOST_ENTRIES]:
        await hit()
    for _ in range(size):
        decide()
    misses = remembering.memo.statistics().misses
    rows = [
        Row(HIT, size, await timed(hit, round_seconds)),
        Row(MISS, size, await timed(miss, round_seconds)),
        Row(DECISION, size, await timed(decide, round_seconds)),
    ]
    if remembering.memo.statistics().misses != misses or forgetting.memo.statistics().hits:
        raise SystemExit("the memo kept or forgot what it should not have")
    await remembering.close()
    await forgetting.close()
    return rows


async def time_parts(room: Path, round_seconds: float) -> list[Row]:
    """Time the parts that do not grow, with the long-lived things of a service."""
    url = f"sqlite:///{room / 'parts.db'}"
    chosen = {"database_url": url, "log_dir": room / "logs", "engine": "litert"}
    services = make_app(load_settings(chosen)).services
    await services.load_network()
    body = BODY.encode()
    patient = PatientBody.read(body).patient
    notice = services.predictor.card.notice
    document = {"riesgo_cardiaco": True, "probabilidad": 0.973121, "umbral": 0.5, "aviso": notice}
    timings_ms = {"auth": 0.021, "limit": 0.012, "validate": 0.034, "predict": 0.02, "total": 0.095}

    async def assess() -> None:
        await services.predictor.assess(patient)

    def log() -> None:
        entry = Entry(
            ts_seconds=1_790_000_000.25,
            request_id="0123456789abcdef0123456789abcdef",
            method="POST",
            route="/service",
            status=200,
            ip="127.0.0.1",
            timings_ms=timings_ms,
            key_id="key_0123456789ab",
            plan="freemium",
            riesgo_cardiaco=True,
            probabilidad=0.973121,
            modelo="14-7-1-7c7cfe6f",
        )
        services.bitacora.append(entry.line())

    calls: dict[str, Callable[[], Any]] = {
        PARSE: lambda: PatientBody.read(body).patient,
        ASSESS: assess,
        ANSWER: lambda: to_json(document),
        LINE: log,
        COUNT: lambda: services.metrics.count("POST", "/service", 200, timings_ms),
    }
    rows = [Row(name, 0, await timed(call, round_seconds)) for name, call in calls.items()]
    await services.close()
    await services.predictor.close()
    return rows


def whole_request(room: Path, seconds: int, rounds: int) -> list[Row]:
    """Ask a server over one connection, so that nobody waits for anybody else."""
    with Comparison() as comparison:
        comparison.start_all([each for each in CONTESTANTS if each.name == "litert"], room)
        comparison.run([1], seconds, rounds)
    run = Run({}, [], {}, comparison.samples)
    figures = {
        PROCESSOR: run.spread("litert", 1, lambda sample: sample.cpu_us),
        LATENCY: run.spread("litert", 1, lambda sample: (sample.load.p50_ms or 0) * 1000),
    }
    return [Row(name, 0, spread) for name, spread in figures.items() if spread]


def main() -> None:
    """Measure everything, keep it and print it."""
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        rows = whole_request(room, seconds=3, rounds=ROUNDS)
        rows += asyncio.run(time_parts(room, ROUND_SECONDS))
        for size in SIZES:
            rows += asyncio.run(time_growth(room, size, ROUND_SECONDS))
    write(Micro(about_this_machine(), rows), MICRO)
    print(table(["part", "keys or accounts", "µs"], [[r.name, r.size or "", r.us] for r in rows]))


if __name__ == "__main__":
    main()
