"""Assessments that are kept: made, listed, shown and deleted by their owner and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.accounts.assessments import LABEL_FIELD, read_labelled, read_page
from cardiorisk.model.card import NOTICE
from cardiorisk.patients.json_object import read_object
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.web.handlers import AssessingHandler, AuthenticatedHandler

if TYPE_CHECKING:
    from cardiorisk.patients.patient import Patient
    from cardiorisk.store.values import KeptAssessment


class PredictionsHandler(AssessingHandler):
    """``/predictions``: keep an assessment, list one's own."""

    async def post(self) -> None:
        """Assess the patient in the body and keep the result."""
        patient, label = self.validated(self._read_labelled)
        assessment = await self.assess(patient)
        kept = await self.services.assessments.keep(self.principal, patient, assessment, label)
        self.end_stage("store")
        self.set_header("Location", f"/predictions/{kept.assessment_id}")
        self.answer(kept_document(kept) | self.warnings(), status=201)

    def _read_labelled(self) -> tuple[Patient, str | None]:
        return read_labelled(read_object(self.request.body, (*FIELD_NAMES, LABEL_FIELD)))

    async def get(self) -> None:
        """List one's own, the newest first, a page at a time."""
        page = read_page(
            self.get_query_argument("limit", None), self.get_query_argument("after", None)
        )
        found = await self.services.assessments.list_page(self.principal, page)
        self.answer(
            {"items": [kept_document(kept) for kept in found.items], "after": found.next_after}
        )


class PredictionHandler(AuthenticatedHandler):
    """``/predictions/{id}``: one kept assessment."""

    async def get(self, assessment_id: str) -> None:
        """Show it."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(kept_document(kept))

    async def delete(self, assessment_id: str) -> None:
        """Delete it for good."""
        await self.services.assessments.delete(self.principal, assessment_id)
        self.answer_nothing()


def kept_document(kept: KeptAssessment) -> dict[str, Any]:
    """Write a kept assessment: the values, what the network said of them, and when."""
    return {
        "id": kept.assessment_id,
        "created_at": kept.created_at.isoformat(),
        LABEL_FIELD: kept.label,
        **kept.patient.members,
        "riesgo_cardiaco": kept.at_risk,
        "probabilidad": kept.probability,
        "umbral": kept.threshold,
        "modelo": kept.model_version,
        "aviso": NOTICE,
    }
