"""The shapes of assessments that are kept, and of which part of a list is asked for."""

from datetime import datetime
from typing import Annotated

from pydantic import Field as Member
from pydantic import WithJsonSchema, create_model
from typing_extensions import TypedDict

from cardiorisk.accounts import assessments
from cardiorisk.errors import InvalidQuery
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.shapes import (
    Json,
    Notice,
    Rule,
    Sent,
    Version,
    about,
    described_as,
    number_rule,
)
from cardiorisk.web.shapes_patients import (
    ORIGINAL_NAMES,
    AtRisk,
    Probability,
    Threshold,
    Warnings,
    title,
    value_schema,
)

_id_schema: Json = {
    "type": "string",
    "pattern": assessments.ID_PATTERN,
    "examples": ["pred_0mc4f8k2t7q67h3n5xk9w2c4bta"],
}
_how_many = number_rule(1, assessments.LARGEST_PAGE, "How many at most", is_text=True)
_after = Rule(
    assessments.find_id,
    "be the id of an assessment, as the list gives it",
    _id_schema | {"description": "The last id of the page before, which gives it as `after`"},
)


class PageParameters(Sent):
    """Which part of a list of assessments is wanted."""

    refusal = InvalidQuery
    is_all_text = True

    limit: Annotated[int, _how_many] = assessments.DEFAULT_PAGE
    after: Annotated[str | None, _after] = None

    @property
    def page(self) -> assessments.Page:
        return assessments.Page(self.limit, self.after)


class LargePageParameters(PageParameters):
    """The same where the original client asks."""

    limit: Annotated[int, _how_many] = assessments.LARGEST_PAGE


_Id = Annotated[str, Member(json_schema_extra=_id_schema), about("Its id")]
_Label = Annotated[
    str | None, about("What its owner calls the patient", max_length=assessments.LABEL_CHARACTERS)
]
_kept: Json = {
    "id": _Id,
    "created_at": Annotated[datetime, about("When it was made")],
    assessments.LABEL_FIELD: _Label,
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


def kept_answer(kept: KeptAssessment, notice: str) -> Json:
    return {
        "id": kept.assessment_id,
        "created_at": kept.created_at,
        assessments.LABEL_FIELD: kept.label,
        **kept.patient.members,
        "riesgo_cardiaco": kept.at_risk,
        "probabilidad": kept.probability,
        "umbral": kept.threshold,
        "modelo": kept.model_version,
        "aviso": notice,
    }


class KeptAssessmentsAnswer(TypedDict):
    """A page; send its `after` to get the next one, null means that there is none."""

    items: Annotated[
        list[Annotated[Json, described_as(KeptAssessmentAnswer)]], about("The newest first")
    ]
    after: Annotated[
        str | None, about("Where the next page begins", pattern=assessments.ID_PATTERN)
    ]


_original: Json = {
    "id": _Id,
    ORIGINAL_NAMES[assessments.LABEL_FIELD]: _Label,
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
        ORIGINAL_NAMES[assessments.LABEL_FIELD]: kept.label,
        **{
            ORIGINAL_NAMES[field.wire_name]: bool(value) if field.kind == "flag" else value
            for field, value in values
        },
        "riesgoCardiaco": kept.at_risk,
    }
