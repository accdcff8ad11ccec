"""The languages of the pages: the texts are written in English, and a table gives the Spanish.

Nothing is kept in Tornado's own table of languages, which is one for the whole process. The
surprise: English is what the texts are written in, as the code is, and yet Spanish is what a reader
gets who asks for neither.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.locale import CSVLocale

from cardiorisk.patients.patient import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "es"
LANGUAGES = ("es", "en")
_SPANISH = Path(__file__).parent / "translations" / "es.csv"


def marked(english: str) -> str:
    """Return a text as it is; it stands around what is translated where it is shown."""
    return english


def load_translations() -> dict[str, str]:
    """Read the Spanish of every English text; the table of fields knows that of their names."""
    with _SPANISH.open(encoding="utf-8", newline="") as file:
        return {field.description: field.spanish for field in FIELDS} | dict(csv.reader(file))


class Language(CSVLocale):
    """What translates the pages' texts.

    Args:
        code: of ISO 639.
        texts: the translation of every English text; none where that is the language.
    """

    def __init__(self, code: str, texts: Mapping[str, str]) -> None:
        self.texts = texts
        super().__init__(code, {"unknown": dict(texts)})


def load_languages() -> Mapping[str, Language]:
    """Make the languages, by their codes."""
    return {"es": Language("es", load_translations()), "en": Language("en", {})}


def preferred(accept_language: str) -> str:
    """Return which of the languages a browser likes best, by its ``Accept-Language``.

    Where it likes two equally, the first one counts; a weight that is no number counts as none.
    """
    best, best_weight = DEFAULT, 0.0
    for part in accept_language.split(","):
        name, _, weight_text = part.partition(";")
        code = name.strip().lower().split("-")[0]
        weight = _weight(weight_text)
        if code in LANGUAGES and weight > best_weight:
            best, best_weight = code, weight
    return best


def _weight(text: str) -> float:
    if not text:
        return 1.0
    try:
        return float(text.strip().removeprefix("q="))
    except ValueError:
        return 0.0
