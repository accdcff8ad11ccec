"""Assessing patients: one batch runs at a time, and whoever waits meanwhile goes together.

The event loop only queues and hands out results; a thread runs the network. An instant network is
not worth the way to a thread: while no batch runs, the loop runs one patient's row itself.
Explanations and batches of a caller's own go one at a time, taking turns with the single patients.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardiorisk.config import EngineName
from cardiorisk.errors import NotReady, Overloaded, ReloadUnderWay
from cardiorisk.measuring import Histogram
from cardiorisk.model import explanations
from cardiorisk.model.card import Card, all_told, told
from cardiorisk.model.changes import Change, change_rows, find_changes
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.patients.patient import Patient
from cardiorisk.patients.words import OF_ANOTHER, Said

QUEUE_LIMIT = 2048  # patients that may wait; under a second of work
BATCH_LIMIT = 1024  # rows of one run, which takes well under a few milliseconds
ALONE_QUEUE_LIMIT = 64  # explanations that may wait, and callers' batches: some milliseconds each


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the network says of one patient; explained where that was asked for."""

    probability: float
    at_risk: bool  # whether the probability reaches the threshold
    threshold: float
    model_version: str
    notice: Said
    outside_training: tuple[str, ...] = ()  # wire names of inputs beyond all that training saw
    explanation: explanations.Explanation | None = None
    curves: tuple[tuple[float, ...], ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """Which network took which one's place: the same one, where the files are."""

    old_version: str
    new_version: str


@dataclass(frozen=True, slots=True)
class BatchAssessment:
    """What the network says of many patients, in their order; see ``Assessment``."""

    probabilities: list[float]
    threshold: float
    model_version: str
    notice: Said
    outside_training: NDArray[np.bool_]  # shape (n, 6), columns in FIELDS order


@dataclass(slots=True)
class _Queue:
    """What waits for the same kind of answer, which ``run`` gives, on a thread."""

    run: Callable[[Artefact, list[Any]], list[Any]]
    most_waiting: int
    most_together: int = 1
    waiting: deque[tuple[Any, asyncio.Future[Any]]] = field(default_factory=deque)

    def take(self) -> list[tuple[Any, asyncio.Future[Any]]]:
        """Take the next batch out, without those who have gone; it may be empty."""
        batch: list[tuple[Any, asyncio.Future[Any]]] = []
        while self.waiting and len(batch) < self.most_together:
            asked, future = self.waiting.popleft()
            if not future.done():
                batch.append((asked, future))
        return batch


class Predictor:
    """The network behind bounded queues; call it on the event loop only."""

    def __init__(
        self, queue_limit: int = QUEUE_LIMIT, alone_queue_limit: int = ALONE_QUEUE_LIMIT
    ) -> None:
        self._assessed = _Queue(assess, queue_limit, BATCH_LIMIT)
        self._explained = _Queue(partial(_each, explain), alone_queue_limit)
        self._batched = _Queue(partial(_each, assess_rows), alone_queue_limit)
        self._mapped = _Queue(partial(_each, draw_maps), alone_queue_limit)
        self._turns = deque([self._assessed, self._batched, self._explained, self._mapped])
        # One thread runs all batches: two that take turns at it cost Keras 6 % of a request.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="network-loader")
        self._artefact: Artefact | None = None
        self._is_busy = False
        self._is_reloading = False
        self.batch_sizes = Histogram(tuple(1 << power for power in range(11)))  # begun batches'

    @property
    def card(self) -> Card:
        return self._require_artefact().card

    @property
    def version(self) -> str | None:
        return None if self._artefact is None else self._artefact.card.version

    def notice_of(self, version: str) -> Said:
        return OF_ANOTHER if version != self.version else self.card.notice

    @property
    def waiting(self) -> int:
        """Patients that are queued, a batch as one, those being assessed left out."""
        return sum(len(queue.waiting) for queue in self._turns)

    async def load(self, directory: Path, engine: EngineName) -> None:
        loop = asyncio.get_running_loop()
        self.adopt(await loop.run_in_executor(self._worker, load_artefact, directory, engine))

    async def reload(self, directory: Path, engine: EngineName) -> Replacement:
        """Load and check another network while this one answers, and then change over."""
        old = self._require_artefact()
        if self._is_reloading:
            raise ReloadUnderWay("the network is being reloaded already; wait for that to end")
        self._is_reloading = True
        try:
            loop = asyncio.get_running_loop()
            new = await loop.run_in_executor(self._loader, load_artefact, directory, engine)
        finally:
            self._is_reloading = False
        self._require_artefact()  # closed meanwhile, it must not come to life again
        self.adopt(new)
        return Replacement(old.card.version, new.card.version)

    def adopt(self, artefact: Artefact) -> None:
        self._artefact = artefact

    def assess(self, patient: Patient) -> asyncio.Future[Assessment]:
        """Queue a patient; an instant network answers at once. Cancelled futures are passed over.

        Raises:
            NotReady: the network is not loaded yet, or the service is stopping.
            Overloaded: the queue is full.
        """
        artefact = self._require_artefact()
        if artefact.engine.is_instant and not self._is_busy:
            return self._answered(assess_one(artefact, patient), 1)
        return self._enqueue(self._assessed, patient)

    def explain(self, patient: Patient, *, changes: bool = False) -> asyncio.Future[Assessment]:
        """Queue a patient as ``assess`` does; it comes explained, and with changes where wished."""
        return self._enqueue(self._explained, {"patient": patient, "changes": changes})

    def draw_maps(self, patient: Patient) -> asyncio.Future[tuple[str, explanations.Maps]]:
        """Queue a patient as ``assess`` does; the maps come with the network's version."""
        return self._enqueue(self._mapped, {"patient": patient})

    def assess_batch(self, rows: NDArray[np.float32]) -> asyncio.Future[BatchAssessment]:
        """Queue a batch as ``assess`` does, shape (n, 6), in ``FIELDS`` order, to be run as one."""
        artefact = self._require_artefact()
        if artefact.engine.is_instant and not self._is_busy and len(rows) <= BATCH_LIMIT:
            return self._answered(assess_rows(artefact, rows), len(rows))
        return self._enqueue(self._batched, {"rows": rows})

    async def close(self) -> None:
        """Refuse whoever comes or waits, and let the threads finish what they run."""
        self._artefact = None
        for queue in self._turns:
            while queue.waiting:
                _fail(queue.waiting.popleft()[1], _not_ready())
        await asyncio.to_thread(self._worker.shutdown)
        await asyncio.to_thread(self._loader.shutdown)

    def _require_artefact(self) -> Artefact:
        if self._artefact is None:
            raise _not_ready()
        return self._artefact

    def _answered(self, answer: Any, patients: int) -> asyncio.Future[Any]:
        self.batch_sizes.add(patients)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(answer)
        return future

    def _enqueue(self, queue: _Queue, asked: Any) -> asyncio.Future[Any]:
        self._require_artefact()
        if len(queue.waiting) >= queue.most_waiting:
            raise Overloaded("too many patients are waiting; try again in a moment")
        loop = asyncio.get_running_loop()
        queue.waiting.append((asked, loop.create_future()))
        if not self._is_busy:
            self._is_busy = True
            # Not at once: whoever arrives in the same turn of the loop joins the same batch.
            loop.call_soon(self._start_batch)
        return queue.waiting[-1][1]

    def _start_batch(self) -> None:
        """Run the next batch, from the queue whose turn it is or else from the next."""
        self._is_busy = False
        for _ in self._turns.copy():
            queue = self._turns[0]
            self._turns.rotate()
            if (batch := queue.take()) and self._artefact is not None:
                self._is_busy = True
                asked = [each for each, _ in batch]
                self.batch_sizes.add(len(asked[0]["rows"] if queue is self._batched else asked))
                loop = asyncio.get_running_loop()
                run = loop.run_in_executor(self._worker, queue.run, self._artefact, asked)
                run.add_done_callback(partial(self._finish_batch, batch))
                return

    def _finish_batch(self, batch: list[Any], run: asyncio.Future[list[Any]]) -> None:
        # The next batch runs while the answers are handed out.
        self._start_batch()
        failure = run.exception()
        answers = [None] * len(batch) if failure else run.result()
        for (_, future), answer in zip(batch, answers, strict=True):
            if failure:
                _fail(future, failure)
            elif not future.done():
                future.set_result(answer)


def _fail(future: asyncio.Future[Any], failure: BaseException) -> None:
    if not future.done():
        future.set_exception(failure)


def _not_ready() -> NotReady:
    return NotReady("the network is being loaded or put away; try again in a few seconds")


def assess(artefact: Artefact, patients: list[Patient]) -> list[Assessment]:
    rows = np.array([patient.values for patient in patients], dtype=np.float32)  # (n, 6)
    probabilities = _run(artefact, rows).tolist()
    return list(map(partial(_assessment, artefact.card), patients, probabilities))


def assess_one(artefact: Artefact, patient: Patient) -> Assessment:
    row = np.array((patient.values,), dtype=np.float32)  # (1, 6)
    return _assessment(artefact.card, patient, artefact.engine.probabilities(row).item())


def assess_rows(artefact: Artefact, rows: NDArray[np.float32]) -> BatchAssessment:
    """Assess many, shape (n, 6), in one run of the network."""
    card = artefact.card
    lowest, highest = np.array([bounds for _, *bounds in card.seen]).T  # (6,)
    exact = _run(artefact, rows) if len(rows) else np.empty(0, np.float32)  # (n,)
    return BatchAssessment(
        all_told(exact, card.threshold).tolist(),
        card.threshold,
        card.version,
        card.notice,
        (rows < lowest) | (rows > highest),
    )


def explain(artefact: Artefact, patient: Patient, *, changes: bool) -> Assessment:
    """Assess a patient with explanation and curves, and with changes where wished, in one run."""
    card = artefact.card
    row = np.array(patient.values, dtype=np.float32)  # (6,)
    background = np.array(card.background, dtype=np.float32)  # (b, 6)
    curves = explanations.grid_rows(patient.values, 1)
    coalitions = explanations.coalition_rows(row, background)
    changed = change_rows(patient.values) if changes else np.array([patient.values])
    found = _run(artefact, np.concatenate([curves, coalitions, changed.astype(np.float32)]))
    of_curves, of_coalitions, of_changed = np.split(found, [len(curves), -len(changed)])
    probability, explanation = explanations.explanation_of(of_coalitions)
    return replace(
        _assessment(card, patient, probability),
        explanation=explanation,
        curves=explanations.curves_of(of_curves, card.threshold),
        changes=find_changes(changed, of_changed, card.threshold),
    )


def draw_maps(artefact: Artefact, patient: Patient) -> tuple[str, explanations.Maps]:
    probabilities = _run(artefact, explanations.grid_rows(patient.values, 2))
    return artefact.card.version, explanations.maps_of(probabilities, artefact.card.threshold)


def _each(run: Callable[..., Any], artefact: Artefact, asked: list[dict[str, Any]]) -> list[Any]:
    return [run(artefact, **each) for each in asked]


def _run(artefact: Artefact, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    probabilities = artefact.engine.probabilities(rows)  # (n,)
    if probabilities.shape != (len(rows),):
        raise ValueError(f"{len(rows)} patients gave probabilities {probabilities.shape}")
    return probabilities


def _assessment(card: Card, patient: Patient, probability: float) -> Assessment:
    return Assessment(
        probability=told(probability, card.threshold),
        at_risk=probability >= card.threshold,
        threshold=card.threshold,
        model_version=card.version,
        notice=card.notice,
        outside_training=card.outside_training(patient.values),
    )
