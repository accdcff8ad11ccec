"""One batch at a time, whoever waits goes together, and nobody waits for nobody."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from cardiorisk.config import load_settings
from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.model.changes import change_rows
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.model.explanations import GRIDS
from cardiorisk.model.predictor import Predictor
from cardiorisk.patients.patient import Patient

SMOKER = Patient(2.0, 1.2, 1.0, 40, 1, 1)
HEALTHY = Patient(1.5, 1.0, 0.8, 30, 0, 0)


class HeldEngine:
    """The real network behind a gate, so that a test decides when a batch ends."""

    is_instant = False

    def __init__(self, artefact: Artefact) -> None:
        self._engine = artefact.engine
        self.gate = threading.Event()
        self._started = threading.Event()
        self.batch_sizes: list[int] = []
        self.failure: Exception | None = None
        self.lost_rows = 0

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batch_sizes.append(len(rows))
        self._started.set()
        assert self.gate.wait(timeout=10)
        if self.failure is not None:
            raise self.failure
        return self._engine.probabilities(rows)[self.lost_rows :]

    async def until_it_runs(self) -> None:
        assert await asyncio.to_thread(self._started.wait, 10)


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return load_artefact(load_settings().model_dir, "litert")


@pytest.fixture
def engine(artefact: Artefact) -> HeldEngine:
    return HeldEngine(artefact)


@pytest.fixture
def predictor(artefact: Artefact, engine: HeldEngine) -> Iterator[Predictor]:
    predictor = Predictor(queue_limit=4, alone_queue_limit=3)
    predictor.adopt(Artefact(artefact.card, engine))
    yield predictor
    engine.gate.set()
    asyncio.run(predictor.close())


@pytest.fixture
def instant(artefact: Artefact) -> Iterator[Predictor]:
    predictor = Predictor()
    predictor.adopt(artefact)
    yield predictor
    asyncio.run(predictor.close())


@pytest.fixture
def rows_of_an_explanation(artefact: Artefact) -> int:
    return sum(map(len, GRIDS)) + 64 * len(artefact.card.background) + 1  # the patient, unchanged


async def test_a_patient_is_refused_until_the_network_is_loaded() -> None:
    predictor = Predictor()
    for ask in (predictor.assess, predictor.explain):
        with pytest.raises(NotReady):
            ask(SMOKER)
    await predictor.load(load_settings().model_dir, "litert")
    assessment = await predictor.assess(SMOKER)
    assert assessment.at_risk
    assert assessment.model_version == predictor.version == predictor.card.version
    await predictor.close()


async def test_patients_of_one_turn_of_the_loop_go_as_one_batch_and_get_their_own_answers(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()
    answers = await asyncio.gather(
        *(predictor.assess(patient) for patient in (SMOKER, HEALTHY, SMOKER, HEALTHY))
    )
    assert [answer.at_risk for answer in answers] == [True, False, True, False]
    assert engine.batch_sizes == [4]
    assert (predictor.batch_sizes.count, predictor.batch_sizes.total) == (1, 4)


async def test_whoever_waits_while_a_batch_runs_goes_as_one_batch(
    predictor: Predictor, engine: HeldEngine
) -> None:
    first = predictor.assess(SMOKER)
    await engine.until_it_runs()
    others = [predictor.assess(HEALTHY) for _ in range(3)]
    engine.gate.set()
    await asyncio.gather(first, *others)
    assert engine.batch_sizes == [1, 3]


async def test_a_full_queue_refuses_at_once_and_leaves_the_other_open(
    predictor: Predictor, engine: HeldEngine
) -> None:
    first = predictor.assess(SMOKER)
    await engine.until_it_runs()
    waiting = [predictor.assess(SMOKER) for _ in range(4)]
    with pytest.raises(Overloaded):
        predictor.assess(SMOKER)
    waiting += [predictor.explain(SMOKER) for _ in range(3)]
    with pytest.raises(Overloaded):
        predictor.explain(SMOKER)
    assert predictor.waiting == 7
    engine.gate.set()
    await asyncio.gather(first, *waiting)


async def test_a_batch_of_a_caller_s_own_is_one_run_and_takes_turns_with_single_patients(
    predictor: Predictor, engine: HeldEngine
) -> None:
    rows = np.array([SMOKER.values, HEALTHY.values] * 1000, dtype=np.float32)
    first = predictor.assess(SMOKER)
    await engine.until_it_runs()
    batches = [predictor.assess_batch(rows) for _ in range(3)]
    with pytest.raises(Overloaded):
        predictor.assess_batch(rows)
    single = predictor.assess(SMOKER)
    engine.gate.set()
    answers = await asyncio.gather(*batches)
    assert engine.batch_sizes == [1, 2000, 1, 2000, 2000]
    alone = [(await asked).probability for asked in (single, predictor.assess(HEALTHY))]
    assert answers[0].probabilities == alone * 1000
    assert (predictor.batch_sizes.count, predictor.batch_sizes.total) == (6, 6003)
    await first


async def test_an_instant_network_runs_a_batch_at_once(instant: Predictor) -> None:
    rows = np.array([(3.0, *SMOKER.values[1:])], dtype=np.float32)
    asked = instant.assess_batch(rows)
    assert asked.done()
    assert np.argwhere(asked.result().outside_training).tolist() == [[0, 0]]
    assert instant.assess_batch(rows[:0]).result().probabilities == []


async def test_a_caller_who_has_gone_is_skipped(predictor: Predictor, engine: HeldEngine) -> None:
    first = predictor.assess(SMOKER)
    await engine.until_it_runs()
    gone, stays = predictor.assess(SMOKER), predictor.assess(HEALTHY)
    gone.cancel()
    first.cancel()
    engine.gate.set()
    assert not (await stays).at_risk
    assert engine.batch_sizes == [1, 1]


async def test_when_everybody_who_waited_has_gone_the_next_one_is_still_served(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()
    predictor.assess(SMOKER).cancel()
    await asyncio.sleep(0)
    assert (await predictor.assess(SMOKER)).at_risk
    assert engine.batch_sizes == [1]


async def test_a_failing_batch_fails_its_callers_and_not_the_next(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()
    engine.failure = RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        await predictor.assess(SMOKER)
    engine.failure, engine.lost_rows = None, 1
    with pytest.raises(ValueError, match="1 patients gave"):
        await predictor.assess(SMOKER)
    engine.lost_rows = 0
    assert (await predictor.assess(SMOKER)).at_risk


async def test_the_threshold_itself_counts_as_risk(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()
    rows = np.array([HEALTHY.values], dtype=np.float32)
    exact = float(engine.probabilities(rows)[0])
    for threshold in (exact, math.nextafter(exact, 1)):
        card = predictor.card.model_copy(update={"threshold": threshold})
        predictor.adopt(Artefact(card, engine))
        said = await predictor.assess(HEALTHY)
        assert said.at_risk is (threshold == exact)
        assert (said.probability >= threshold) is said.at_risk


async def test_closing_refuses_whoever_waits_and_answers_whoever_runs(
    predictor: Predictor, engine: HeldEngine
) -> None:
    running = predictor.assess(SMOKER)
    await engine.until_it_runs()
    waiting = predictor.assess(SMOKER)
    closing = asyncio.ensure_future(predictor.close())
    with pytest.raises(NotReady):
        await waiting
    with pytest.raises(NotReady):
        predictor.assess(SMOKER)
    engine.gate.set()
    assert (await running).at_risk
    await closing


async def test_an_explanation_runs_coalitions_curves_and_changes_in_one_batch(
    predictor: Predictor, engine: HeldEngine, rows_of_an_explanation: int
) -> None:
    engine.gate.set()
    assessment = await predictor.explain(SMOKER)
    assert assessment.explanation is not None
    plain = await predictor.assess(SMOKER)
    assert (assessment.probability, plain.explanation) == (plain.probability, None)
    changed = await predictor.explain(SMOKER, changes=True)
    assert (assessment.changes, changed.changes[0].at_risk) == ((), False)
    rows_more = len(change_rows(SMOKER.values)) - 1
    assert engine.batch_sizes == [rows_of_an_explanation, 1, rows_of_an_explanation + rows_more]


async def test_explanations_take_turns_with_the_batches(
    predictor: Predictor, engine: HeldEngine, rows_of_an_explanation: int
) -> None:
    first = predictor.explain(SMOKER)
    await engine.until_it_runs()
    waiting = [predictor.explain(SMOKER) for _ in range(2)]
    waiting += [predictor.assess(HEALTHY) for _ in range(3)]
    engine.gate.set()
    await asyncio.gather(first, *waiting)
    assert engine.batch_sizes == [
        rows_of_an_explanation,
        3,
        rows_of_an_explanation,
        rows_of_an_explanation,
    ]
    assert predictor.batch_sizes.cumulative()[:3] == [3, 3, 4]  # batches of 1, 2 and up to 4


async def test_an_instant_network_answers_at_once_but_while_a_batch_runs(
    instant: Predictor,
) -> None:
    assert instant.assess(SMOKER).done()
    explained, assessed = instant.explain(SMOKER), instant.assess(SMOKER)
    assert not assessed.done()
    assert (await assessed).probability == pytest.approx((await explained).probability)
    assert instant.batch_sizes.count == 3
