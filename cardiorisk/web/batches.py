"""Many patients in one request: each draws on the window, the network runs once for all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from cardiorisk.errors import InvalidPatient, NotReady, RateLimited
from cardiorisk.limits.window import Verdict
from cardiorisk.patients.patient import FIELDS, Patient
from cardiorisk.web.handlers import AssessingHandler
from cardiorisk.web.operations import SPOKEN, given_parameters, operation
from cardiorisk.web.shapes_batches import (
    AssessedBatchAnswer,
    BatchBody,
    BatchParameters,
    batch_answer,
    read_batch,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cardiorisk.model.explanations import Explanation
    from cardiorisk.model.predictor import BatchAssessment


class BatchingHandler(AssessingHandler):
    """A request of many patients, who draw on the window together or not at all.

    Before the body tells how many, one must be left, which a request that fails there draws.
    """

    changing_methods = ()
    body_limit_bytes = 1024 * 1024
    draws_when_admitted = 0

    async def assess_batch(self, rows: NDArray[np.float32], sent: int) -> BatchAssessment:
        self.filas = sent
        await self.draw_on_window(sent)
        self._asked = asked = self.services.predictor.assess_batch(rows)
        found = await asked
        self.answered_by = found.model_version
        self.end_stage("predict")
        return found

    def write_error(self, status_code: int, **context: Any) -> None:
        is_refused = isinstance(context["exc_info"][1], RateLimited)
        if self.verdict is not None and self.filas is None and not is_refused:
            counted = self.hit(1)
            if isinstance(counted, Verdict):
                self.verdict = counted
            else:
                counted.add_done_callback(asyncio.Future.exception)
                self.verdict = self.verdict._replace(remaining=self.verdict.remaining - 1)
        super().write_error(status_code, **context)

    def on_finish(self) -> None:
        self.services.traffic.let_go(self.request.connection)
        super().on_finish()


class BatchHandler(BatchingHandler):
    @operation(
        "assessBatch",
        AssessedBatchAnswer,
        query=(BatchParameters,),
        body=BatchBody,
        headers=SPOKEN,
        problems=(NotReady,),
    )
    async def post(self) -> None:
        """Assess up to 1,000 patients at once.

        The answer has the assessment of each patient, in their order, or in its place what is wrong
        with the patient; the others are assessed all the same. What all assessments have in common
        stands beside them. n patients draw n on the limit, all or none. A body may hold 1 MiB.
        Nothing is kept. With `?explicar=1` each comes with its reasons, for no more of the limit;
        curves are not offered.
        """
        try:
            async with self.services.traffic.batch_turn:
                sent = await read_batch(self.request.body)
        finally:
            self.end_stage("validate")
        faultless = [row for row in sent if not isinstance(row, InvalidPatient)]
        rows = np.array(faultless, dtype=np.float32).reshape(-1, len(FIELDS)) + np.float32(0)
        found = await self.assess_batch(rows, len(sent))
        await asyncio.sleep(0)  # a turn for others, as after each piece
        wishes = BatchParameters.accept(given_parameters(self))
        explained = await self._explain(rows, found) if wishes.explicar else []
        self.answer(batch_answer(sent, found, explained, self.speak()))

    async def _explain(
        self, rows: NDArray[np.float32], found: BatchAssessment
    ) -> list[Explanation | None]:
        """Explain one after the other, so that whoever else asks has a turn between any two."""
        explained: list[Explanation | None] = []
        for row in rows.tolist():
            self._asked = asked = self.services.predictor.explain(Patient(*row))
            each = await asked
            is_same = each.model_version == found.model_version  # it may be replaced meanwhile
            explained.append(each.explanation if is_same else None)
        self.end_stage("predict")
        return explained
