"""What several processes cost, and what callers see while a part is away.

    .venv/bin/python -m benchmarks.cluster [--rounds N] [--seconds N]

It needs redis-server, nginx and PostgreSQL as Debian has them. The figures go to
benchmarks/results/cluster.json, from there into the table of docs/cluster.md, and the outages into
docs/benchmarks/outages.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import psutil
from matplotlib.figure import Figure

from benchmarks.load import BODY, ask
from benchmarks.results import RESULTS, ROOT, Spread, about_this_machine, shown, table
from cardiorisk.config import load_settings
from cardiorisk.identity.keys import new_key
from cardiorisk.store import rows_accounts, rows_keys
from cardiorisk.store.database import open_served
from cardiorisk.store.store import Store
from tests.postgres import PostgresServer
from tests.processes import Server
from tests.proxies import NGINX, NGINX_ARGUMENTS, PROXIES, free_port, proxy
from tests.redis_server import RedisServer
from tests.support import changing, create_key

FIGURES, PAGE = RESULTS / "cluster.json", ROOT / "docs" / "cluster.md"
PLOT = ROOT / "docs" / "benchmarks" / "outages.svg"
MARKS = "<!-- measured -->\n", "<!-- /measured -->"
NO_LIMIT = 1_000_000_000
OUTAGE_SECONDS = 8
LAST_SECOND = 55
"""Of a minute, in which what must fall into one may begin."""
CALLERS = 8
Rows = list[tuple[str, str]]


@contextmanager
def nodes(url: str, directory: Path, ports: list[int], redis_url: str) -> Iterator[list[Server]]:
    """Run processes of the service on one database, each with a name of its own."""
    with ExitStack() as running:
        servers = []
        for number, port in enumerate(ports, start=1):
            server = Server(
                directory,
                *("--engine", "litert", "--port", str(port)),
                is_measured=False,
                CARDIORISK_NODE=str(number),
                CARDIORISK_PLANS=f"bench={NO_LIMIT}",
                CARDIORISK_REUSE_PORT=str(0 not in ports and len(ports) > len(set(ports))),
                CARDIORISK_DATABASE_URL=url,
                CARDIORISK_WINDOWS_URL=redis_url,
            )
            running.callback(server.clean_up)
            servers.append(server.wait_until_ready())
        yield servers


def port_of(server: Server) -> int:
    return int(server.address.rpartition(":")[2])


def cpu_seconds(servers: list[Server]) -> float:
    times = [psutil.Process(server.process.pid).cpu_times() for server in servers]
    return float(sum(each.user + each.system for each in times))


def sqlite(directory: Path) -> str:
    return f"sqlite:///{directory / 'keys.db'}"


def key_of(url: str, account: str, plan: str) -> dict[str, str]:
    key = create_key(load_settings({"database_url": url}), account, plan)
    return {"Authorization": key, "Content-Type": "application/json"}


def processor_time(directory: Path, redis: RedisServer, rounds: int, seconds: int) -> Rows:
    """Ask two processes in turn, of which one counts in memory and one in Redis."""
    with ExitStack() as running:
        servers = {}
        for name, url in (("memory", ""), ("Redis", redis.url)):
            (place := directory / name).mkdir()
            its = running.enter_context(nodes(sqlite(place), place, [0], url))
            servers[name] = its, key_of(sqlite(place), "bench", "bench")
        rows = []
        for connections in ("1 connection", "32 connections"):
            found: dict[str, list[float]] = {name: [] for name in servers}
            for _ in range(rounds):
                for name, (its, headers) in servers.items():
                    before = cpu_seconds(its)
                    load = ask(port_of(its[0]), headers, int(connections.split()[0]), seconds)
                    found[name].append((cpu_seconds(its) - before) / load.good * 1e6)
            pairs = zip(found["Redis"], found["memory"], strict=True)
            found["difference"] = [mine - its for mine, its in pairs]
            said = ", ".join(f"{name} {Spread.of(numbers)}" for name, numbers in found.items())
            rows.append((f"processor time a request, {connections}, µs", said))
    return rows


def rates(directory: Path, redis: RedisServer, rounds: int, seconds: int) -> Rows:
    """Ask one process, two by one port, and two behind nginx."""
    said, failed = [], 0
    port, ports = free_port(), [free_port(), free_port()]
    other = f"server 127.0.0.1:{{service}}; server 127.0.0.1:{ports[1]};"
    text = NGINX.replace("server 127.0.0.1:{service};", other)
    PROXIES["nginx, two"] = (text, NGINX_ARGUMENTS, "on")
    for name, places in (
        ("1 process", [port]),
        ("2 on one port", [port, port]),
        ("2 behind nginx", ports),
    ):
        (place := directory / name.replace(" ", "-")).mkdir()
        with ExitStack() as running:
            running.enter_context(nodes(sqlite(place), place, places, redis.url))
            headers = key_of(sqlite(place), "bench", "bench")
            asked = places[0]
            if "nginx" in name:
                asked = running.enter_context(proxy("nginx, two", ports[0], place))
            loads = [ask(asked, headers, 32, seconds) for _ in range(rounds)]
        found = Spread.of([load.good / load.seconds for load in loads])
        failed += sum(load.refused + load.socket_errors for load in loads)
        said.append(f"{name} {found}")
    return [("requests a second, 32 connections", f"{', '.join(said)}; {failed} failed")]


def look_ups(urls: dict[str, str]) -> Rows:
    """Time a look-up of a key that the memo has forgotten."""

    async def time_us(url: str) -> Spread | None:
        key = create_key(load_settings({"database_url": url}), "bench", "freemium")
        store = Store(open_served(url))
        await store.start()
        found = []
        for _ in range(2_000):
            store.memo.drop_all()
            began = time.perf_counter()
            await store.principal(key)
            found.append((time.perf_counter() - began) * 1e6)
        await store.close()
        return Spread.of([statistics.median(found[n : n + 200]) for n in range(0, 2_000, 200)])

    said = ", ".join(f"{name} {asyncio.run(time_us(url))}" for name, url in urls.items())
    return [("look-up of a key not in memory, µs", said)]


async def answer_of(port: int, key: str, method: str, path: str) -> bytes:
    """Ask once on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    said = f"Authorization: {key}\r\n" if key else ""
    writer.write(f"{head}{said}Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def status_of(port: int, key: str, method: str = "POST", path: str = "/service") -> int:
    return int((await answer_of(port, key, method, path))[9:12])


async def outages_of(ports: list[int]) -> list[bytes]:
    """Return for each process whether Redis is away, and how often it was."""
    pages = [await answer_of(port, "", "GET", "/metrics") for port in ports]
    return [line for page in pages for line in re.findall(rb"\ncardiorisk_windows_.+", page)]


def exactness(url: str, ports: list[int], times: int) -> Rows:
    """Have forty call at once over all processes with a freemium key.

    Runs are left out in which Redis was away, as each process counts for itself then.
    """

    async def allowed(key: str) -> int | None:
        if (seconds := time.time() % 60) > LAST_SECOND:
            await asyncio.sleep(60 - seconds)
        outages, each = await outages_of(ports), 40 // len(ports)
        found = await asyncio.gather(*(status_of(port, key) for port in ports * each))
        is_there = b"away 1" not in b"".join(outages) and await outages_of(ports) == outages
        return found.count(200) if is_there else None

    found: Counter[int | None] = Counter()
    while found.total() - found[None] < times:
        key = key_of(url, f"free{found.total()}", "freemium")["Authorization"]
        found[asyncio.run(allowed(key))] += 1
    left_out = found.pop(None, 0)
    said = ", ".join(f"{count} answered {n} times" for count, n in sorted(found.items(), key=str))
    where = f"40 calls at once of a freemium key, {times} keys"
    return [(where, f"{said}; {left_out} runs left out (Redis away)")]


def revocations(url: str, ports: list[int], times: int) -> Rows:
    """Have a key end itself by one process, and ask both until each refuses it."""

    async def seconds(account: int) -> float:
        now = datetime.now(UTC)
        with changing(load_settings({"database_url": url})) as rows:
            owner = rows_accounts.find_or_create(rows, f"revoked{account}", "bench", now)
            minted = rows_keys.create(rows, owner, now)
        for port in ports:
            assert await status_of(port, minted.key) == 200  # noqa: S101, PLR2004 - it is good
        began, path = time.perf_counter(), f"/account/keys/{minted.record.key_id}"
        await status_of(ports[0], minted.key, "DELETE", path)
        for port in ports:
            while await status_of(port, minted.key) != 401:  # noqa: PLR2004 - it has ended
                pass
        return time.perf_counter() - began

    found = sorted(asyncio.run(seconds(number)) * 1000 for number in range(times))
    said = f"{shown(statistics.median(found))}, worst of {times} {shown(found[-1])}"
    return [("revocation to refusal by both processes, ms", said)]


async def watched(ports: list[int], key: str, parts: list[Any]) -> list[dict[str, float]]:
    """Ask while one part after the other dies and comes back, and tell each second.

    One caller has a key that nobody knows, so that the database is asked.
    """
    seconds: list[dict[str, float]] = []
    began = time.monotonic()

    async def caller(number: int) -> None:
        while (asked := time.monotonic()) < began + len(seconds_of):
            status = await status_of(ports[number % len(ports)], key if number else new_key())
            told = seconds[min(int(asked - began), len(seconds) - 1)]
            told[str(status)] = told.get(str(status), 0) + 1
            told["ms"] = max(told["ms"], (time.monotonic() - asked) * 1000)
            await asyncio.sleep(0.02)

    seconds_of = range((2 * len(parts) + 1) * OUTAGE_SECONDS)
    seconds += [{"ms": 0.0} for _ in seconds_of]
    callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
    for part in parts:
        await asyncio.sleep(OUTAGE_SECONDS)
        part.stop()
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(part.start)
    await asyncio.gather(*callers)
    return seconds


def draw(seconds: list[dict[str, float]], parts: list[str]) -> None:
    """Draw the answers of each second, and the slowest of them."""
    drawing = Figure(figsize=(8.0, 5.0), layout="constrained")
    counted, slowest = drawing.subplots(2, sharex=True)
    for status in sorted({name for each in seconds for name in each} - {"ms"}):
        answers = [each.get(status, 0) for each in seconds]
        counted.step(range(len(seconds)), answers, label=status, where="post")
    slowest.step(range(len(seconds)), [each["ms"] for each in seconds], where="post")
    for number, part in enumerate(parts):
        begins = (2 * number + 1) * OUTAGE_SECONDS
        for axes in (counted, slowest):
            axes.axvspan(begins, begins + OUTAGE_SECONDS, alpha=0.15)
        above = counted.get_xaxis_transform()
        counted.text(begins, 0.5, f" {part} away", fontsize=9, transform=above)
    counted.set(ylabel="answers a second, by status", ylim=(0, None))
    counted.legend(fontsize=8)
    slowest.set(xlabel="seconds", ylabel="slowest answer, ms", yscale="log")
    with mpl.rc_context({"svg.hashsalt": "cardiorisk", "svg.fonttype": "none"}):
        drawing.savefig(PLOT, metadata={"Date": None})


def write(about: dict[str, str], rows: Rows, seconds: list[dict[str, float]]) -> None:
    """Keep the figures, and put them into the page."""
    FIGURES.write_text(
        json.dumps({"about": about, "rows": rows, "seconds": seconds}, indent=1) + "\n", "utf-8"
    )
    shown_rows = table(["measured", ""], [*rows, ("machine", "; ".join(about.values()))], 2)
    text, (begin, end) = PAGE.read_text("utf-8"), MARKS
    before, _, rest = text.partition(begin)
    PAGE.write_text(f"{before}{begin}{shown_rows}\n{end}{rest.partition(end)[2]}", "utf-8")


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--times", type=int, default=50, help="keys that are called forty times")
    given = parser.parse_args()
    with ExitStack() as running:
        room = Path(running.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer(room).start()
        running.callback(redis.stop)
        for name in ("processor", "rates", "together"):
            (room / name).mkdir()
        rows = processor_time(room / "processor", redis, given.rounds, given.seconds)
        rows += rates(room / "rates", redis, given.rounds, given.seconds)
        postgres = PostgresServer()
        running.callback(postgres.clean_up)
        rows += look_ups({"SQLite": sqlite(room), "PostgreSQL": postgres.make("looked_up")})
        redis.ask("FLUSHALL")  # whose accounts have the same numbers
        url = postgres.make("together")
        servers = running.enter_context(nodes(url, room / "together", [0, 0], redis.url))
        ports = [port_of(server) for server in servers]
        rows += exactness(url, ports, given.times)
        rows += revocations(url, ports, 2 * given.times)
        key = key_of(url, "watched", "bench")["Authorization"]
        parts = {"Redis": redis, "PostgreSQL": postgres}
        seconds = asyncio.run(watched(ports, key, list(parts.values())))
        draw(seconds, list(parts))
    write(about_this_machine(), rows, seconds)
    print(table(["measured", ""], rows, 2))


if __name__ == "__main__":
    main()
