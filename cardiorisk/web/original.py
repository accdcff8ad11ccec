"""The original system's routes, for its clients: its names, its answers, one plan's callers each.

The list behind both plans is the account's own, where the original's was everybody's.
"""

from cardiorisk.errors import NotReady, UnknownAssessment, WrongPlan
from cardiorisk.web import shapes_assessments as shapes
from cardiorisk.web.operations import operation
from cardiorisk.web.predictions import KeepingHandler
from cardiorisk.web.shapes_patients import OriginalPatientBody


class PlanHandler(KeepingHandler):
    """A route for the accounts of one plan."""

    async def admit(self) -> None:
        await super().admit()
        if self.principal.plan != self.plan:
            raise WrongPlan(
                f"this route is for {self.plan} accounts and yours is {self.principal.plan}; "
                "POST /predictions serves every plan"
            )


class OriginalPredictHandler(PlanHandler):
    @operation(
        "original{Plan}Predict",
        shapes.OriginalAssessmentAnswer,
        body=OriginalPatientBody,
        problems=(NotReady, WrongPlan),
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
        """List your assessments, the newest first ({plan} accounts).

        Your own, whichever plan they were made on.
        """
        page = self.page(shapes.LargePageParameters)
        found = await self.services.assessments.list_page(self.principal, page)
        if found.next_after is not None:
            # The original's answer has no place for the sign of more.
            query = f"limit={page.limit}&after={found.next_after}"
            self.set_header("Link", f'</{self.plan}/predict?{query}>; rel="next"')
        self.answer([shapes.original_answer(kept) for kept in found.items])


class OriginalPredictionHandler(PlanHandler):
    @operation(
        "original{Plan}Show",
        shapes.OriginalAssessmentAnswer,
        problems=(WrongPlan, UnknownAssessment),
    )
    async def get(self, assessment_id: str) -> None:
        """Show one of your assessments ({plan} accounts)."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(shapes.original_answer(kept))
