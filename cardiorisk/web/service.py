"""The service itself: six values in, an assessment out.

It must not keep what it was sent. The surprise: a GET reads its body where it has one, as the
assignment shows it, and the query string only where it has none.
"""

from __future__ import annotations

from cardiorisk.card import NOTICE
from cardiorisk.patient import Patient, parse_json, parse_query
from cardiorisk.web.base import AssessingHandler


class ServiceHandler(AssessingHandler):
    """``/service`` by GET (as the assignment shows it), POST or QUERY (RFC 10008)."""

    async def post(self) -> None:
        """Assess the patient in the body or, for a GET without one, in the query string."""
        assessment = await self.assess(self.validated(self._read_patient))
        self.answer(
            {
                "riesgo_cardiaco": assessment.at_risk,
                "probabilidad": assessment.probability,
                "umbral": assessment.threshold,
                "modelo": assessment.model_version,
                "aviso": NOTICE,
            }
        )

    get = query = post

    def _read_patient(self) -> Patient:
        if self.request.method == "GET" and not self.request.body:
            return parse_query(self.request.query_arguments)
        return parse_json(self.request.body)
