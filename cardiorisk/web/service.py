"""The service itself: six values in, an assessment out.

It must not keep what it was sent. The surprise: a GET reads its body where it has one, as the
assignment shows it, and the query string only where it has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.card import NOTICE
from cardiorisk.errors import FieldFault, InvalidPatient
from cardiorisk.explanations import Explanation, english_sentence, spanish_sentence
from cardiorisk.patient import FIELD_NAMES, Patient, parse_json, parse_query
from cardiorisk.web.callers import AssessingHandler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cardiorisk.predictor.predictor import Assessment

EXPLAIN_PARAMETER = "explicar"
_EXPLAIN_WORDS = {b"0": False, b"false": False, b"1": True, b"true": True}


class ServiceHandler(AssessingHandler):
    """``/service`` by GET (as the assignment shows it), POST or QUERY (RFC 10008)."""

    changing_methods = ()

    async def post(self) -> None:
        """Assess the patient in the body or, for a GET without one, in the query string."""
        patient, wants_explanation = self.validated(self._read)
        predictor = self.services.predictor
        ask = predictor.explain if wants_explanation else predictor.assess
        document = _document(await self.assess(patient, ask), patient)
        self.answer(document | self.warnings() | {"aviso": NOTICE})

    get = query = post

    def _read(self) -> tuple[Patient, bool]:
        """Read the patient, and whether the answer is to be explained; all faults at once."""
        arguments = dict(self.request.query_arguments)
        faults, wants_explanation = _read_explain(arguments.pop(EXPLAIN_PARAMETER, [b"0"]))
        try:
            patient = self._read_patient(arguments)
        except InvalidPatient as error:
            raise InvalidPatient(error.faults + faults) from error
        if faults:
            raise InvalidPatient(faults)
        return patient, wants_explanation

    def _read_patient(self, arguments: Mapping[str, Sequence[bytes]]) -> Patient:
        if self.request.method == "GET" and not self.request.body:
            return parse_query(arguments)
        return parse_json(self.request.body)


def _read_explain(texts: Sequence[bytes]) -> tuple[tuple[FieldFault, ...], bool]:
    if len(texts) > 1:
        return (FieldFault(EXPLAIN_PARAMETER, "is given more than once"),), False
    wants_explanation = _EXPLAIN_WORDS.get(texts[0])
    if wants_explanation is None:
        return (FieldFault(EXPLAIN_PARAMETER, "must be 0, 1, false or true"),), False
    return (), wants_explanation


def _document(assessment: Assessment, patient: Patient) -> dict[str, Any]:
    document: dict[str, Any] = {
        "riesgo_cardiaco": assessment.at_risk,
        "probabilidad": assessment.probability,
        "umbral": assessment.threshold,
        "modelo": assessment.model_version,
    }
    if assessment.explanation is not None:
        document |= _explanation(assessment.probability, assessment.explanation, patient)
    return document


def _explanation(probability: float, explanation: Explanation, patient: Patient) -> dict[str, Any]:
    return {
        "base": explanation.base,
        "contribuciones": dict(zip(FIELD_NAMES, explanation.contributions, strict=True)),
        "explicacion": {
            "es": spanish_sentence(probability, explanation, patient.values),
            "en": english_sentence(probability, explanation, patient.values),
        },
    }
