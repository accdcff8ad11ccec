"""Bounded work on threads, and rows of failures told once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.workers import Failures, Worker


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


def test_a_row_of_failures_is_told_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = Failures(logging.getLogger("rows"))
    for error in (OSError("full"), OSError("full"), None, None):
        failures.note("write", error)
    assert caplog.messages == ["write fails: full", "write works again"]
    assert failures.failing == set()
