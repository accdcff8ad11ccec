"""``/``: try a patient; ``/lote``: many of them.

The form is made from the table that validates. The page knows no key: its reader pastes one, and
the page's script sends it to ``/service``. Who has logged in needs neither a key nor scripts: the
bare form is then answered in words, and draws on the same window.
"""

from collections.abc import Mapping
from dataclasses import asdict

from tornado.escape import json_encode

from cardiorisk.errors import InvalidPatient, NotReady, RateLimited, ServiceError
from cardiorisk.files.columns import UNITS
from cardiorisk.model.explanations import sentence
from cardiorisk.model.predictor import Assessment
from cardiorisk.pages.base import PageHandler
from cardiorisk.pages.languages import marked
from cardiorisk.patients.names import names_of
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS, Field, query_values
from cardiorisk.patients.words import Language
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.handlers import AssessingHandler
from cardiorisk.web.shapes_patients import PatientBody

STEPS = {"number": "0.01", "integer": "1", "flag": "1"}
"""How far one press of an arrow key moves a field of each kind."""

AT_RISK = marked(
    "Yes, at risk, says the network: {probability} reaches the threshold of {threshold}."
)
NO_RISK = marked("No risk, says the network: {probability} is below the threshold of {threshold}.")
FROM_A_RULE = marked("It learnt a rule that somebody wrote down, from {rows} invented patients.")
FROM_A_FILE = marked("It learnt from {rows} rows of the file {name}.")
PATIENTS: tuple[tuple[str, Mapping[str, float | int]], ...] = (
    ("The assignment's example", EXAMPLE),
    ("Young, nothing unusual", dict(zip(FIELD_NAMES, (1.7, 1.1, 0.8, 25, 0, 0), strict=True))),
    ("Middle-aged smoker", dict(zip(FIELD_NAMES, (2.2, 1.3, 1.1, 52, 0, 1), strict=True))),
    ("Older, high values", dict(zip(FIELD_NAMES, (2.4, 1.4, 1.8, 72, 0, 0), strict=True))),
)
"""Patients to begin with, by what they are called."""


class PatientsPage(PageHandler):
    """A page whose scripts know the fields, and which says what the network learnt from."""

    @property
    def described(self) -> str:
        """Describe the fields to the page's scripts; ``units`` by how much is one of ours."""
        return json_encode(
            [
                asdict(field)
                | {
                    "name": field.wire_name,
                    "label": self.locale.translate(field.description),
                    "unit": self.locale.translate(field.unit),
                    "names": names_of(field.wire_name),
                    "units": {
                        unit: by[field.name] for unit, by in UNITS.items() if field.name in by
                    },
                }
                for field in FIELDS
            ]
        )

    @property
    def learnt(self) -> str:
        """Say what the network that answers was trained on, if there is one by now."""
        try:
            card = self.services.predictor.card
        except NotReady:
            return ""
        text = FROM_A_RULE if card.data_file is None else FROM_A_FILE
        rows = f"{card.data_rows:,}".replace(",", "\N{NO-BREAK SPACE}")
        return self.locale.translate(text).format(rows=rows, name=card.data_file)


class ManyPageHandler(PatientsPage):
    """``/lote``: many patients, by the page's script alone."""

    def get(self) -> None:
        self.show("lote.html", answer=None, kept=None, labels=names_of("nombre"))

    head = get


class AssessPageHandler(PatientsPage, AssessingHandler):
    async def get(self) -> None:
        """Show the form, with a patient who was kept where one is asked for."""
        kept_id = self.get_query_argument("evaluacion", "")
        if kept_id and self.caller is None:
            self.ask_to_log_in()
        elif kept_id:
            kept = await self.services.assessments.require(self.principal, kept_id)
            self.finish(self._form(kept.patient.members, kept=kept))
        else:
            self.finish(self._form(_typed(self.form) if self.form else PATIENTS[0][1]))

    head = get

    async def post(self) -> None:
        if self.caller is None:
            self.ask_to_log_in()
            return
        await self.draw_on_window()
        typed = _typed(self.form)
        try:
            sent = query_values({name: [shown.encode()] for name, shown in typed.items()})
            patient = PatientBody.accept(sent).patient
            self.end_stage("validate")
        except InvalidPatient as error:
            self.end_stage("validate")
            faulty = {fault.field for fault in error.faults}
            self.faults = {
                field.wire_name: self._fault(field) for field in FIELDS if field.wire_name in faulty
            }
            self.set_status(422)
            self.finish(self._form(typed))
            return
        answer = patient, await self.assess(patient, self.services.predictor.explain)
        self.services.assessments.remember(self.principal, self.request_id, answer)
        self.finish(self._form(patient.members))

    def write_problem(self, error: ServiceError) -> None:
        """Show the form again, as it was filled in, to who has used the minute up."""
        if isinstance(error, RateLimited):
            self.write(self._form(_typed(self.form), notice=self.told(error)))
        else:
            super().write_problem(error)

    def _form(
        self,
        values: Mapping[str, float | str],
        notice: str = "",
        kept: KeptAssessment | None = None,
    ) -> bytes:
        """Return the page with these values in the form, and the answer where there is one."""
        return self.rendered(
            "assess.html",
            fields=FIELDS,
            fault=self._fault,
            patients=[(name, json_encode(dict(values))) for name, values in PATIENTS],
            example=values,
            steps=STEPS,
            answer=self.assessment,
            answer_id=self.request_id,
            kept=kept,
            verdict=self._verdict(given) if (given := self.assessment or kept) else "",
            sentence=self._sentence(),
            notice=notice,
        )

    def _verdict(self, assessment: Assessment | KeptAssessment) -> str:
        """Say the answer as the page's script does."""
        text = AT_RISK if assessment.at_risk else NO_RISK
        return self.locale.translate(text).format(
            probability=self.percent(assessment.probability),
            threshold=self.percent(assessment.threshold),
        )

    def _sentence(self) -> str:
        """Say why, as the API does."""
        answer, patient = self.assessment, self.patient
        if answer is None or patient is None or answer.explanation is None:
            return ""
        language: Language = "en" if self.locale.code == "en" else "es"
        return sentence(answer.probability, answer.explanation, patient.values, language)

    def _fault(self, field: Field) -> str:
        """Say in the reader's language what the field accepts."""
        kind = "Must be an integer" if field.kind == "integer" else "Must be a number"
        return self.locale.translate(f"{kind} from {{minimum}} to {{maximum}}").format(
            minimum=self.number(field.minimum), maximum=self.number(field.maximum)
        )


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed into each field, with decimal points; a box without a tick is 0."""
    return {
        field.wire_name: str(int(field.wire_name in form))
        if field.kind == "flag"
        else form.get(field.wire_name, "").strip().replace(",", ".")
        for field in FIELDS
    }
