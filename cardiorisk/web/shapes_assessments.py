"""The shapes of assessments that are answered, and of which part of a list is asked for."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, WithJsonSchema, create_model, with_config
from pydantic import Field as Member
from typing_extensions import TypedDict

from cardiorisk.accounts.assessments import (
    DEFAULT_PAGE,
    ID_PATTERN,
    LABEL_CHARACTERS,
    LABEL_FIELD,
    LARGEST_PAGE,
    Page,
    find_id,
)
from cardiorisk.errors import InvalidQuery
from cardiorisk.model.card import NOTICE
from cardiorisk.model.explanations import GRIDS, english_sentence, spanish_sentence
from cardiorisk.model.predictor import Assessment
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS, Patient
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.shapes import (
    Json,
    Notice,
    Rule,
    Sent,
    Version,
    about,
    described_as,
    parameter_rule,
)
from cardiorisk.web.shapes_patients import ORIGINAL_NAMES, WishesParameters, title, value_schema

_id_schema: Json = {
    "type": "string",
    "pattern": ID_PATTERN,
    "examples": ["pred_0mc4f8k2t7q67h3n5xk9w2c4bta"],
}
_how_many = parameter_rule(1, LARGEST_PAGE, "How many at most")
_after = Rule(
    find_id,
    "be the id of an assessment, as the list gives it",
    _id_schema | {"description": "The last id of the page before, which gives it as `after`"},
)


class PageParameters(Sent):
    """Which part of a list of assessments is wanted."""

    refusal = InvalidQuery

    limit: Annotated[int, _how_many] = DEFAULT_PAGE
    after: Annotated[str | None, _after] = None

    @property
    def page(self) -> Page:
        return Page(self.limit, self.after)


class LargePageParameters(PageParameters):
    """The same where the original client asks."""

    limit: Annotated[int, _how_many] = LARGEST_PAGE


OUTSIDE_TRAINING = "queda fuera de lo que vio el entrenamiento; GET /model da los intervalos"


class WarningAnswer(TypedDict):
    """A value that may be sent and lies beyond all that training saw."""

    field: Annotated[str, about("Its name", json_schema_extra={"enum": list(FIELD_NAMES)})]
    detail: Annotated[str, about("What it means", OUTSIDE_TRAINING)]


class SentencesAnswer(TypedDict):
    """The explanation in a sentence."""

    es: Annotated[str, about("In Spanish", "La red da 0,00 a estos datos y 0,52 de media a …")]
    en: Annotated[str, about("In English", "The network gives 0.00 to these values and 0.52 …")]


class CurveAnswer(TypedDict):
    """The probability as one value moves over its range and the others stay."""

    valores: Annotated[tuple[float, ...], about("What the value takes", min_length=2)]
    probabilidades: Annotated[
        tuple[Annotated[float, Member(ge=0, le=1)], ...],
        about("The probability at each of them", min_length=2),
    ]


def _by_field(name: str, description: str, each: Any) -> type[BaseModel]:
    """Make a shape with a member for each value of a patient."""
    members: Json = {field.wire_name: (each, about(title(field))) for field in FIELDS}
    return create_model(name, __doc__=description, **members)


_Contributions = _by_field(
    "Contributions",
    "How far each value moved the answer from `base`: Shapley values. With `base` they add up to "
    "`probabilidad`, but for its rounding to 6 decimals.",
    float,
)
_Curves = _by_field(
    "Curves",
    "The probability as each value takes the ones in `valores` and the others stay.",
    CurveAnswer,
)

AtRisk = Annotated[bool, about("`probabilidad` reached `umbral`")]
Probability = Annotated[
    float, about("How sure the network is of its rule; not a chance of falling ill", ge=0, le=1)
]
Threshold = Annotated[float, about("The least `probabilidad` that is a risk", 0.5, gt=0, lt=1)]
Warnings = Annotated[
    list[WarningAnswer],
    about("Values that may be sent and lie beyond all that training saw", min_length=1),
]
_REASONS = ("base", "contribuciones", "explicacion")


class MoreAnswer(TypedDict, total=False):
    """What an assessment may come with."""

    base: Annotated[float, about("Mean answer over the reference patients", 0.523437479)]
    contribuciones: Annotated[dict[str, float], described_as(_Contributions)]
    explicacion: SentencesAnswer
    curvas: Annotated[dict[str, CurveAnswer], described_as(_Curves)]
    advertencias: Warnings


@with_config(
    json_schema_extra={
        "dependentRequired": {
            name: [other for other in _REASONS if other != name] for name in _REASONS
        }
    }
)
class AssessmentAnswer(MoreAnswer):
    """The assessment; with `advertencias` where a value lies beyond all that training saw."""

    riesgo_cardiaco: AtRisk
    probabilidad: Probability
    umbral: Threshold
    modelo: Version
    aviso: Notice


def assessment_answer(
    assessment: Assessment, patient: Patient, wishes: WishesParameters
) -> AssessmentAnswer:
    """Show an assessment, with what was wished for."""
    more: MoreAnswer = {}
    explanation = assessment.explanation
    if wishes.explicar and explanation is not None:
        more["base"] = explanation.base
        more["contribuciones"] = dict(zip(FIELD_NAMES, explanation.contributions, strict=True))
        more["explicacion"] = {
            "es": spanish_sentence(assessment.probability, explanation, patient.values),
            "en": english_sentence(assessment.probability, explanation, patient.values),
        }
    if wishes.curvas:
        more["curvas"] = {
            name: {"valores": grid, "probabilidades": curve}
            for name, grid, curve in zip(FIELD_NAMES, GRIDS, assessment.curves, strict=True)
        }
    return {
        "riesgo_cardiaco": assessment.at_risk,
        "probabilidad": assessment.probability,
        "umbral": assessment.threshold,
        "modelo": assessment.model_version,
        **more,
        **warnings_of(assessment),
        "aviso": NOTICE,
    }


def warnings_of(assessment: Assessment | None) -> MoreAnswer:
    """Return the member that warns of values beyond what training saw, where there are any."""
    if assessment is None or not assessment.outside_training:
        return {}
    names = assessment.outside_training
    return {"advertencias": [{"field": name, "detail": OUTSIDE_TRAINING} for name in names]}


_Id = Annotated[str, Member(json_schema_extra=_id_schema), about("Its id")]
_Label = Annotated[
    str | None, about("What its owner calls the patient", max_length=LABEL_CHARACTERS)
]
_kept: Json = {
    "id": _Id,
    "created_at": Annotated[datetime, about("When it was made")],
    LABEL_FIELD: _Label,
    **{field.wire_name: Annotated[float, WithJsonSchema(value_schema(field))] for field in FIELDS},
    "riesgo_cardiaco": AtRisk,
    "probabilidad": Probability,
    "umbral": Threshold,
    "modelo": Version,
    "aviso": Notice,
    "advertencias": (Warnings, None),
}
KeptAssessmentAnswer = create_model(
    "KeptAssessmentAnswer", __doc__="The assessment as it is kept.", **_kept
)


def kept_answer(kept: KeptAssessment) -> Json:
    return {
        "id": kept.assessment_id,
        "created_at": kept.created_at,
        LABEL_FIELD: kept.label,
        **kept.patient.members,
        "riesgo_cardiaco": kept.at_risk,
        "probabilidad": kept.probability,
        "umbral": kept.threshold,
        "modelo": kept.model_version,
        "aviso": NOTICE,
    }


class KeptAssessmentsAnswer(TypedDict):
    """A page; send its `after` to get the next one, null means that there is none."""

    items: Annotated[
        list[Annotated[Json, described_as(KeptAssessmentAnswer)]], about("The newest first")
    ]
    after: Annotated[str | None, about("Where the next page begins", pattern=ID_PATTERN)]


_original: Json = {
    "id": _Id,
    ORIGINAL_NAMES[LABEL_FIELD]: _Label,
    **{
        ORIGINAL_NAMES[field.wire_name]: Annotated[bool, about(title(field))]
        if field.kind == "flag"
        else Annotated[float, WithJsonSchema(value_schema(field))]
        for field in FIELDS
    },
    "riesgoCardiaco": Annotated[bool, about("Whether the network takes it for a risk")],
}
OriginalAssessmentAnswer = create_model(
    "OriginalAssessmentAnswer",
    __doc__="The assessment as the original system shows it.",
    **_original,
)


def original_answer(kept: KeptAssessment) -> Json:
    values = zip(FIELDS, kept.patient.members.values(), strict=True)
    return {
        "id": kept.assessment_id,
        ORIGINAL_NAMES[LABEL_FIELD]: kept.label,
        **{
            ORIGINAL_NAMES[field.wire_name]: bool(value) if field.kind == "flag" else value
            for field, value in values
        },
        "riesgoCardiaco": kept.at_risk,
    }
