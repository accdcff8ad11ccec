"""``/``: try a patient, and see what the network makes of it.

The form is made from the table that validates. The page must not know a key: its reader pastes one,
and the page's script sends it to ``/service``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from tornado.escape import json_encode

from cardiorisk.patient import EXAMPLE, FIELD_NAMES, FIELDS, Field
from cardiorisk.web.pages.base import PageHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = MappingProxyType({"number": "0.01", "integer": "1", "flag": "1"})
"""How far one press of an arrow key moves a field of each kind."""

PATIENTS: tuple[tuple[str, Mapping[str, float | int]], ...] = (
    ("The assignment's example", EXAMPLE),
    ("Young, nothing unusual", dict(zip(FIELD_NAMES, (1.7, 1.1, 0.8, 25, 0, 0), strict=True))),
    ("Middle-aged smoker", dict(zip(FIELD_NAMES, (2.2, 1.3, 1.1, 52, 0, 1), strict=True))),
    ("Older, high values", dict(zip(FIELD_NAMES, (2.4, 1.4, 1.8, 72, 0, 0), strict=True))),
)
"""Patients to begin with, by what they are called."""


class AssessPageHandler(PageHandler):
    """``/``: the form, and room for the answer."""

    def get(self) -> None:
        """Show it with the first patient filled in."""
        self.show(
            "assess.html",
            fields=FIELDS,
            fault=self._fault,
            patients=[(name, json_encode(dict(values))) for name, values in PATIENTS],
            example=PATIENTS[0][1],
            steps=STEPS,
        )

    head = get

    def _fault(self, field: Field) -> str:
        """Say in the reader's language what the field accepts."""
        kind = "Must be an integer" if field.kind == "integer" else "Must be a number"
        return self.locale.translate(f"{kind} from %(minimum)g to %(maximum)g") % {
            "minimum": field.minimum,
            "maximum": field.maximum,
        }
