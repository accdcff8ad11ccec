"""Assessing patients: one worker thread runs the network, and whoever waits goes together.

The event loop only queues and hands out results. While the worker runs one batch, arriving
patients wait, and all of them form the next batch; nobody waits for a timer. The queue is
bounded, and whoever finds it full is told so at once instead of waiting for an answer that
comes too late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.predictor.artefact import Artefact, load_artefact

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.card import Card
    from cardiorisk.config import EngineName
    from cardiorisk.patient import Patient

QUEUE_LIMIT = 2048
"""Patients that may wait; at some thousand assessments a second, under a second of work."""
BATCH_LIMIT = 1024
"""Rows of one run of the network, which keeps one run well under a few milliseconds."""

PROBABILITY_DECIMALS = 6
"""More would be noise: two engines may differ in the fifth already."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the network says of one patient.

    Attributes:
        probability: probability of risk, from 0 to 1.
        at_risk: whether the probability reaches the threshold.
        threshold: the threshold that was applied.
        model_version: which network answered.
    """

    probability: float
    at_risk: bool
    threshold: float
    model_version: str


class Predictor:
    """The network behind a bounded queue; call it on the event loop only.

    Args:
        queue_limit: patients that may wait before callers are refused.
    """

    def __init__(self, queue_limit: int = QUEUE_LIMIT) -> None:
        self._queue_limit = queue_limit
        self._waiting: deque[tuple[Patient, asyncio.Future[Assessment]]] = deque()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="network")
        self._artefact: Artefact | None = None
        self._is_busy = False

    @property
    def card(self) -> Card:
        """The card of the network that is answering.

        Raises:
            NotReady: the network is not loaded yet.
        """
        return self._require_artefact().card

    @property
    def waiting(self) -> int:
        """How many patients are queued, those being assessed left out."""
        return len(self._waiting)

    async def load(self, directory: Path, engine: EngineName) -> None:
        """Load, check and warm the network, on the worker thread.

        Raises:
            UnusableArtefact: see ``load_artefact``.
        """
        loop = asyncio.get_running_loop()
        self.adopt(await loop.run_in_executor(self._worker, load_artefact, directory, engine))

    def adopt(self, artefact: Artefact) -> None:
        """Assess with this network from the next batch on."""
        self._artefact = artefact

    def assess(self, patient: Patient) -> asyncio.Future[Assessment]:
        """Queue a patient; the future gives the assessment.

        A patient whose future is cancelled is passed over when its turn comes.

        Raises:
            NotReady: the network is not loaded yet, or the service is stopping.
            Overloaded: the queue is full.
        """
        self._require_artefact()
        if len(self._waiting) >= self._queue_limit:
            raise Overloaded("too many patients are waiting; try again in a moment")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Assessment] = loop.create_future()
        self._waiting.append((patient, future))
        if not self._is_busy:
            self._is_busy = True
            # Not at once: whoever arrives in the same turn of the loop joins the same batch.
            loop.call_soon(self._start_batch, loop)
        return future

    async def close(self) -> None:
        """Refuse whoever comes or waits, and wait for the worker to finish what it is running."""
        self._artefact = None
        while self._waiting:
            _fail(self._waiting.popleft()[1], _not_ready())
        await asyncio.to_thread(self._worker.shutdown)

    def _require_artefact(self) -> Artefact:
        if self._artefact is None:
            raise _not_ready()
        return self._artefact

    def _start_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        patients: list[Patient] = []
        futures: list[asyncio.Future[Assessment]] = []
        while self._waiting and len(patients) < BATCH_LIMIT:
            patient, future = self._waiting.popleft()
            if not future.done():
                patients.append(patient)
                futures.append(future)
        self._is_busy = bool(patients)
        if self._artefact is None or not patients:
            return
        artefact = self._artefact

        def hand_back(run: Future[NDArray[np.float32]]) -> None:
            loop.call_soon_threadsafe(self._finish_batch, loop, artefact, futures, run)

        self._worker.submit(_run, artefact, patients).add_done_callback(hand_back)

    def _finish_batch(
        self,
        loop: asyncio.AbstractEventLoop,
        artefact: Artefact,
        futures: list[asyncio.Future[Assessment]],
        run: Future[NDArray[np.float32]],
    ) -> None:
        # The worker goes on while the answers are handed out.
        self._start_batch(loop)
        failure = run.exception()
        if failure is not None:
            for future in futures:
                _fail(future, failure)
            return
        threshold, version = artefact.card.threshold, artefact.card.version
        for future, value in zip(futures, run.result().tolist(), strict=True):
            if not future.done():
                probability = round(value, PROBABILITY_DECIMALS)
                is_at_risk = probability >= threshold
                future.set_result(Assessment(probability, is_at_risk, threshold, version))


def _run(artefact: Artefact, patients: list[Patient]) -> NDArray[np.float32]:
    rows = np.array([patient.values for patient in patients], dtype=np.float32)  # (n, 6)
    probabilities = artefact.engine.probabilities(rows)  # (n,)
    if probabilities.shape != (len(patients),):
        raise ValueError(f"{len(patients)} patients gave probabilities {probabilities.shape}")
    return probabilities


def _fail(future: asyncio.Future[Assessment], failure: BaseException) -> None:
    if not future.done():
        future.set_exception(failure)


def _not_ready() -> NotReady:
    return NotReady("the network is being loaded or put away; try again in a few seconds")
