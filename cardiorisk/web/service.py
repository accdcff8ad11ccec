"""The service itself: six values in, an assessment out.

It must not keep what it was sent. The surprise: a GET reads its body where it has one, as the
assignment shows it, and the query string only where it has none.
"""

from __future__ import annotations

from json.encoder import encode_basestring as _quoted
from typing import TYPE_CHECKING, Any

from cardiorisk.errors import FieldFault, InvalidPatient
from cardiorisk.model.card import NOTICE
from cardiorisk.model.explanations import GRIDS, Explanation, english_sentence, spanish_sentence
from cardiorisk.patients.patient import FIELD_NAMES, Patient, parse_json, parse_query
from cardiorisk.web.handlers import AssessingHandler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cardiorisk.model.assessing import Assessment

EXPLAIN_PARAMETER = "explicar"
CURVES_PARAMETER = "curvas"
_PLAIN_END = f', "aviso": {_quoted(NOTICE)}}}\n'
_SWITCH_WORDS = {b"0": False, b"false": False, b"1": True, b"true": True}


class ServiceHandler(AssessingHandler):
    """``/service`` by GET (as the assignment shows it), POST or QUERY (RFC 10008)."""

    changing_methods = ()

    async def post(self) -> None:
        """Assess the patient in the body or, for a GET without one, in the query string."""
        patient, wants_explanation, wants_curves = self.validated(self._read)
        wants_reasons = wants_explanation or wants_curves
        predictor = self.services.predictor
        assessment = await self.assess(
            patient, predictor.explain if wants_reasons else predictor.assess
        )
        if not wants_reasons and not assessment.outside_training:
            self.answer_json(_plain_answer(assessment))
            return
        document = _document(assessment)
        if wants_explanation and assessment.explanation is not None:
            document |= _explanation(assessment.probability, assessment.explanation, patient)
        if wants_curves:
            document |= _curves(assessment)
        self.answer(document | self.warnings() | {"aviso": NOTICE})

    get = query = post

    def _read(self) -> tuple[Patient, bool, bool]:
        """Read the patient, and whether reasons and curves are wanted; all faults at once."""
        if not self.request.query_arguments:
            return self._read_patient({}), False, False
        arguments = dict(self.request.query_arguments)
        faults, wants_explanation = _read_switch(EXPLAIN_PARAMETER, arguments)
        more_faults, wants_curves = _read_switch(CURVES_PARAMETER, arguments)
        faults += more_faults
        try:
            patient = self._read_patient(arguments)
        except InvalidPatient as error:
            raise InvalidPatient(error.faults + faults) from error
        if faults:
            raise InvalidPatient(faults)
        return patient, wants_explanation, wants_curves

    def _read_patient(self, arguments: Mapping[str, Sequence[bytes]]) -> Patient:
        if self.request.method == "GET" and not self.request.body:
            return parse_query(arguments)
        return parse_json(self.request.body)


def _read_switch(
    name: str, arguments: dict[str, list[bytes]]
) -> tuple[tuple[FieldFault, ...], bool]:
    """Take a parameter out that is on, off or not there."""
    texts = arguments.pop(name, [b"0"])
    if len(texts) > 1:
        return (FieldFault(name, "is given more than once"),), False
    is_on = _SWITCH_WORDS.get(texts[0])
    if is_on is None:
        return (FieldFault(name, "must be 0, 1, false or true"),), False
    return (), is_on


def _document(assessment: Assessment) -> dict[str, Any]:
    return {
        "riesgo_cardiaco": assessment.at_risk,
        "probabilidad": assessment.probability,
        "umbral": assessment.threshold,
        "modelo": assessment.model_version,
    }


def _plain_answer(assessment: Assessment) -> bytes:
    """Write the document of an answer that has nothing more to say, as ``to_json`` would."""
    return (
        f'{{"riesgo_cardiaco": {"true" if assessment.at_risk else "false"}'
        f', "probabilidad": {assessment.probability}, "umbral": {assessment.threshold}'
        f', "modelo": {_quoted(assessment.model_version)}{_PLAIN_END}'
    ).encode()


def _curves(assessment: Assessment) -> dict[str, Any]:
    return {
        "curvas": {
            name: {"valores": grid, "probabilidades": curve}
            for name, grid, curve in zip(FIELD_NAMES, GRIDS, assessment.curves, strict=True)
        }
    }


def _explanation(probability: float, explanation: Explanation, patient: Patient) -> dict[str, Any]:
    return {
        "base": explanation.base,
        "contribuciones": dict(zip(FIELD_NAMES, explanation.contributions, strict=True)),
        "explicacion": {
            "es": spanish_sentence(probability, explanation, patient.values),
            "en": english_sentence(probability, explanation, patient.values),
        },
    }
