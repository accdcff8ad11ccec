"""Bounded work on threads, and rows of failures told once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.workers import Failures, Rank, Turns, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("worker", 2, "too much; come back")
    yield made
    made.close()


async def test_jobs_run_in_their_order_on_a_thread_of_the_given_name(worker: Worker) -> None:
    jobs = [worker.run(lambda: threading.current_thread().name) for _ in range(2)]
    assert await asyncio.gather(*jobs) == ["worker_0", "worker_0"]


async def test_a_job_too_many_is_refused_with_the_given_words(worker: Worker) -> None:
    release = threading.Event()
    jobs = [asyncio.create_task(worker.run(release.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="too much; come back"):
        await worker.run(release.wait)
    release.set()
    await asyncio.gather(*jobs)
    assert worker.jobs == 0


async def test_a_job_whose_caller_has_gone_away_is_done_and_keeps_its_place(worker: Worker) -> None:
    release, done = threading.Event(), threading.Event()

    def job() -> None:
        release.wait()
        done.set()

    gone = asyncio.create_task(worker.run(job))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert worker.jobs == 1
    release.set()
    await asyncio.to_thread(done.wait)


async def test_what_waits_when_the_worker_closes_is_told_that_the_service_stops(
    worker: Worker,
) -> None:
    begun, release = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        release.wait()

    under_way = asyncio.create_task(worker.run(job))
    waiting = asyncio.create_task(worker.run(job))
    await asyncio.to_thread(begun.wait)
    closing = asyncio.create_task(asyncio.to_thread(worker.close, drops_waiting=True))
    with pytest.raises(NotReady, match="stopping"):
        await waiting
    release.set()
    await asyncio.gather(under_way, closing)
    with pytest.raises(NotReady, match="stopping"):
        await worker.run(job)


RANKS = {"!": Rank.KNOWN, "+": Rank.NEWCOMER}


class Queue:
    """Callers of ``Turns``, each of which ends its turn when it is told to."""

    def __init__(self, most_waiting: int) -> None:
        self.turns = Turns(1, most_waiting, "too much; come back")
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.release = asyncio.Event()

    async def ask(self, *callers: str) -> None:
        """Have callers ask; named by who they are, a number, and ! if known, + if new."""
        for caller in callers:
            self.tasks[caller] = asyncio.create_task(self._work(caller))
        await asyncio.sleep(0)

    async def end(self) -> list[str]:
        """Let everybody finish, and return who was sent away."""
        self.release.set()
        done = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        outcomes = zip(self.tasks, done, strict=True)
        return [caller for caller, outcome in outcomes if isinstance(outcome, Overloaded)]

    async def _work(self, caller: str) -> None:
        async with self.turns.turn(caller[0], RANKS.get(caller[-1], Rank.STRANGER)):
            self.begun.append(caller)
            await self.release.wait()


async def test_the_known_go_first_and_nobodys_second_job_before_anybodys_first() -> None:
    queue = Queue(9)
    await queue.ask("a1", "a2", "a3", "b1", "c1!", "b2", "e1+", "c2!", "d1!")
    assert await queue.end() == []
    assert " ".join(queue.begun) == "a1 c1! d1! c2! e1+ b1 a2 b2 a3"


async def test_who_asks_for_much_makes_room_for_who_asks_for_little() -> None:
    queue = Queue(3)
    await queue.ask("a1", "a2", "a3", "a4", "b1", "a5", "c1", "d1!")
    assert sorted(await queue.end()) == ["a2", "a3", "a4", "a5"]
    assert " ".join(queue.begun) == "a1 d1! b1 c1"


async def test_who_goes_away_gives_the_turn_on() -> None:
    queue = Queue(9)
    await queue.ask("a1", "b1", "c1", "d1")
    for caller in ("b1", "a1"):  # one that waits, and one that has the turn
        queue.tasks.pop(caller).cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert queue.begun == ["a1", "c1"]
    queue.tasks.pop("c1").cancel()
    assert await queue.end() == []
    assert queue.begun == ["a1", "c1", "d1"]


def test_a_row_of_failures_is_told_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = Failures(logging.getLogger("rows"))
    for error in (OSError("full"), OSError("full"), None, None):
        failures.note("write", error)
    assert caplog.messages == ["write fails: full", "write works again"]
    assert failures.failing == set()
