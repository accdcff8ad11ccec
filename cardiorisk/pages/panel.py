"""``/panel``: how the service is, for operators to watch.

The page holds no number: its script fills it from ``/panel/eventos``, which a browser's session
opens by itself, since the browser's reader of events can send no header.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from tornado.escape import json_encode

from cardiorisk.model.drift import SCORE_NAME
from cardiorisk.monitoring.metrics import STAGES
from cardiorisk.monitoring.queries import LOG_PARAMETERS
from cardiorisk.pages.languages import marked
from cardiorisk.pages.session import OperatorPage
from cardiorisk.patients.patient import FIELDS
from cardiorisk.web.cookies import session_cookie
from cardiorisk.web.events import EventStream
from cardiorisk.web.files import ASSETS_ROUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.identity.keys import Principal
    from cardiorisk.monitoring.queries import LogQuery

STAGE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "auth": marked("key"),
        "limit": marked("limit"),
        "validate": marked("validation"),
        "predict": marked("network"),
        "store": marked("keeping"),
        "total": marked("total"),
    }
)
"""What readers call the stages of ``STAGES``."""
VERDICTS = (
    marked("stable"),
    marked("noticeable"),
    marked("large"),
    marked("too few rows"),
)
"""What drift is called; the script asks for their translation."""
STATUSES = ("2xx", "4xx", "5xx", "401", "403", "404", "422", "429", "503")
"""Statuses to choose from."""


class PanelHandler(OperatorPage):
    """``/panel``: room for the numbers, and which lines to show."""

    def get(self) -> None:
        """Show it, with the lines chosen that the address names."""
        self.show(
            "panel.html",
            stages=[(stage, STAGE_NAMES[stage]) for stage in STAGES],
            statuses=STATUSES,
            routes=self.settings["route_templates"],
            assets_route=ASSETS_ROUTE,
            drift_names=json_encode(self._drift_names()),
            chosen={name: self.get_query_argument(name, "") for name in LOG_PARAMETERS},
        )

    head = get

    def _drift_names(self) -> dict[str, str]:
        """Return what the reader calls the values that drift, by the names that the API gives."""
        english = {field.wire_name: field.description for field in FIELDS}
        spoken = {name: self.locale.translate(text) for name, text in english.items()}
        first = {SCORE_NAME: self.locale.translate("Probability")}
        return first | {name: text[:1].upper() + text[1:] for name, text in spoken.items()}


class PanelEventsHandler(EventStream, OperatorPage):
    """``/panel/eventos``: what ``/operator/events`` tells, for a browser's session.

    The surprise: lines of the pages' files are told only to whoever asks for their route, because
    every page opened, this one too, writes half a dozen of them.
    """

    async def wanted_lines(self) -> LogQuery:
        """See ``EventStream``; without the pages' files where no route is asked for."""
        query = await super().wanted_lines()
        return query if query.route else replace(query, unwanted_route=ASSETS_ROUTE)

    async def watching(self) -> Principal:
        """Ask the session again, and it alone: a page does not look at ``Authorization``."""
        return await self.services.store.session_principal(session_cookie(self))
