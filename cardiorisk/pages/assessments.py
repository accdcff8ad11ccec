"""``/evaluaciones``: the assessments that an account has kept, as a table and as a file.

Only one's own. Looking costs no call of the minute; what changes or exports is guarded like a
change of the keys. A file goes to a spreadsheet, so what an owner calls a patient is written
there so that no spreadsheet takes it for a formula.
"""

from __future__ import annotations

import csv
import io
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cardiorisk.accounts.assessments import LABEL_CHARACTERS, LABEL_FIELD, Page, read_page
from cardiorisk.errors import InvalidQuery
from cardiorisk.pages.forms import with_query
from cardiorisk.pages.languages import marked
from cardiorisk.pages.session import SignedInPage
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS

if TYPE_CHECKING:
    from cardiorisk.accounts.assessments import AssessmentPage
    from cardiorisk.store.values import KeptAssessment

SEARCH, AFTER = "buscar", "despues"
SHOWN = 20
DONE = MappingProxyType({"borrada": marked("The assessment has been deleted.")})
MOST_EXPORTED = 10_000
"""Assessments in one file, about 1.5 MB."""
_BATCH = 500
_COLUMNS = (
    "id",
    "created_at",
    LABEL_FIELD,
    *FIELD_NAMES,
    "riesgo_cardiaco",
    "probabilidad",
    "umbral",
    "modelo",
)
_FULL_WIDTH = (
    "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_FORMULA_STARTS = tuple("=+-@\t\r\n" + _FULL_WIDTH)
"""Source: OWASP, CSV Injection."""


class AssessmentsPage(SignedInPage):
    """A page over the kept assessments whose name holds what is searched for."""

    @property
    def wanted(self) -> str:
        """What is searched for."""
        return self.get_query_argument(SEARCH, "")[:LABEL_CHARACTERS]

    def after(self) -> str | None:
        """Return where the list begins, None for its start.

        Raises:
            InvalidQuery: it is the id of no assessment.
        """
        return read_page(None, self.get_query_argument(AFTER, None)).after

    async def find(self, after: str | None, most: int) -> AssessmentPage:
        """Return a part of the list, the newest first."""
        page = Page(most, after)
        return await self.services.assessments.search(self.principal, page, self.wanted)


class AssessmentsPageHandler(AssessmentsPage):
    """``/evaluaciones``: the table."""

    async def get(self) -> None:
        """Show a part of the table."""
        try:
            found = await self.find(self.after(), SHOWN)
        except InvalidQuery:
            self.go("evaluaciones")
            return
        self.show(
            "assessments.html",
            items=found.items,
            wanted=self.wanted,
            fields=FIELDS,
            done=DONE.get(self.get_query_argument("hecho", ""), ""),
            is_first=self.get_query_argument(AFTER, None) is None,
            older=self.link("evaluaciones", found.next_after) if found.next_after else "",
            newest=self.link("evaluaciones"),
            export=self.link("evaluaciones.csv"),
            most_exported=MOST_EXPORTED,
        )

    head = get

    async def post(self) -> None:
        """Delete one, show the table as it was, and say so."""
        assessments = self.services.assessments
        self.services.accounts.count_change(self.principal)
        await assessments.delete(self.principal, self.form.get("evaluacion", ""))
        self.go(self.link("evaluaciones", hecho="borrada"))

    def link(self, page: str, after: str | None = None, **more: str) -> str:
        """Return the way to a page with the same search, and with more in its query."""
        query = {SEARCH: self.wanted} if self.wanted else {}
        query |= {AFTER: after} if after else {}
        query |= more
        return with_query(page, urlencode(query))


class ExportHandler(AssessmentsPage):
    """``/evaluaciones.csv``: the same as a file."""

    async def get(self) -> None:
        """Send the newest ones, as far as they go into one file."""
        self.services.accounts.count_change(self.principal)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(_COLUMNS)
        after: str | None = None
        for _ in range(0, MOST_EXPORTED, _BATCH):
            # In batches, so that other accounts get their turn in between.
            found = await self.find(after, _BATCH)
            writer.writerows(_row(kept) for kept in found.items)
            after = found.next_after
            if after is None:
                break
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="evaluaciones.csv"')
        # The mark tells a spreadsheet that it is UTF-8.
        self.finish(text.getvalue().encode("utf-8-sig"))


def harmless(text: str) -> str:
    """Return a text so that no spreadsheet takes it for a formula: with an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _row(kept: KeptAssessment) -> list[object]:
    return [
        kept.assessment_id,
        kept.created_at.isoformat(),
        harmless(kept.label or ""),
        *kept.patient.members.values(),
        int(kept.at_risk),
        kept.probability,
        kept.threshold,
        kept.model_version,
    ]
