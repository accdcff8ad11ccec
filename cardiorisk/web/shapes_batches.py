"""The shapes of many patients who are sent at once, read piece by piece, and of their answer."""

import asyncio
import re
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired, cast

from pydantic import TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from cardiorisk.errors import FieldFault, InvalidPatient, MalformedBody
from cardiorisk.model.predictor import BatchAssessment
from cardiorisk.patients import words
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS
from cardiorisk.patients.words import Language
from cardiorisk.web.shapes import (
    FaultAnswer,
    Notice,
    Rule,
    Sent,
    Version,
    about,
    fault_of,
    faults_answer,
)
from cardiorisk.web.shapes_patients import (
    QUOTATION_MARKS,
    AtRisk,
    PatientBody,
    PatientShape,
    Probability,
    Threshold,
    Warnings,
    field_warnings,
)

MOST_PATIENTS = 1000
MOST_COMMAS = 12 * MOST_PATIENTS
"""Of a body: twice as many as six values need. More would only take time to refuse."""
_PIECE_BYTES = 8 * 1024
"""Some 75 patients, read in 0.1 ms: others wait no longer for a batch."""
_FAULTY_TOGETHER = 10
"""Patients read one by one in about the same time."""
_BEGINNING = re.compile(rb'\s*\{\s*"pacientes"\s*:\s*\[')
_CUT = re.compile(rb"\}\s*,")
_END = re.compile(rb"\]\s*\}\s*")
_PATIENTS: TypeAdapter[list[PatientShape]] = TypeAdapter(cast("Any", list)[PatientBody])
_NO_PATIENT = words.MUST.filled(accepted=words.PATIENT.filled(names=", ".join(FIELD_NAMES)))
_ACCEPTED = words.PATIENTS.filled(most=MOST_PATIENTS)


def _find_patients(sent: object) -> list[object] | None:
    return sent if isinstance(sent, list) and 0 < len(sent) <= MOST_PATIENTS else None


_patients = Rule(
    _find_patients,
    _ACCEPTED.en,
    {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_PATIENTS,
        "items": {"$ref": "#/components/schemas/Patient"},
        "description": "The patients, each as `POST /service` takes one",
        "examples": [[dict(EXAMPLE)]],
    },
    spanish=_ACCEPTED.es,
)


class BatchBody(Sent):
    """Many patients."""

    refusal = InvalidPatient

    pacientes: Annotated[list[Any], _patients]


@dataclass(slots=True)
class SentBatch:
    """Patients in their order: the values of those without a fault, and the faults of the others.

    Attributes:
        faults: by the patient's place among all.
    """

    values: "array[float]" = field(default_factory=lambda: array("f"))
    faults: dict[int, tuple[FieldFault, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values) // len(FIELDS) + len(self.faults)

    def add_faultless(self, array: bytes) -> bool:
        """Read a JSON array of patients and add them, unless there is something wrong with it."""
        try:
            patients = _PATIENTS.validate_json(array)
        except ValidationError:
            return False
        # Else a name may be there twice; see PatientShape.
        is_sure = array.count(b'"') == len(patients) * QUOTATION_MARKS
        for patient in patients if is_sure else ():
            self.values.extend(patient.values)
        return is_sure

    async def add(self, patients: list[Any]) -> None:
        """Add patients one by one, with what is wrong with them."""
        for count, sent in enumerate(patients, 1):
            place = len(self)
            if not isinstance(sent, dict):
                self.faults[place] = (fault_of(f"pacientes[{place}]", _NO_PATIENT),)
            else:
                try:
                    self.values.extend(PatientBody.accept(sent).values)
                except InvalidPatient as error:
                    self.faults[place] = error.faults
            if count % _FAULTY_TOGETHER == 0:
                await asyncio.sleep(0)


async def read_batch(body: bytes) -> SentBatch:
    """Read a body piece by piece, with a turn of the loop for others after each.

    Raises:
        MalformedBody: it is no JSON object.
        InvalidPatient: it does not hold an array of 1 to 1,000 patients, or holds something else.
    """
    if body.count(b",") > MOST_COMMAS:
        raise InvalidPatient((fault_of("pacientes", words.MUST.filled(accepted=_ACCEPTED)),))
    batch = SentBatch()
    # If it was cut where no patient ends, a piece is no array of patients.
    with suppress(MalformedBody, InvalidPatient):
        for array in _pieces(body):
            if not batch.add_faultless(array):
                await batch.add(BatchBody.read(b'{"pacientes":%b}' % array).pacientes)
            await asyncio.sleep(0)
        if 0 < len(batch) <= MOST_PATIENTS:
            return batch
    batch = SentBatch()
    await batch.add(BatchBody.read(body).pacientes)
    return batch


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut the array of patients into smaller ones, wherever one of them may end.

    Where each turns out to be an array of patients, theirs together are those of the whole. A body
    that is written in an unusual way has no pieces.
    """
    beginning, end = _BEGINNING.match(body), body.rfind(b"]")
    if beginning is None or _END.fullmatch(body, max(end, 0)) is None:
        return
    start = beginning.end()
    while cut := _CUT.search(body, start + _PIECE_BYTES, end):
        yield b"[%b]" % body[start : cut.start() + 1]
        start = cut.end()
    yield b"[%b]" % body[start:end]


class RowAnswer(TypedDict):
    """The assessment of a patient; with `advertencias` as `POST /service` has them."""

    riesgo_cardiaco: AtRisk
    probabilidad: Probability
    advertencias: NotRequired[Warnings]


@with_config(extra="forbid")
class FaultyRowAnswer(TypedDict):
    """What is wrong with a patient, who was not assessed."""

    errors: Annotated[list[FaultAnswer], about("Every faulty field", min_length=1)]


class AssessedBatchAnswer(TypedDict):
    """The assessments, all by one network."""

    resultados: Annotated[
        list[RowAnswer | FaultyRowAnswer], about("In the order of the patients", min_length=1)
    ]
    umbral: Threshold
    modelo: Version
    aviso: Notice


def batch_answer(
    sent: SentBatch, found: BatchAssessment, language: Language
) -> AssessedBatchAnswer:
    assessed: list[RowAnswer] = [
        {"riesgo_cardiaco": probability >= found.threshold, "probabilidad": probability}
        for probability in found.probabilities
    ]
    for place, names in found.outside_training.items():
        assessed[place]["advertencias"] = field_warnings(names, language)
    rows: list[RowAnswer | FaultyRowAnswer] = [*assessed]
    for place, faults in sent.faults.items():  # places rise, so that patients behind move to theirs
        rows.insert(place, {"errors": faults_answer(faults, language)})
    return {
        "resultados": rows,
        "umbral": found.threshold,
        "modelo": found.model_version,
        "aviso": found.notice.to(language),
    }
