"""Assessments that are kept: made, listed, shown and deleted by their owner and nobody else.

The original system's routes are here too, for its clients: its names, its answers, one plan's
callers each. The list behind both plans is the account's own, where the original's was everybody's.
"""

from cardiorisk.accounts.assessments import Page
from cardiorisk.errors import UnknownAssessment, WrongPlan
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web import shapes_assessments as shapes
from cardiorisk.web.handlers import AssessingHandler, AuthenticatedHandler
from cardiorisk.web.operations import SPOKEN, given_parameters, operation
from cardiorisk.web.shapes_patients import (
    LabelledPatientBody,
    OriginalPatientBody,
    PatientShape,
    warnings_of,
)


class KeepingHandler(AssessingHandler):
    async def keep(self, shape: type[PatientShape]) -> KeptAssessment:
        try:
            sent = shape.read(self.request.body)
        finally:
            self.end_stage("validate")
        assessment = await self.assess(sent.patient)
        kept = await self.services.assessments.keep(
            self.principal, sent.patient, assessment, sent.label
        )
        self.end_stage("store")
        return kept

    def page(self, shape: type[shapes.PageParameters]) -> Page:
        return shape.accept(given_parameters(self)).page


class PredictionsHandler(KeepingHandler):
    @operation(
        *("keepAssessment", shapes.KeptAssessmentAnswer, LabelledPatientBody, 201),
        headers=("Location", *SPOKEN),
    )
    async def post(self) -> None:
        """Assess a patient and keep the result."""
        kept = await self.keep(LabelledPatientBody)
        self.set_header("Location", f"/predictions/{kept.assessment_id}")
        language = self.speak()
        notice = self.services.predictor.notice_of(kept.model_version).to(language)
        warnings = warnings_of(self.assessment, language)
        self.answer(shapes.kept_answer(kept, notice) | warnings, status=201)

    @operation(
        "listAssessments",
        shapes.KeptAssessmentsAnswer,
        query=(shapes.PageParameters,),
        headers=SPOKEN,
    )
    async def get(self) -> None:
        """List your assessments, the newest first."""
        page = self.page(shapes.PageParameters)
        found = await self.services.assessments.list_page(self.principal, page)
        notice_of, language = self.services.predictor.notice_of, self.speak()
        items = [
            shapes.kept_answer(kept, notice_of(kept.model_version).to(language))
            for kept in found.items
        ]
        self.answer({"items": items, "after": found.next_after})


class PredictionHandler(AuthenticatedHandler):
    @operation(
        "showAssessment", shapes.KeptAssessmentAnswer, headers=SPOKEN, problems=(UnknownAssessment,)
    )
    async def get(self, assessment_id: str) -> None:
        """Show one of your assessments."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        notice = self.services.predictor.notice_of(kept.model_version).to(self.speak())
        self.answer(shapes.kept_answer(kept, notice))

    @operation("deleteAssessment", status=204, problems=(UnknownAssessment,))
    async def delete(self, assessment_id: str) -> None:
        """Delete one of your assessments for good."""
        await self.services.assessments.delete(self.principal, assessment_id)
        self.answer_nothing()


class PlanHandler(KeepingHandler):
    async def admit(self) -> None:
        await super().admit()
        if self.principal.plan != self.plan:
            raise WrongPlan(
                f"this route is for {self.plan} accounts and yours is {self.principal.plan}; "
                "POST /predictions serves every plan"
            )


class OriginalHandler(PlanHandler):
    @operation(
        "original{Plan}Predict",
        shapes.OriginalAssessmentAnswer,
        body=OriginalPatientBody,
        problems=(WrongPlan,),
    )
    async def post(self) -> None:
        """Assess a patient and keep the result ({plan} accounts)."""
        self.answer(shapes.original_answer(await self.keep(OriginalPatientBody)))

    @operation(
        "original{Plan}List",
        list[shapes.OriginalAssessmentAnswer],
        query=(shapes.LargePageParameters,),
        answer="They; where there are more, the header `Link` says where",
        optional_headers=("Link",),
        problems=(WrongPlan,),
    )
    async def get(self) -> None:
        """List your assessments, the newest first ({plan} accounts)."""
        page = self.page(shapes.LargePageParameters)
        found = await self.services.assessments.list_page(self.principal, page)
        if found.next_after is not None:
            # The original's answer has no place for the sign of more.
            query = f"limit={page.limit}&after={found.next_after}"
            self.set_header("Link", f'</{self.plan}/predict?{query}>; rel="next"')
        self.answer([shapes.original_answer(kept) for kept in found.items])


class OriginalItemHandler(PlanHandler):
    @operation(
        "original{Plan}Show",
        shapes.OriginalAssessmentAnswer,
        problems=(WrongPlan, UnknownAssessment),
    )
    async def get(self, assessment_id: str) -> None:
        """Show one of your assessments ({plan} accounts)."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(shapes.original_answer(kept))
