"""Many patients in one request, read piece by piece: the network runs once for all of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import compress, zip_longest
from typing import Annotated, Any, NotRequired, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, FailFast, ValidationError
from typing_extensions import TypedDict

from cardiorisk.errors import (
    InternalFailure,
    InvalidPatient,
    InvalidQuery,
    MalformedBody,
    RateLimited,
    ServiceError,
)
from cardiorisk.model.explanations import Explanation
from cardiorisk.model.predictor import BatchAssessment
from cardiorisk.patients import words
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS, Patient
from cardiorisk.patients.words import Language
from cardiorisk.web import shapes
from cardiorisk.web import shapes_patients as patients
from cardiorisk.web.handlers import AssessingHandler
from cardiorisk.web.operations import SPOKEN, given_parameters, operation
from cardiorisk.web.shapes import FaultAnswer, Rule, Sent, about, described_as, fault_of
from cardiorisk.web.shapes_patients import PatientBody

MOST_PATIENTS = 1000
_MOST_COMMAS = 12 * MOST_PATIENTS  # of a body's JSON: twice as many as six values need
_MOST_OPENED = 2 * MOST_PATIENTS  # brackets and braces in it, which take as long to read
_PIECE_BYTES = 8 * 1024  # some 75 patients, read in 0.1 ms: others wait no longer for a batch
_FAULTY_A_TURN, _SHOWN_A_TURN = 5, 200
_CUT = re.compile(rb"\}\s*,")
_HEAD = b'{"pacientes":['
_NO_PATIENT = words.MUST.filled(accepted=words.PATIENT.filled(names=", ".join(FIELD_NAMES)))
_ACCEPTED = words.PATIENTS.filled(most=MOST_PATIENTS)
_batch = Rule(
    lambda sent: sent if isinstance(sent, list) and 0 < len(sent) <= MOST_PATIENTS else None,
    _ACCEPTED,
    {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_PATIENTS,
        "items": {"$ref": "#/components/schemas/Patient"},
        "description": "The patients, each as `POST /service` takes one",
        "examples": [[dict(EXAMPLE)]],
    },
)
_whole_patients = described_as(cast("Any", list)[PatientBody])
# A patient's values in ``FIELDS`` order, or what is wrong with the patient.
Row: TypeAlias = tuple[float, ...] | InvalidPatient


class BatchBody(Sent):
    """Many patients."""

    refusal = InvalidPatient

    pacientes: Annotated[list[Any], _batch]


class BatchParameters(Sent):
    """What each answer of a batch is to hold beside the assessment."""

    refusal = InvalidQuery
    is_all_text = True

    explicar: Annotated[bool, patients.switch("Say why: `contribuciones`, over `base`")] = False


class _FaultlessBody(BaseModel, extra="forbid"):
    pacientes: Annotated[list[patients.PatientShape], _whole_patients, FailFast()]


def is_too_much(body: bytes, length: int) -> bool:
    """Tell whether so many bytes of JSON would keep others waiting while they are read."""
    commas, lists, objects = (body.count(sign, 0, length) for sign in (b",", b"[", b"{"))
    return commas > _MOST_COMMAS or lists + objects > _MOST_OPENED


async def read_batch(body: bytes) -> list[Row]:
    if is_too_much(body, len(body)):
        raise InvalidPatient((fault_of("pacientes", words.MUST.filled(accepted=_ACCEPTED)),))
    # If it was cut where no patient ends, a piece is no batch.
    with suppress(MalformedBody, InvalidPatient):
        rows: list[Row] = []
        for piece in _pieces(body):
            rows += _faultless(piece) or await _each(BatchBody.read(piece), len(rows))
            await asyncio.sleep(0)
        if len(rows) <= MOST_PATIENTS:
            return rows
    return await _each(BatchBody.read(body))


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut a batch into smaller ones, wherever a patient may end."""
    head, start = b"", 0
    while cut := _CUT.search(body, start + _PIECE_BYTES):
        yield b"%b%b]}" % (head, body[start : cut.start() + 1])
        head, start = _HEAD, cut.end()
    yield head + body[start:]


def _faultless(piece: bytes) -> list[Row]:
    try:
        read = _FaultlessBody.model_validate_json(piece).pacientes
    except ValidationError:
        return []
    # Else a name may be there twice; see PatientShape.
    is_sure = piece.count(b'"') == 2 + len(read) * patients.QUOTATION_MARKS
    return [patient.values for patient in read] if is_sure else []


async def _each(batch: BatchBody, first: int = 0) -> list[Row]:
    rows: list[Row] = []
    for place, sent in enumerate(batch.pacientes, first):
        row: Row = InvalidPatient((fault_of(f"pacientes[{place}]", _NO_PATIENT),))
        if isinstance(sent, dict):
            try:
                row = PatientBody.accept(sent).values
            except InvalidPatient as error:
                row = error
        rows.append(row)
        if place % _FAULTY_A_TURN == 0:
            await asyncio.sleep(0)
    return rows


class RowAnswer(TypedDict):
    """The assessment of a patient; with `advertencias` as `POST /service` has them."""

    riesgo_cardiaco: patients.AtRisk
    probabilidad: patients.Probability
    contribuciones: NotRequired[patients.Contributions]
    advertencias: NotRequired[patients.Warnings]


class FaultyRowAnswer(TypedDict):
    """What is wrong with a patient, who was not assessed."""

    errors: Annotated[list[FaultAnswer], about("Every faulty field", min_length=1)]


class AssessedBatchAnswer(TypedDict):
    """The assessments, all by one network."""

    resultados: Annotated[list[RowAnswer | FaultyRowAnswer], about("In their order", min_length=1)]
    base: NotRequired[patients.Base]
    umbral: patients.Threshold
    modelo: shapes.Version
    aviso: shapes.Notice


async def batch_answer(
    sent: list[Row],
    found: BatchAssessment,
    explained: list[Explanation | None],
    language: Language,
) -> AssessedBatchAnswer:
    rows: list[RowAnswer | FaultyRowAnswer] = []
    assessed = zip_longest(found.probabilities, found.outside_training.tolist(), explained)
    for place, each in enumerate(sent):
        if place % _SHOWN_A_TURN == 0:
            await asyncio.sleep(0)
        if isinstance(each, InvalidPatient):
            rows.append({"errors": shapes.faults_answer(each.faults, language)})
            continue
        told, outside, explanation = next(assessed)
        row: RowAnswer = {"riesgo_cardiaco": told >= found.threshold, "probabilidad": told}
        if explanation is not None:
            row["contribuciones"] = dict(zip(FIELD_NAMES, explanation.contributions, strict=True))
        if True in outside:
            names = compress(FIELD_NAMES, outside)
            row["advertencias"] = patients.warnings_of(names, language)["advertencias"]
        rows.append(row)
    answer: AssessedBatchAnswer = {
        "resultados": rows,
        "umbral": found.threshold,
        "modelo": found.model_version,
        "aviso": found.notice.to(language),
    }
    for explanation in filter(None, explained):
        answer["base"] = explanation.base  # the same for all
    return answer


class BatchingHandler(AssessingHandler):
    """A request of many patients, who draw on the window together or not at all.

    Before the body tells how many, one must be left, which a request that fails there draws.
    """

    changing_methods = ()
    body_limit_bytes = 1024 * 1024
    draws_when_admitted = 0

    async def prepare(self) -> None:
        try:
            await super().prepare()
        except Exception as error:
            if self.verdict is not None and not isinstance(error, RateLimited):
                await self._draw_one(error)
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        try:
            async with self.services.traffic.batch_turn:
                yield
        except Exception as error:
            self.end_stage("validate")
            await self._draw_one(error)
            raise
        self.end_stage("validate")

    async def _draw_one(self, error: Exception) -> None:
        try:
            await self.draw_on_window()
        except ServiceError:  # of the two a failure of our own is told, and logged
            if not isinstance(self.error_of(error), InternalFailure):
                raise

    async def assess_batch(self, rows: NDArray[np.float32], sent: int) -> BatchAssessment:
        self.filas = sent
        await self.draw_on_window(sent)
        self._asked = asked = self.services.predictor.assess_batch(rows)
        found = await asked
        self.answered_by = found.model_version
        self.end_stage("predict")
        return found

    def on_finish(self) -> None:
        self.services.traffic.let_go(self.request.connection)
        super().on_finish()


class BatchHandler(BatchingHandler):
    @operation(
        "assessBatch", AssessedBatchAnswer, BatchBody, query=(BatchParameters,), headers=SPOKEN
    )
    async def post(self) -> None:
        """Assess up to 1,000 patients at once.

        The answer has the assessment of each patient, in their order, or in its place what is wrong
        with the patient; the others are assessed all the same. What all assessments have in common
        stands beside them. n patients draw n on the limit, all or none. A body may hold 1 MiB.
        Nothing is kept. With `?explicar=1` each comes with its reasons, for no more of the limit;
        curves are not offered.
        """
        async with self.reading():
            sent = await read_batch(self.request.body)
            wishes = BatchParameters.accept(given_parameters(self))
        faultless = [row for row in sent if not isinstance(row, InvalidPatient)]
        rows = np.array(faultless, dtype=np.float32).reshape(-1, len(FIELDS)) + np.float32(0)
        found = await self.assess_batch(rows, len(sent))
        explained = await self._explain(rows, found) if wishes.explicar else []
        self.answer(await batch_answer(sent, found, explained, self.speak()))

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
