"""Windows in a real Redis: exact for all processes together, and nobody waits while it is away."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from cardiorisk.errors import LimitsUnavailable
from cardiorisk.identity.keys import KeyWindow
from cardiorisk.limits import redis as redis_room
from cardiorisk.limits.redis import Redis
from cardiorisk.limits.shared import SharedLimiter, shared_redis
from cardiorisk.limits.window import Limiter, Verdict
from tests.processes import require_program
from tests.redis_server import RedisServer

LONGEST_WAIT_SECONDS = 5.0
"""What a busy machine makes of `short_wait`'s 2 s; less than `busy_machine`'s 10 s."""
ACCOUNT = 7
PASSWORD = "a-secret/with:marks"


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Redis where it has no processor's time, so that only what a test breaks is away."""
    assert (redis_room.DEADLINE_SECONDS, redis_room.BREAK_SECONDS) == (0.05, 1.0)
    monkeypatch.setattr(redis_room, "DEADLINE_SECONDS", 10.0)
    monkeypatch.setattr(redis_room, "BREAK_SECONDS", 10.0)


class Process:
    """What a process of the service has: a connection, and what it saw."""

    def __init__(self, url: str, *, refuses: bool = False, ahead_seconds: float = 0) -> None:
        self.redis: Redis = shared_redis(url, refuses=refuses)
        self.limiter = SharedLimiter(self.redis, lambda: time.time() + ahead_seconds)

    async def hit(
        self,
        account_id: int = ACCOUNT,
        limit: int = 5,
        window: KeyWindow | None = None,
        want: int = 1,
    ) -> Verdict:
        """Hit, and see that it takes no longer than promised."""
        began = time.monotonic()
        try:
            found = self.limiter.hit(account_id, limit, window, want)
            return found if isinstance(found, Verdict) else await found
        finally:
            assert time.monotonic() - began < LONGEST_WAIT_SECONDS

    async def until(self, *, away: bool) -> None:
        ends_at = time.monotonic() + 30
        while self.redis.is_away is not away:
            assert time.monotonic() < ends_at
            await asyncio.sleep(0.01)


@asynccontextmanager
async def process(
    url: str, *, refuses: bool = False, ahead_seconds: float = 0
) -> AsyncIterator[Process]:
    made = Process(url, refuses=refuses, ahead_seconds=ahead_seconds)
    await made.redis.start()
    try:
        yield made
    finally:
        await made.redis.close()


async def seconds_of(server: RedisServer) -> float:
    """Return Redis's time, once its minute has 20 s left."""
    while True:
        seconds, microseconds = map(int, server.ask("TIME"))
        if seconds % 60 < 40:
            return seconds + microseconds / 1_000_000
        await asyncio.sleep(60 - seconds % 60)


# Counting


async def test_two_processes_decide_together_as_one_does_alone(redis_server: RedisServer) -> None:
    began, now = time.monotonic(), await seconds_of(redis_server)
    alone, chance = Limiter(lambda: now), random.Random(14)  # noqa: S311 - the same in each run
    async with process(redis_server.url) as one, process(redis_server.url) as two:
        for _ in range(600):
            account, limit, want = chance.randint(1, 9), chance.choice([5, 9, 50]), 1
            window = chance.choice([None, KeyWindow(f"{account}a", 2), KeyWindow(f"{account}b", 7)])
            if chance.random() < 0.3:
                want = chance.choice([0, 2, 6])
            expected = alone.hit(account, limit, window, want)
            found = await chance.choice([one, two]).hit(account, limit, window, want)
            assert found[:3] == expected[:3]
            assert found.is_key_s == expected.is_key_s
            passed_seconds = expected.resets_in_seconds - found.resets_in_seconds
            assert 0 <= passed_seconds <= time.monotonic() - began + 1
        calls = [each.limiter.local.take_calls() for each in (one, two)]
    merged = {place: sum(each.get(place, 0) for each in calls) for place in calls[0] | calls[1]}
    assert merged == alone.take_calls()


async def test_forty_at_once_over_two_processes_get_five(redis_server: RedisServer) -> None:
    await seconds_of(redis_server)
    async with process(redis_server.url) as one, process(redis_server.url) as two:
        window = KeyWindow("key", 3)
        for account, its, allowed in ((1, None, 5), (2, window, 3)):
            found = await asyncio.gather(*(each.hit(account, 5, its) for each in [one, two] * 20))
            assert sum(verdict.allowed for verdict in found) == allowed
        batches = await asyncio.gather(*(each.hit(3, 50, None, 7) for each in [one, two] * 20))
        assert sum(verdict.allowed for verdict in batches) == 7


async def test_what_is_full_is_refused_without_asking_until_the_plan_grows(
    redis_server: RedisServer,
) -> None:
    await seconds_of(redis_server)
    async with process(redis_server.url) as one:
        await one.hit(8, want=0)
        for _ in range(6):
            last = await one.hit()
        assert not last.allowed
        assert one.limiter.local.active_accounts() == 1
        refused = one.limiter.hit(ACCOUNT, 5)
        assert isinstance(refused, Verdict)
        assert refused[:3] == (False, 5, 0)
        assert (await one.hit(limit=50)).remaining == 44
        assert not (await one.hit(limit=5)).allowed


async def test_the_minute_is_that_of_redis_and_a_small_step_back_stays_in_it(
    redis_server: RedisServer,
) -> None:
    began, now = time.monotonic(), await seconds_of(redis_server)
    async with process(redis_server.url, ahead_seconds=1234.5) as one:
        verdict = await one.hit()
        passed_seconds = 60 - now % 60 - verdict.resets_in_seconds
        assert -1 < passed_seconds <= time.monotonic() - began
        place = f"cardiorisk:window:{{{ACCOUNT}}}"
        assert 0 < redis_server.ask("TTL", place) <= 120
    for back, remaining in ((-1, 4), (1, 1), (2, 4)):
        async with process(redis_server.url) as another:
            minute = int(now // 60) + back
            redis_server.ask("HSET", place, "minute", minute, "used", 3)
            assert (await another.hit()).remaining == remaining


async def test_an_answer_read_when_its_minute_has_ended_counts_nothing_in_the_next(
    redis_server: RedisServer,
) -> None:
    await seconds_of(redis_server)
    late_seconds = 0.0
    async with process(redis_server.url) as one:
        one.limiter = SharedLimiter(one.redis, lambda: time.time() + late_seconds)
        await one.hit(window=KeyWindow("key", 3))
        asked = [one.limiter.hit(ACCOUNT, 5, KeyWindow("key", 3)) for _ in range(3)]
        late_seconds = 60.0  # in which the process stood still
        assert one.limiter.local.used(ACCOUNT) == 0
        found = [await verdict for verdict in asked if not isinstance(verdict, Verdict)]
        assert [verdict[:3] for verdict in found] == [(True, 3, 1), (True, 3, 0), (False, 3, 0)]
        assert one.limiter.local.seen(ACCOUNT, KeyWindow("key", 3))[1:] == (0, 0)
        assert sum(one.limiter.local.calls_of(ACCOUNT).values()) == 3
        assert [sum(one.limiter.local.take_calls().values()) for _ in range(2)] == [3, 0]


async def test_what_is_hit_in_one_turn_is_sent_together(redis_server: RedisServer) -> None:
    """Redis answers what it reads together in one write, so one turn of ours reads it all."""
    async with process(redis_server.url) as one:
        turns: list[int] = []

        async def hit(account: int) -> None:
            await one.hit(account)
            turns.append(turn)

        turn = 0
        hits = [asyncio.create_task(hit(account)) for account in range(1, 101)]
        while not all(each.done() for each in hits):
            turn += 1
            await asyncio.sleep(0)
        assert len(set(turns)) <= 2


async def test_redis_may_forget_the_scripts(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one:
        redis_server.ask("SCRIPT", "FLUSH")
        await asyncio.gather(*(one.hit(account) for account in range(1, 10)))
        assert one.redis.outages == 0


async def test_names_in_redis_are_numbers_and_ids(redis_server: RedisServer) -> None:
    async with process(redis_server.url) as one:
        await one.hit(window=KeyWindow("d1f00a", 3))
    assert sorted(redis_server.ask("KEYS", "*")) == [
        b"cardiorisk:window:{0}",
        b"cardiorisk:window:{7}",
    ]
    fields = redis_server.ask("HKEYS", "cardiorisk:window:{7}")
    assert sorted(fields) == [b"key:d1f00a", b"minute", b"used"]


# Away


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_room, "DEADLINE_SECONDS", 2.0)


@contextmanager
def quick_break() -> Iterator[None]:
    """Try often for an outage's end, and each time no longer than a moment, which may be slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_room, "BREAK_SECONDS", 0.1)
        yield


def shut_down(server: RedisServer) -> None:
    server.ask("SHUTDOWN", "NOSAVE", "NOW")
    server.stop()


def replace(server: RedisServer) -> None:
    server.stop()
    server.start()


OUTAGES: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "killed": (RedisServer.stop, RedisServer.start),
    "stopped": (shut_down, RedisServer.start),
    "frozen": (RedisServer.freeze, RedisServer.thaw),
    "slow": (
        lambda server: server.ask("CLIENT", "PAUSE", 60_000, "WRITE"),
        lambda server: server.ask("CLIENT", "UNPAUSE"),
    ),
    "full": (
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 1),
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 0),
    ),
    "read-only": (
        lambda server: server.ask("REPLICAOF", "127.0.0.1", 1),
        lambda server: server.ask("REPLICAOF", "NO", "ONE"),
    ),
}


@pytest.mark.usefixtures("short_wait")
@pytest.mark.parametrize("outage", OUTAGES)
async def test_while_redis_is_away_each_process_counts_on_and_it_comes_back_by_itself(
    own_redis: RedisServer, outage: str, caplog: pytest.LogCaptureFixture
) -> None:
    begin, end = OUTAGES[outage]
    await seconds_of(own_redis)
    async with process(own_redis.url) as one, process(own_redis.url, refuses=True) as two:
        for remaining in (4, 3, 2):
            assert (await one.hit()).remaining == remaining
        await two.hit(8)
        with quick_break():
            begin(own_redis)
            assert [(await one.hit()).allowed for _ in range(3)] == [True, True, False]
            with pytest.raises(LimitsUnavailable):
                await two.hit(8)
            await one.until(away=True)
            end(own_redis)
            await one.until(away=False)
            await two.until(away=False)
        assert not (await one.hit()).allowed
        assert (await one.hit(limit=50)).remaining == 44
        assert (await two.hit(8)).allowed
        outages = one.redis.outages + two.redis.outages
    said = [record.getMessage() for record in caplog.records]
    assert outages >= 2
    assert len(said) == 2 * outages
    assert sum(line.endswith("is back") for line in said) == outages


async def test_an_empty_redis_in_its_place_gives_no_second_quota(own_redis: RedisServer) -> None:
    await seconds_of(own_redis)
    async with process(own_redis.url) as one:
        window = KeyWindow("key", 3)
        for _ in range(2):
            assert (await one.hit(window=window)).allowed
        with quick_break():
            replace(own_redis)
            await one.until(away=True)
            await one.until(away=False)
        assert (await one.hit(window=window)).remaining == 0
        assert (await one.hit()).remaining == 1


async def test_a_password_that_is_refused_is_told_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(tmp_path, "--requirepass", PASSWORD).start()
    right = f"redis://:a-secret%2Fwith%3Amarks@127.0.0.1:{server.port}/0"
    wrong = right.replace("secret", "wrong-secret")
    async with process(right) as ours, process(wrong) as another, process(server.url) as third:
        assert [each.redis.is_away for each in (ours, another, third)] == [False, True, True]
        assert (await third.hit()).allowed
        ours.redis.ask(("CONFIG", "SET", "requirepass", ""), bool)
        with quick_break():
            await third.until(away=False)
    server.stop()
    assert "WRONGPASS" in caplog.text
    assert "NOAUTH" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("in_one_minute")
async def test_the_start_goes_on_without_redis(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.stop()
    async with process(own_redis.url) as one:
        assert [(await one.hit()).allowed for _ in range(6)] == [True] * 5 + [False]
    assert "meanwhile each process counts for itself" in caplog.text


@pytest.mark.parametrize(
    "says",
    [
        b"*1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*4\r\n:99999999999999\r\n:0\r\n:0\r\n:0\r\n",
        b"*2000000000\r\n" + b":1\r\n" * 1000,
        b"$500000000\r\n" + b"x" * 200_000,
        b":1\r\n" * 100_000,
        b"*4\r\n:1\r\n:x\r\n:0\r\n:0\r\n",
        b"-NOSCRIPT none\r\n" * 10,
        b"$-1\r\n",
    ],
    ids=lambda says: repr(says[:16]),
)
@pytest.mark.usefixtures("in_one_minute", "short_wait")
async def test_whatever_is_said_in_its_place_the_process_counts_alone_or_refuses(
    says: bytes,
) -> None:
    answering = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.current_task())
        await reader.read(4096)
        writer.write(b"+OK\r\n:1\r\n")  # what greets is believed
        while await reader.read(4096):
            writer.write(says)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"redis://127.0.0.1:{port}"
    async with process(url) as one, process(url, refuses=True) as two:
        found = [(await one.hit()).allowed for _ in range(6)]
        assert found == [True] * 5 + [False]
        with pytest.raises(LimitsUnavailable):
            await two.hit()
    server.close()
    await asyncio.gather(*filter(None, answering), return_exceptions=True)  # connections end


def certify(key: Path, certificate: Path) -> None:
    openssl = require_program("openssl", "apt-get install openssl")
    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    named = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    places = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run([openssl, *made, *named, *places], check=True, capture_output=True)


async def test_rediss_speaks_tls_to_whom_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "redis.key", tmp_path / "redis.crt"
    certify(key, certificate)
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = RedisServer(tmp_path, *options, "--tls-auth-clients", "no", tls=True).start()
    try:
        for trusted, away in ((None, True), (certificate, False)):
            if trusted is not None:
                monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            async with process(f"rediss://localhost:{server.port}/1") as one:
                assert one.redis.is_away is away
                assert (await one.hit()).allowed
    finally:
        server.stop()
