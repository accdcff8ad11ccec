"""Assessments that are kept by their owner, and the original system's routes with its names."""

from datetime import datetime
from typing import Annotated

from pydantic import Field as Member
from pydantic import WithJsonSchema, create_model, with_config
from typing_extensions import TypedDict

from cardiorisk.accounts import assessments
from cardiorisk.errors import InvalidQuery, UnknownAssessment, WrongPlan
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web import shapes_patients as patients
from cardiorisk.web.handlers import AssessingHandler, AuthenticatedHandler
from cardiorisk.web.operations import SPOKEN, given_parameters, operation
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
from cardiorisk.web.shapes_patients import ORIGINAL_NAMES

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
    **{
        field.wire_name: Annotated[float, WithJsonSchema(patients.value_schema(field))]
        for field in FIELDS
    },
    "riesgo_cardiaco": patients.AtRisk,
    "probabilidad": patients.Probability,
    "umbral": patients.Threshold,
    "modelo": Version,
    "aviso": Notice,
    "advertencias": (patients.Warnings, None),
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


@with_config(extra="allow")
class OriginalAssessmentAnswer(TypedDict):
    """The assessment as the original system shows it, with the values as they were sent."""

    id: _Id
    nombre: _Label
    riesgoCardiaco: Annotated[bool, about("Whether the network takes it for a risk")]


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


def shown_to(handler: AuthenticatedHandler, *found: KeptAssessment) -> list[Json]:
    notice_of, language = handler.services.predictor.notice_of, handler.speak()
    return [kept_answer(kept, notice_of(kept.model_version).to(language)) for kept in found]


class KeepingHandler(AssessingHandler):
    async def admit(self) -> None:
        await super().admit()
        if self.plan not in {"", self.principal.plan}:
            raise WrongPlan(
                f"this route is for {self.plan} accounts and yours is {self.principal.plan}; "
                "POST /predictions serves every plan"
            )

    async def keep(self, shape: type[patients.PatientShape]) -> KeptAssessment:
        try:
            sent = shape.read(self.request.body)
        finally:
            self.end_stage("validate")
        assessment, keep = await self.assess(sent.patient), self.services.assessments.keep
        kept = await keep(self.principal, sent.patient, assessment, sent.label)
        self.end_stage("store")
        return kept

    async def find(
        self, shape: type[PageParameters]
    ) -> tuple[tuple[KeptAssessment, ...], str | None]:
        page = dict(shape.accept(given_parameters(self)))
        return await self.services.assessments.list_page(self.principal, **page)


class PredictionsHandler(KeepingHandler):
    @operation(
        *("keepAssessment", KeptAssessmentAnswer, patients.LabelledPatientBody, 201),
        headers=("Location", *SPOKEN),
    )
    async def post(self) -> None:
        """Assess a patient and keep the result."""
        kept = await self.keep(patients.LabelledPatientBody)
        self.set_header("Location", f"/predictions/{kept.assessment_id}")
        outside = self.assessment.outside_training if self.assessment else ()
        warnings = patients.warnings_of(outside, self.speak())
        self.answer(shown_to(self, kept)[0] | warnings, status=201)

    @operation("listAssessments", KeptAssessmentsAnswer, query=(PageParameters,), headers=SPOKEN)
    async def get(self) -> None:
        """List your assessments, the newest first."""
        items, after = await self.find(PageParameters)
        self.answer({"items": shown_to(self, *items), "after": after})


class PredictionHandler(AuthenticatedHandler):
    @operation(
        "showAssessment", KeptAssessmentAnswer, headers=SPOKEN, problems=(UnknownAssessment,)
    )
    async def get(self, assessment_id: str) -> None:
        """Show one of your assessments."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(shown_to(self, kept)[0])

    @operation("deleteAssessment", status=204, problems=(UnknownAssessment,))
    async def delete(self, assessment_id: str) -> None:
        """Delete one of your assessments for good."""
        await self.services.assessments.delete(self.principal, assessment_id)
        self.answer_nothing()


class OriginalHandler(KeepingHandler):
    @operation(
        *("original{Plan}Predict", OriginalAssessmentAnswer, patients.OriginalPatientBody),
        problems=(WrongPlan,),
    )
    async def post(self) -> None:
        """Assess a patient and keep the result ({plan} accounts)."""
        self.answer(original_answer(await self.keep(patients.OriginalPatientBody)))

    @operation(
        *("original{Plan}List", list[OriginalAssessmentAnswer]),
        query=(LargePageParameters,),
        answer="They; where there are more, the header `Link` says where",
        optional_headers=("Link",),
        problems=(WrongPlan,),
    )
    async def get(self) -> None:
        """List your assessments, the newest first ({plan} accounts)."""
        items, after = await self.find(LargePageParameters)
        if after is not None:
            # The original's answer has no place for the sign of more.
            query = f"limit={len(items)}&after={after}"
            self.set_header("Link", f'</{self.plan}/predict?{query}>; rel="next"')
        self.answer([original_answer(kept) for kept in items])


class OriginalItemHandler(KeepingHandler):
    @operation(
        *("original{Plan}Show", OriginalAssessmentAnswer), problems=(WrongPlan, UnknownAssessment)
    )
    async def get(self, assessment_id: str) -> None:
        """Show one of your assessments ({plan} accounts)."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(original_answer(kept))
