"""``/evaluaciones``: what an account has kept, as a table and as a file for a spreadsheet.

Looking costs no call of the minute; deleting and exporting are limited like a change of the keys.
A Spanish spreadsheet wants ``;`` and a decimal comma, and no one form is cut into columns by all. A
line ``sep=`` would be a row to LibreOffice, and Excel then no longer sees that the file is UTF-8.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, LABEL_FIELD
from cardiorisk.errors import UnknownAssessment
from cardiorisk.identity.texts import clean_name, harmless
from cardiorisk.pages.account import SignedInPage
from cardiorisk.pages.assess import PatientsPage
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.predictions import KeptAssessmentAnswer, kept_answer

CHOICES = ("buscar", "riesgo", "orden")
SHOWN = 20
MOST_EXPORTED, BATCH = 10_000, 500  # in one file, about 1.5 MB; read at once
_COLUMNS = [
    name for name in KeptAssessmentAnswer.model_fields if name not in {"aviso", "advertencias"}
]
DIALECTS = {"es": (";", ","), "en": (",", ".")}  # between cells, and in a number


class AssessmentsPage(SignedInPage):
    def chosen(self, name: str) -> str:
        return self.get_query_argument(name, "")[:LABEL_CHARACTERS]

    async def find(self) -> tuple[str, ...]:
        return await self.services.assessments.search(self.principal, *map(self.chosen, CHOICES))


class AssessmentsPageHandler(PatientsPage, AssessmentsPage):
    async def get(self) -> None:
        ids = await self.find()
        shown = self.page_of(ids, SHOWN)
        self.show(
            "assessments.html",
            items=await self.services.assessments.load(self.principal, shown),
            count=len(ids),
            chosen={name: self.chosen(name) for name in CHOICES},
            fields=FIELDS,
            most_exported=MOST_EXPORTED,
        )

    async def post(self) -> None:
        await self.services.accounts.throttle.count_change(self.principal.account_id)
        done = await (self._keep() if "respuesta" in self.form else self._delete())
        self.go(f"evaluaciones{self.with_query(hecho=done)}")

    async def _keep(self) -> str:
        text = self.form.get(LABEL_FIELD, "").strip()
        label = clean_name(text)
        if text and label is None:
            return "nombre"
        answer_id = self.form["respuesta"]
        is_kept = await self.services.assessments.keep_answer(self.principal, answer_id, label)
        return "guardada" if is_kept else "perdida"

    async def _delete(self) -> str:
        try:
            await self.services.assessments.delete(self.principal, self.form.get("evaluacion", ""))
        except UnknownAssessment:
            return "ausente"
        return "borrada"


class ExportHandler(AssessmentsPage):
    """``/evaluaciones.csv``: the first ones as a file, as many as go into one."""

    async def get(self) -> None:
        await self.services.accounts.throttle.count_change(self.principal.account_id)
        dialect = DIALECTS.get(self.chosen("formato")) or DIALECTS[self.locale.code]
        ids, rows = (await self.find())[:MOST_EXPORTED], [_COLUMNS]
        for first in range(0, len(ids), BATCH):  # so that other accounts get their turn in between
            batch = ids[first : first + BATCH]
            rows += map(_row, await self.services.assessments.load(self.principal, batch))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="evaluaciones.csv"')
        # The mark tells a spreadsheet that it is UTF-8.
        self.finish("".join(_line(row, *dialect) for row in rows).encode("utf-8-sig"))


def _row(kept: KeptAssessment) -> list[Any]:
    values: Mapping[str, Any] = kept_answer(kept, notice="") | {
        "created_at": kept.created_at.isoformat(),
        LABEL_FIELD: kept.label or "",
        "riesgo_cardiaco": int(kept.at_risk),
    }
    return [values[name] for name in _COLUMNS]


def _line(cells: Iterable[str | float], separator: str, point: str) -> str:
    """Write a row: texts in quotation marks, numbers without, so that they stay numbers."""
    written = (
        '"{}"'.format(harmless(cell).replace('"', '""'))
        if isinstance(cell, str)
        else str(cell).replace(".", point)
        for cell in cells
    )
    return separator.join(written) + "\r\n"
