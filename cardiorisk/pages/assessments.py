"""``/evaluaciones``: the assessments that an account has kept, as a table and as a file.

Nobody else's are there. Looking costs no call of the minute; deleting and exporting are limited
like a change of the keys. In the file no name can be taken for a formula by a spreadsheet.
"""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlencode

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, LABEL_FIELD, AssessmentPage, Page
from cardiorisk.errors import InvalidQuery
from cardiorisk.pages.account import SignedInPage
from cardiorisk.pages.languages import marked
from cardiorisk.patients.patient import FIELDS
from cardiorisk.store.values import KeptAssessment
from cardiorisk.web.shapes_assessments import KeptAssessmentAnswer, PageParameters, kept_answer

SEARCH, AFTER = "buscar", "despues"
SHOWN = 20
DONE = {"borrada": marked("The assessment has been deleted.")}
MOST_EXPORTED = 10_000
"""Assessments in one file, about 1.5 MB."""
BATCH = 500
_COLUMNS = [
    name for name in KeptAssessmentAnswer.model_fields if name not in {"aviso", "advertencias"}
]
_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The last four are the first four at full width. Source: OWASP, CSV Injection."""


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
            export=self.link("evaluaciones.csv"),
            most_exported=MOST_EXPORTED,
        )

    head = get

    async def post(self) -> None:
        self.services.accounts.throttle.count_change(self.principal.account_id)
        await self.services.assessments.delete(self.principal, self.form.get("evaluacion", ""))
        self.go(self.link("evaluaciones", hecho="borrada"))

    def link(self, page: str, **more: str) -> str:
        """Return the way to a page with the same search, and with more in its query."""
        query = ({SEARCH: self.wanted} if self.wanted else {}) | more
        return f"{page}?{urlencode(query)}" if query else page


class ExportHandler(AssessmentsPage):
    """``/evaluaciones.csv``: the newest ones as a file, as many as go into one."""

    async def get(self) -> None:
        self.services.accounts.throttle.count_change(self.principal.account_id)
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        async for kept in newest(self.find, MOST_EXPORTED, BATCH):
            writer.writerow(_row(kept))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="evaluaciones.csv"')
        # The mark tells a spreadsheet that it is UTF-8.
        self.finish(text.getvalue().encode("utf-8-sig"))


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


def harmless(text: str) -> str:
    """Return a text so that no spreadsheet takes it for a formula: with an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _row(kept: KeptAssessment) -> dict[str, object]:
    """Return what the API answers, as a spreadsheet reads it."""
    return kept_answer(kept) | {
        "created_at": kept.created_at.isoformat(),
        LABEL_FIELD: harmless(kept.label or ""),
        "riesgo_cardiaco": int(kept.at_risk),
    }
