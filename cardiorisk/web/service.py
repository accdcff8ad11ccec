"""The service itself: six values in, an assessment out; nothing is kept."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from cardiorisk.errors import InvalidPatient
from cardiorisk.patients.patient import Patient, query_values
from cardiorisk.web import shapes_patients
from cardiorisk.web.handlers import AssessingHandler
from cardiorisk.web.operations import SPOKEN, operation
from cardiorisk.web.shapes_patients import AssessmentAnswer, PatientBody, WishesParameters

_NOTHING_MORE = WishesParameters()
_BY_BODY: Any = {"body": PatientBody, "query": (WishesParameters,), "headers": SPOKEN}
_BY_QUERY: Any = {"query": (PatientBody, WishesParameters), "headers": SPOKEN}


class ServiceHandler(AssessingHandler):
    changing_methods = ()

    @operation("assess", AssessmentAnswer, **_BY_BODY)
    async def post(self) -> None:
        """Assess a patient.

        Six values in, an assessment out. Nothing is kept. With `?explicar=1` it says why, with
        `?curvas=1` how it moves with each value, with `?cambios=1` which smallest changes cross the
        threshold. `?mapas=1` adds the probability over every two values, 60 kB.
        """
        try:
            patient, wishes = self._read()
        finally:
            self.end_stage("validate")
        explain = None
        if wishes.explicar or wishes.curvas or wishes.cambios:
            explain = partial(self.services.predictor.explain, changes=wishes.cambios)
        assessment = await self.assess(patient, explain)
        if explain is not None and self.principal.session_id is not None:
            self.services.assessments.remember(
                self.principal, self.request_id, (patient, assessment)
            )
        answer = shapes_patients.assessment_answer(assessment, patient, wishes, self.speak())
        if wishes.mapas:
            version, maps = await self.services.predictor.draw_maps(patient)
            self.end_stage("predict")
            if version == assessment.model_version:  # the network may be replaced meanwhile
                answer["mapas"] = maps
        self.answer(answer)

    @operation("assessByQuery", AssessmentAnswer, **_BY_QUERY)
    def get(self) -> Coroutine[None, None, None]:
        """Assess a patient given in the query string.

        The same. A GET may instead carry the patient as a JSON body, exactly as `POST /service`
        does, and only `explicar`, `curvas`, `cambios` and `mapas` are then looked at in its query
        string; no OpenAPI document and few clients can say so, `curl -X GET -d` can.
        """
        return self.post()

    @operation("assessSafely", AssessmentAnswer, **_BY_BODY)
    def query(self) -> Coroutine[None, None, None]:
        """Assess a patient with the method QUERY.

        The same by QUERY (RFC 10008), which is safe like GET and has a body like POST. OpenAPI has
        a place for it from 3.2 on; until then it stands in the extension `x-query`.
        """
        return self.post()

    def _read(self) -> tuple[Patient, WishesParameters]:
        is_query = self.request.method == "GET" and not self.request.body
        if not self.request.query_arguments and not is_query:
            return PatientBody.read(self.request.body).patient, _NOTHING_MORE
        sent = query_values(self.request.query_arguments)
        wished = {name: sent.pop(name) for name in WishesParameters.model_fields if name in sent}
        try:
            read = PatientBody.accept(sent) if is_query else PatientBody.read(self.request.body)
        except InvalidPatient as error:
            raise InvalidPatient(error.faults + WishesParameters.faults(wished)) from error
        return read.patient, WishesParameters.accept(wished)
