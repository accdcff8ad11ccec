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
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.predictions import KeptAssessmentAnswer, kept_answer

SEARCH, RISK, ORDER = "buscar", "riesgo", "orden"
RISKS = {"": marked("any risk"), "si": marked("at risk"), "no": marked("not at risk")}
ORDERS = {
    "": marked("the newest first"),
    "antiguas": marked("the oldest first"),
    "mayor": marked("the highest probability first"),
    "menor": marked("the lowest probability first"),
    "nombre": marked("by name"),
}
SHOWN = 20
DONE = {
    "borrada": marked("The assessment has been deleted."),
    "ausente": marked("There was no such assessment any more; it may have been deleted before."),
    "guardada": marked("The assessment has been kept."),
    "nombre": marked("Nothing was kept: a name must be 1 to 80 printable characters."),
    "perdida": marked("Nothing was kept: the answer is too old. Press Assess again."),
}
MOST_EXPORTED, BATCH = 10_000, 500
"""Assessments in one file, about 1.5 MB, and those that are read at once."""
_COLUMNS = [
    name for name in KeptAssessmentAnswer.model_fields if name not in {"aviso", "advertencias"}
]
FORMAT = "formato"
DIALECTS = {"es": (";", ","), "en": (",", ".")}
"""What stands between cells, and in a number, by the language of the spreadsheet."""


class AssessmentsPage(SignedInPage):
    def chosen(self, name: str) -> str:
        return self.get_query_argument(name, "")[:LABEL_CHARACTERS]

    async def find(self) -> tuple[str, ...]:
        wanted = [self.chosen(name) for name in (SEARCH, RISK, ORDER)]
        return await self.services.assessments.search(self.principal, *wanted)


class AssessmentsPageHandler(PatientsPage, AssessmentsPage):
    async def get(self) -> None:
        ids = await self.find()
        shown = self.page_of(ids, SHOWN)
        self.show(
            "assessments.html",
            items=await self.services.assessments.load(self.principal, shown),
            count=len(ids),
            chosen={name: self.chosen(name) for name in (SEARCH, RISK, ORDER)},
            risks=RISKS,
            orders=ORDERS,
            fields=FIELDS,
            done=self.done(DONE),
            most_exported=MOST_EXPORTED,
        )

    head = get

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
        dialect = DIALECTS.get(self.chosen(FORMAT)) or DIALECTS[self.locale.code]
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
    return (
        separator.join(
            '"{}"'.format(harmless(cell).replace('"', '""'))
            if isinstance(cell, str)
            else str(cell).replace(".", point)
            for cell in cells
        )
        + "\r\n"
    )
