"""``/evaluaciones``: what an account has kept, as a table and as a file for a spreadsheet.

Looking costs no call of the minute; deleting and exporting are limited like a change of the keys.
A Spanish spreadsheet wants ``;`` and a decimal comma, and no one form is cut into columns by all. A
line ``sep=`` would be a row to LibreOffice, and Excel then no longer sees that the file is UTF-8.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, LABEL_FIELD, AssessmentPage, Page
from cardiorisk.errors import InvalidQuery, UnknownAssessment
from cardiorisk.identity.texts import harmless
from cardiorisk.pages.account import SignedInPage
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.shapes_assessments import KeptAssessmentAnswer, PageParameters, kept_answer

SEARCH, AFTER = "buscar", "despues"
SHOWN = 20
DONE = {
    "borrada": marked("The assessment has been deleted."),
    "ausente": marked("There was no such assessment any more; it may have been deleted before."),
}
MOST_EXPORTED = 10_000
"""Assessments in one file, about 1.5 MB."""
BATCH = 500
_COLUMNS = [
    name for name in KeptAssessmentAnswer.model_fields if name not in {"aviso", "advertencias"}
]
FORMAT = "formato"
DIALECTS = {"es": (";", ","), "en": (",", ".")}
"""What stands between cells, and in a number, by the language of the spreadsheet."""


class AssessmentsPage(SignedInPage):
    """A page over the kept assessments whose name holds what is searched for."""

    @property
    def wanted(self) -> str:
        return self.get_query_argument(SEARCH, "")[:LABEL_CHARACTERS]

    async def find(self, after: str | None, most: int) -> AssessmentPage:
        """Return a part of the list, the newest first."""
        page = Page(most, after)
        return await self.services.assessments.list_page(self.principal, page, self.wanted)


class AssessmentsPageHandler(AssessmentsPage):
    async def get(self) -> None:
        try:
            asked = self.get_query_argument(AFTER, None)
            after = None if asked is None else PageParameters.accept({"after": asked}).after
        except InvalidQuery:
            self.go("evaluaciones")
            return
        found = await self.find(after, SHOWN)
        self.show(
            "assessments.html",
            items=found.items,
            wanted=self.wanted,
            fields=FIELDS,
            done=self.done(DONE),
            is_first=after is None,
            older=found.next_after and self.link("evaluaciones", **{AFTER: found.next_after}),
            newest=self.link("evaluaciones"),
            exports={code: self.link("evaluaciones.csv", **{FORMAT: code}) for code in DIALECTS},
            most_exported=MOST_EXPORTED,
        )

    head = get

    async def post(self) -> None:
        await self.services.accounts.throttle.count_change(self.principal.account_id)
        done = "borrada"
        try:
            await self.services.assessments.delete(self.principal, self.form.get("evaluacion", ""))
        except UnknownAssessment:
            done = "ausente"
        self.go(self.link("evaluaciones", hecho=done))

    def link(self, page: str, **more: str) -> str:
        """Return the way to a page with the same search, and with more in its query."""
        query = ({SEARCH: self.wanted} if self.wanted else {}) | more
        return f"{page}?{urlencode(query)}" if query else page


class ExportHandler(AssessmentsPage):
    """``/evaluaciones.csv``: the newest ones as a file, as many as go into one."""

    async def get(self) -> None:
        await self.services.accounts.throttle.count_change(self.principal.account_id)
        asked = self.get_query_argument(FORMAT, "")
        dialect = DIALECTS.get(asked) or DIALECTS[self.locale.code]
        found = newest(self.find, MOST_EXPORTED, BATCH)
        rows = [_COLUMNS, *[_row(kept) async for kept in found]]
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="evaluaciones.csv"')
        # The mark tells a spreadsheet that it is UTF-8.
        self.finish("".join(_line(row, *dialect) for row in rows).encode("utf-8-sig"))


async def newest(
    find: Callable[[str | None, int], Awaitable[AssessmentPage]], most: int, batch: int
) -> AsyncIterator[KeptAssessment]:
    """Go through a list in batches, so that other accounts get their turn in between."""
    after: str | None = None
    for _ in range(0, most, batch):
        found = await find(after, batch)
        for kept in found.items:
            yield kept
        after = found.next_after
        if after is None:
            return


def _row(kept: KeptAssessment) -> list[Any]:
    """Return what the API answers, as a spreadsheet reads it."""
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
