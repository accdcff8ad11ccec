"""The routes of the original system, for its clients, unchanged: its names and its answers.

A thin room over the same core as ``predictions``: what is kept by the one is listed by the other.
The surprise: a route is for one plan and refuses the other's callers, as the original's did; the
list behind both is the account's own, where the original's was everybody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cardiorisk.accounts.assessments import LABEL_FIELD, LARGEST_PAGE, read_labelled, read_page
from cardiorisk.errors import FieldFault, InvalidPatient, WrongPlan
from cardiorisk.patients.json_object import JsonObject, echoed, read_object
from cardiorisk.patients.patient import FIELDS
from cardiorisk.web.handlers import AssessingHandler

if TYPE_CHECKING:
    from cardiorisk.patients.patient import Patient
    from cardiorisk.store.values import KeptAssessment
    from cardiorisk.web.services import Services

ORIGINAL_NAMES = {
    "nivel_colesterol": "colesterol",
    "presion_arterial": "presionArterial",
    "azucar": "azucar",
    "edad": "edad",
    "sobrepeso": "sobrepeso",
    "tabaquismo": "tabaquismo",
    LABEL_FIELD: "nombre",
}
"""The original client's name of each of ours."""

_OUR_NAMES = {original: ours for ours, original in ORIGINAL_NAMES.items()}
_FLAG_WORDS = {"True": True, "true": True, "False": False, "false": False}
_FLAGS = {field.wire_name for field in FIELDS if field.kind == "flag"}


class PlanHandler(AssessingHandler):
    """A route for the accounts of one plan."""

    def initialize(self, services: Services, route: str, plan: str = "") -> None:
        """See ``BaseHandler``; ``plan`` is the one whose accounts may come in."""
        super().initialize(services, route)
        self.plan = plan

    async def admit(self) -> None:
        """Let in who is within the limit and on the route's plan.

        Raises:
            WrongPlan: the account is on another plan.
        """
        await super().admit()
        if self.principal.plan != self.plan:
            raise WrongPlan(
                f"this route is for {self.plan} accounts and yours is {self.principal.plan}; "
                "POST /predictions serves every plan"
            )


class OriginalPredictHandler(PlanHandler):
    """``/{plan}/predict``: keep an assessment, list one's own."""

    async def post(self) -> None:
        """Assess the patient in the body and keep the result."""
        patient, label = self.validated(lambda: parse_original(self.request.body))
        assessment = await self.assess(patient)
        kept = await self.services.assessments.keep(self.principal, patient, assessment, label)
        self.end_stage("store")
        self.answer(original_document(kept))

    async def get(self) -> None:
        """List one's own newest assessments, whichever plan they were made on.

        The original's answer has no place for the sign of more, so a header has it.
        """
        page = read_page(
            self.get_query_argument("limit", None),
            self.get_query_argument("after", None),
            default=LARGEST_PAGE,
        )
        found = await self.services.assessments.list_page(self.principal, page)
        if found.next_after is not None:
            query = f"limit={page.limit}&after={found.next_after}"
            self.set_header("Link", f'</{self.plan}/predict?{query}>; rel="next"')
        self.answer([original_document(kept) for kept in found.items])


class OriginalPredictionHandler(PlanHandler):
    """``/{plan}/predictById/{id}``: one kept assessment."""

    async def get(self, assessment_id: str) -> None:
        """Show it."""
        kept = await self.services.assessments.require(self.principal, assessment_id)
        self.answer(original_document(kept))


def parse_original(body: bytes) -> tuple[Patient, str | None]:
    """Read a patient by the original client's names, and the label that comes with it.

    Raises:
        MalformedBody: the body is not a JSON object.
        InvalidPatient: as for ``read_labelled``, with the faults under the names that were sent.
    """
    found = read_object(body, tuple(_OUR_NAMES))
    known = {name: value for name, value in found.by_name.items() if name in _OUR_NAMES}
    renamed = JsonObject([(_OUR_NAMES[name], _value(name, known[name])) for name in known])
    renamed.repeated = {_OUR_NAMES[name] for name in found.repeated & known.keys()}
    faults = [
        FieldFault(echoed(name), "is not a field of a patient")
        for name in found.by_name
        if name not in known
    ]
    try:
        labelled = read_labelled(renamed)
    except InvalidPatient as error:
        ours = [FieldFault(ORIGINAL_NAMES[fault.field], fault.detail) for fault in error.faults]
        raise InvalidPatient((*ours, *faults)) from error
    if faults:
        raise InvalidPatient(tuple(faults))
    return labelled


def original_document(kept: KeptAssessment) -> dict[str, Any]:
    """Write a kept assessment as the original did; flags are booleans."""
    values = {
        ORIGINAL_NAMES[name]: bool(value) if name in _FLAGS else value
        for name, value in kept.patient.members.items()
    }
    return {
        "id": kept.assessment_id,
        "nombre": kept.label,
        **values,
        "riesgoCardiaco": kept.at_risk,
    }


def _value(name: str, value: object) -> object:
    """Return a flag that the original's client sends as text as what it means."""
    if _OUR_NAMES[name] in _FLAGS and isinstance(value, str):
        return _FLAG_WORDS.get(value, value)
    return value
