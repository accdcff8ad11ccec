"""The shapes of a patient who is sent, made from ``FIELDS``, and of the assessment answered."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Annotated, Any, Self

from pydantic import Field as Member
from pydantic import ValidationError, create_model
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, LABEL_FIELD
from cardiorisk.errors import InvalidPatient, InvalidQuery
from cardiorisk.identity.texts import clean_name
from cardiorisk.model.changes import MOST_CHANGES
from cardiorisk.model.explanations import GRIDS, Maps, sentence
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients import patient as patients
from cardiorisk.patients import words
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS, Field, Patient
from cardiorisk.patients.words import Language, Said
from cardiorisk.web.shapes import (
    FaultAnswer,
    Json,
    Notice,
    Rule,
    Sent,
    Version,
    about,
)

# The original client's name of each of ours.
ORIGINAL_NAMES = {name: name for name in (*FIELD_NAMES, LABEL_FIELD)}
ORIGINAL_NAMES |= {"nivel_colesterol": "colesterol", "presion_arterial": "presionArterial"}


class PatientShape(Sent):
    """A patient who is sent; the shapes differ in their members' names, and in having a label."""

    refusal = InvalidPatient
    unknown = words.NO_PATIENTS_FIELD

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a JSON object as ``Sent`` does, but faster where nothing is wrong with it.

        The fast reader takes the last of two equal names in silence. With no more quotation marks
        than six names have, six different ones leave no room for a seventh.
        """
        if body.count(b'"') == QUOTATION_MARKS:
            with suppress(ValidationError):
                return cls.model_validate_json(body)
        return super().read(body)

    @property
    def values(self) -> tuple[float, ...]:
        """The values as they were sent, in ``FIELDS`` order; a zero may be negative."""
        values: tuple[float, ...] = _six(self.__dict__)
        return values

    @property
    def patient(self) -> Patient:
        # Added to 0, whole numbers become floats, and a negative zero loses its sign.
        return Patient(*[value + 0.0 for value in _six(self.__dict__)])

    @property
    def label(self) -> str | None:
        return self.__dict__[LABEL_FIELD] or None


QUOTATION_MARKS = 2 * len(FIELDS)
_six = itemgetter(*FIELD_NAMES)


def value_schema(field: Field, more: str = "") -> Json:
    unit = f", in {field.unit}" if field.unit else ""
    hint = f"; {field.hint}" if field.hint else ""
    described: Json = {
        "description": f"{title(field)}{unit}{hint}{more}",
        "examples": [EXAMPLE[field.wire_name]],
    }
    if field.kind == "flag":
        return described | {"type": "integer", "enum": [0, 1]}
    return described | {"type": field.kind, "minimum": field.minimum, "maximum": field.maximum}


def title(field: Field) -> str:
    return field.description[:1].upper() + field.description[1:]


def _rule(field: Field) -> Rule:
    more = "; false and true are accepted too" if field.kind == "flag" else ""
    low, high = field.minimum, field.maximum
    core: CoreSchema = core_schema.int_schema(strict=True, ge=int(low), le=int(high))
    if field.kind == "number":
        core = core_schema.float_schema(strict=True, ge=low, le=high, allow_inf_nan=False)
    schema = value_schema(field, more)
    read = partial(patients.accepted_number, field)
    return Rule(read, accepted_of(field), schema, core=core)


def accepted_of(field: Field) -> Said:
    if field.kind == "flag":
        return words.FLAG
    said = words.INTEGER if field.kind == "integer" else words.NUMBER
    hint = Said(f"; {field.spanish_hint}", f"; {field.hint}") if field.hint else ""
    unit = Said(field.spanish_unit or field.unit, field.unit)
    least, most = f"{field.minimum:g}", f"{field.maximum:g}"
    return said.filled(minimum=least, maximum=most, unit=unit, hint=hint)


def _original_value(field: Field) -> Any:
    def read(sent: object) -> float | None:
        value = patients.value_of(field, sent) if isinstance(sent, str) else sent
        return patients.accepted_number(field, value)

    more = '; false, true, "False" and "True" are accepted too' if field.kind == "flag" else ""
    schema = value_schema(field, f"{more}; it may be text")
    return Annotated[float, replace(_rule(field), read=read, schema=schema)]


_label = Rule(
    lambda sent: "" if isinstance(sent, str) and not sent.strip() else clean_name(sent),
    words.LABEL.filled(most=LABEL_CHARACTERS),
    {
        "type": "string",
        "maxLength": LABEL_CHARACTERS,
        "description": "What you call the patient: printable characters, blanks at the ends cut",
        "examples": ["Natalia Natalia"],
    },
    is_nullable=True,
)
_labelled: Json = {LABEL_FIELD: (Annotated[str | None, _label], None)}
_values: Json = {field.wire_name: Annotated[float, _rule(field)] for field in FIELDS}
_originals: Json = {
    field.wire_name: (_original_value(field), Member(alias=ORIGINAL_NAMES[field.wire_name]))
    for field in FIELDS
}


def _patient(name: str, description: str, members: Json) -> type[PatientShape]:
    return create_model(name, __base__=PatientShape, __doc__=description, **members)


PatientBody = _patient("PatientBody", "The six values of one patient.", _values)
_said = "The six values of one patient, and what you call them."
LabelledPatientBody = _patient("LabelledPatientBody", _said, _values | _labelled)
_said = "A patient as the original system's client sends one."
OriginalPatientBody = _patient("OriginalPatientBody", _said, _originals | _labelled)


def switch(description: str) -> Rule:
    schema = {"type": "integer", "enum": [0, 1], "description": description}
    read = ({"0": False, "1": True} | patients.FLAG_WORDS).get
    return Rule(read, words.FLAG, schema)


class WishesParameters(Sent):
    """What the answer is to hold beside the assessment."""

    refusal = InvalidQuery
    is_all_text = True

    explicar: Annotated[bool, switch("Say why: `base`, `contribuciones`, `explicacion`")] = False
    curvas: Annotated[bool, switch("Add `curvas`: each value moves, others stay")] = False
    cambios: Annotated[bool, switch("Add `cambios`: what gets the other answer")] = False
    mapas: Annotated[bool, switch("Add `mapas`: every two values move, others stay")] = False


class CurveAnswer(TypedDict):
    """The probability as one value moves over its range and the others stay."""

    valores: Annotated[tuple[float, ...], about("What the value takes", min_length=2)]
    probabilidades: Annotated[tuple[float, ...], about("The probability at each", min_length=2)]


AtRisk = Annotated[bool, about("`probabilidad` reached `umbral`")]
Probability = Annotated[
    float, about("Never 0 nor 1, and not a chance of falling ill", 0.000312, gt=0, lt=1)
]


class ChangeAnswer(TypedDict):
    """Values to change, and the answer with these."""

    campos: Annotated[dict[str, float], about("New values by field", {"azucar": 1.0}, min_length=1)]
    probabilidad: Probability
    riesgo_cardiaco: AtRisk


_moved = about("By field, how far it moved the answer from `base`; all add up to `probabilidad`")
Contributions = Annotated[dict[str, float], _moved]
Base = Annotated[float, about("Mean answer over the reference patients", 0.523437479)]
Threshold = Annotated[float, about("The least `probabilidad` that is a risk", 0.5, gt=0, lt=1)]
_beyond = about("Values that may be sent and lie beyond all that training saw", min_length=1)
Warnings = Annotated[list[FaultAnswer], _beyond]
_said = "The smallest that get the other answer, of as few fields as it takes; the least first"
_least = about(_said, max_length=MOST_CHANGES)
_drawn = about(
    "By first and second field: a list for each value of the first, over the `valores` of `curvas`"
)


class MoreAnswer(TypedDict, total=False):
    """What an assessment may come with."""

    base: Base
    contribuciones: Contributions
    explicacion: Annotated[dict[str, str], about("The same in a sentence, by language")]
    curvas: Annotated[dict[str, CurveAnswer], about("By field")]
    cambios: Annotated[list[ChangeAnswer], _least]
    mapas: Annotated[Maps, _drawn]
    advertencias: Warnings


class AssessmentAnswer(MoreAnswer):
    """The assessment; with `advertencias` where a value lies beyond all that training saw."""

    riesgo_cardiaco: AtRisk
    probabilidad: Probability
    umbral: Threshold
    modelo: Version
    aviso: Notice


def assessment_answer(
    assessment: Assessment, patient: Patient, wishes: WishesParameters, language: Language
) -> AssessmentAnswer:
    more: MoreAnswer = {}
    explanation = assessment.explanation
    if wishes.explicar and explanation is not None:
        more["base"] = explanation.base
        more["contribuciones"] = dict(zip(FIELD_NAMES, explanation.contributions, strict=True))
        told = partial(sentence, assessment.probability, explanation, patient.values)
        more["explicacion"] = {"es": told("es"), "en": told("en")}
    if wishes.curvas:
        more["curvas"] = {
            name: {"valores": grid, "probabilidades": curve}
            for name, grid, curve in zip(FIELD_NAMES, GRIDS, assessment.curves, strict=True)
        }
    if wishes.cambios:
        more["cambios"] = [
            {
                "campos": {name: change.patient.members[name] for name in change.fields},
                "probabilidad": change.probability,
                "riesgo_cardiaco": change.at_risk,
            }
            for change in assessment.changes
        ]
    if assessment.outside_training:
        more |= warnings_of(assessment.outside_training, language)
    return {
        "riesgo_cardiaco": assessment.at_risk,
        "probabilidad": assessment.probability,
        "umbral": assessment.threshold,
        "modelo": assessment.model_version,
        **more,
        "aviso": assessment.notice.es if language == "es" else assessment.notice.en,
    }


def warnings_of(names: Iterable[str], language: Language) -> MoreAnswer:
    """Warn of values beyond what training saw, by their names, where there are any."""
    said = words.OUTSIDE_TRAINING.to(language)
    told: list[FaultAnswer] = [{"field": name, "detail": said} for name in names]
    return {"advertencias": told} if told else {}
