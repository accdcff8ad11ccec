"""``/``: try a patient; ``/lote``: many of them.

A reader pastes a key, which the page's script sends to ``/service``. Who has logged in needs
neither a key nor scripts: the bare form is answered in words, and draws on the same window.
"""

from collections.abc import Mapping
from dataclasses import asdict

from tornado.escape import json_encode

from cardiorisk.errors import InvalidPatient, NotReady, RateLimited, ServiceError
from cardiorisk.files.columns import UNITS
from cardiorisk.model.explanations import sentence
from cardiorisk.pages.base import PageHandler
from cardiorisk.pages.languages import marked
from cardiorisk.patients.names import names_of
from cardiorisk.patients.patient import EXAMPLE, FIELD_NAMES, FIELDS, Field, query_values
from cardiorisk.patients.words import Language
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.handlers import AssessingHandler
from cardiorisk.web.shapes_patients import PatientBody

FROM_A_RULE = marked("It learnt a rule that somebody wrote down, from {rows} invented patients.")
FROM_A_FILE = marked("It learnt from {rows} rows of the file {name}.")
PATIENTS = {  # to begin with
    name: json_encode(dict(zip(FIELD_NAMES, values, strict=True)))
    for name, values in (
        ("The assignment's example", tuple(EXAMPLE.values())),
        ("Young, nothing unusual", (1.7, 1.1, 0.8, 25, 0, 0)),
        ("Middle-aged smoker", (2.2, 1.3, 1.1, 52, 0, 1)),
        ("Older, high values", (2.4, 1.4, 1.8, 72, 0, 0)),
    )
}


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
        try:
            card = self.services.predictor.card
        except NotReady:
            return ""
        text = FROM_A_RULE if card.data_file is None else FROM_A_FILE
        rows = self.number(card.data_rows, ",")
        return self.locale.translate(text).format(rows=rows, name=card.data_file)


class ManyPageHandler(PatientsPage):
    def get(self) -> None:
        self.show("lote.html", answer=None, kept=None, labels=names_of("nombre"))


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
            self.finish(self._form(_typed(self.form) if self.form else EXAMPLE))

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
        if isinstance(error, RateLimited):
            self.notice = self.told(error)
            self.write(self._form(_typed(self.form)))
        else:
            super().write_problem(error)

    def _form(self, values: Mapping[str, float | str], kept: KeptAssessment | None = None) -> bytes:
        return self.rendered(
            "assess.html",
            fields=FIELDS,
            patients=PATIENTS,
            example=values,
            answer=self.assessment,
            kept=kept,
            sentence=self._sentence(),
        )

    def _sentence(self) -> str:
        answer, patient = self.assessment, self.patient
        if answer is None or patient is None or answer.explanation is None:
            return ""
        language: Language = "en" if self.locale.code == "en" else "es"
        return sentence(answer.probability, answer.explanation, patient.values, language)

    def _fault(self, field: Field) -> str:
        kind = "Must be an integer" if field.kind == "integer" else "Must be a number"
        return self.locale.translate(f"{kind} from {{minimum}} to {{maximum}}").format(
            minimum=self.number(field.minimum), maximum=self.number(field.maximum)
        )


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    return {
        field.wire_name: str(int(field.wire_name in form))
        if field.kind == "flag"
        else form.get(field.wire_name, "").strip().replace(",", ".")
        for field in FIELDS
    }
