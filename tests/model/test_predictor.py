"""One worker, whoever waits goes together, and nobody waits for nobody."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cardiorisk.config import load_settings
from cardiorisk.errors import NotReady, Overloaded
from cardiorisk.model.artefact import Artefact, load_artefact
from cardiorisk.model.explanations import CURVE_ROWS
from cardiorisk.model.predictor import Predictor
from cardiorisk.patients.patient import Patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

SMOKER = Patient(2.0, 1.2, 1.0, 40, 1, 1)
HEALTHY = Patient(1.5, 1.0, 0.8, 30, 0, 0)


class HeldEngine:
    """The real network behind a gate, so that a test decides when the worker is free."""

    is_instant = False

    def __init__(self, artefact: Artefact) -> None:
        self._engine = artefact.engine
        self.gate = threading.Event()
        self.started = threading.Event()
        self.batch_sizes: list[int] = []
        self.failure: Exception | None = None

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        self.batch_sizes.append(len(rows))
        self.started.set()
        assert self.gate.wait(timeout=10)
        if self.failure is not None:
            raise self.failure
        return self._engine.probabilities(rows)


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return load_artefact(load_settings().model_dir, "litert")


@pytest.fixture
def engine(artefact: Artefact) -> HeldEngine:
    return HeldEngine(artefact)


@pytest.fixture
def predictor(artefact: Artefact, engine: HeldEngine) -> Iterator[Predictor]:
    predictor = Predictor(queue_limit=4)
    predictor.adopt(Artefact(artefact.card, engine))
    yield predictor
    engine.gate.set()
    asyncio.run(predictor.close())


async def until(event: threading.Event) -> None:
    with ThreadPoolExecutor(max_workers=1) as waiting:
        assert await asyncio.get_running_loop().run_in_executor(waiting, event.wait, 10)


def test_before_the_network_is_loaded_a_patient_is_refused_as_not_ready() -> None:
    predictor = Predictor()

    async def assess() -> None:
        with pytest.raises(NotReady):
            predictor.assess(SMOKER)
        await predictor.close()

    asyncio.run(assess())


def test_loading_makes_it_ready() -> None:
    predictor = Predictor()

    async def assess() -> None:
        await predictor.load(load_settings().model_dir, "litert")
        assessment = await predictor.assess(SMOKER)
        assert assessment.at_risk
        assert assessment.model_version == predictor.card.version
        await predictor.close()

    asyncio.run(assess())


def test_each_patient_gets_their_own_answer(predictor: Predictor, engine: HeldEngine) -> None:
    engine.gate.set()

    async def assess() -> None:
        answers = await asyncio.gather(
            *(predictor.assess(p) for p in (SMOKER, HEALTHY, SMOKER, HEALTHY))
        )
        assert [answer.at_risk for answer in answers] == [True, False, True, False]

    asyncio.run(assess())


def test_patients_of_one_turn_of_the_loop_go_as_one_batch(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()

    async def assess() -> None:
        await asyncio.gather(*(predictor.assess(SMOKER) for _ in range(4)))

    asyncio.run(assess())
    assert engine.batch_sizes == [4]


def test_whoever_waits_while_the_worker_is_busy_goes_as_one_batch(
    predictor: Predictor, engine: HeldEngine
) -> None:
    async def assess() -> None:
        first = predictor.assess(SMOKER)
        await until(engine.started)
        others = [predictor.assess(HEALTHY) for _ in range(3)]
        engine.gate.set()
        await asyncio.gather(first, *others)

    asyncio.run(assess())
    assert engine.batch_sizes == [1, 3]


def test_a_full_queue_refuses_at_once(predictor: Predictor, engine: HeldEngine) -> None:
    async def assess() -> None:
        first = predictor.assess(SMOKER)
        await until(engine.started)
        waiting = [predictor.assess(SMOKER) for _ in range(4)]
        with pytest.raises(Overloaded):
            predictor.assess(SMOKER)
        assert predictor.waiting == 4
        engine.gate.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(assess())


def test_a_caller_who_has_gone_is_skipped(predictor: Predictor, engine: HeldEngine) -> None:
    async def assess() -> None:
        first = predictor.assess(SMOKER)
        await until(engine.started)
        gone, stays = predictor.assess(SMOKER), predictor.assess(HEALTHY)
        gone.cancel()
        engine.gate.set()
        await asyncio.gather(first, stays)

    asyncio.run(assess())
    assert engine.batch_sizes == [1, 1]


def test_when_everybody_who_waited_has_gone_the_next_one_is_still_served(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()

    async def assess() -> None:
        predictor.assess(SMOKER).cancel()
        await asyncio.sleep(0)
        assert (await predictor.assess(SMOKER)).at_risk

    asyncio.run(assess())
    assert engine.batch_sizes == [1]


def test_a_failing_batch_fails_its_callers_and_not_the_next(
    predictor: Predictor, engine: HeldEngine
) -> None:
    engine.gate.set()

    async def assess() -> None:
        engine.failure = RuntimeError("broken")
        with pytest.raises(RuntimeError, match="broken"):
            await predictor.assess(SMOKER)
        engine.failure = None
        assert (await predictor.assess(SMOKER)).at_risk

    asyncio.run(assess())


def test_the_threshold_itself_counts_as_risk(predictor: Predictor, engine: HeldEngine) -> None:
    engine.gate.set()

    async def assess() -> None:
        probability = (await predictor.assess(SMOKER)).probability
        card = predictor.card.model_copy(update={"threshold": probability})
        predictor.adopt(Artefact(card, engine))
        assert (await predictor.assess(SMOKER)).at_risk

    asyncio.run(assess())


def test_an_engine_that_loses_rows_fails_its_callers_and_not_the_next(
    predictor: Predictor, artefact: Artefact, engine: HeldEngine
) -> None:
    class Forgetful:
        is_instant = False

        def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
            return artefact.engine.probabilities(rows)[1:]

    engine.gate.set()

    async def assess() -> None:
        predictor.adopt(Artefact(artefact.card, Forgetful()))
        with pytest.raises(ValueError, match="1 patients gave"):
            await predictor.assess(SMOKER)
        predictor.adopt(Artefact(artefact.card, engine))
        assert (await predictor.assess(SMOKER)).at_risk

    asyncio.run(assess())


def test_closing_refuses_whoever_waits(predictor: Predictor, engine: HeldEngine) -> None:
    async def assess() -> None:
        running = predictor.assess(SMOKER)
        await until(engine.started)
        waiting = predictor.assess(SMOKER)
        closing = asyncio.ensure_future(predictor.close())
        with pytest.raises(NotReady):
            await waiting
        with pytest.raises(NotReady):
            predictor.assess(SMOKER)
        engine.gate.set()
        assert (await running).at_risk
        await closing

    asyncio.run(assess())


def test_an_explanation_runs_all_coalitions_and_curves_in_one_batch(
    predictor: Predictor, engine: HeldEngine, artefact: Artefact
) -> None:
    engine.gate.set()

    async def explain() -> None:
        assessment = await predictor.explain(SMOKER)
        assert assessment.explanation is not None
        plain = await predictor.assess(SMOKER)
        assert (assessment.probability, plain.explanation) == (plain.probability, None)

    asyncio.run(explain())
    assert engine.batch_sizes == [CURVE_ROWS + 64 * len(artefact.card.background), 1]


def test_explanations_take_turns_with_the_batches(
    predictor: Predictor, engine: HeldEngine, artefact: Artefact
) -> None:
    async def ask() -> None:
        first = predictor.assess(SMOKER)
        await until(engine.started)
        waiting = [predictor.explain(SMOKER) for _ in range(3)]
        waiting += [predictor.assess(HEALTHY) for _ in range(3)]
        engine.gate.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(ask())
    explanation = CURVE_ROWS + 64 * len(artefact.card.background)
    assert engine.batch_sizes == [1, explanation, 3, explanation, explanation]


def test_a_full_queue_of_explanations_refuses_those_and_no_others(
    artefact: Artefact, engine: HeldEngine
) -> None:
    predictor = Predictor(explanation_queue_limit=1)
    predictor.adopt(Artefact(artefact.card, engine))

    async def ask() -> None:
        first = predictor.explain(SMOKER)
        await until(engine.started)
        second = predictor.explain(SMOKER)
        with pytest.raises(Overloaded):
            predictor.explain(SMOKER)
        plain = predictor.assess(SMOKER)
        engine.gate.set()
        await asyncio.gather(first, second, plain)

    asyncio.run(ask())
    asyncio.run(predictor.close())


def test_an_instant_network_answers_at_once_while_the_worker_rests(artefact: Artefact) -> None:
    predictor = Predictor()
    predictor.adopt(artefact)

    async def assess() -> None:
        assert predictor.assess(SMOKER).done()
        await predictor.close()

    asyncio.run(assess())


def test_an_instant_network_is_left_to_the_worker_while_that_runs_it(artefact: Artefact) -> None:
    predictor = Predictor()
    predictor.adopt(artefact)

    async def assess() -> None:
        explained = predictor.explain(SMOKER)
        assessed = predictor.assess(SMOKER)
        assert not assessed.done()
        assert (await assessed).probability == pytest.approx((await explained).probability)
        await predictor.close()

    asyncio.run(assess())
