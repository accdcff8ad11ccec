"""What readers are told, in their language: texts are in English, and a table gives the Spanish."""

import csv
from collections.abc import Mapping
from pathlib import Path

from tornado.locale import CSVLocale

from cardiorisk.patients.patient import FIELDS

_PAGES = Path(__file__).parent


def marked(english: str) -> str:
    """Mark a text for translation, where that happens only when it is shown."""
    return english


RULES = {
    "username": marked("Must be 1 to 80 printable characters."),
    "email": marked("Must be an e-mail address."),
    "password": marked("Must have 8 to 128 characters and not be the name."),
    "new_password": marked("Must have 8 to 128 characters and not be the name."),
    "name": marked("Must be 1 to 80 printable characters."),
    "plan": marked("Choose one of the plans."),
    "expires_days": marked("Must be a whole number of days from 1 to 36500."),
    "limit": marked("Must be a whole number, at least 1 and less than your plan allows."),
}
FAILURES = {
    "wrong-xsrf-token": marked(
        "The form was an old one, of a session before this one. Nothing was done."
    ),
    "operator-only": marked("This page is for operators."),
    "registration-closed": marked(
        "Registration is closed. Ask who runs the service for a key, and register with it here."
    ),
    "suspended": marked("The account is suspended. Ask who runs the service."),
    "unknown-account": marked("There is no such account."),
    "malformed-body": marked("What the browser sent cannot be read."),
    "invalid-query": marked("What the browser sent cannot be read."),
    "body-too-large": marked("The form is too large."),
    "invalid-account": marked("The form cannot be accepted."),
    "rate-limited": marked(
        "The calls of this minute are used up. You can ask again in %(seconds)d s."
    ),
    "not-found": marked("There is nothing here."),
    "method-not-allowed": marked("There is nothing here."),
    "unknown-key": marked("There is no such key."),
    "unknown-assessment": marked("There is no such assessment."),
    "too-many-attempts": marked("Too many attempts. Try again in %(minutes)d min."),
    "internal": marked("Something went wrong inside the service."),
}
"""What readers are told of a failure, by its code: every mistake of a reader's own needs a text."""
PASSING = marked("The service cannot answer now. Try again in a moment.")


def load_languages() -> Mapping[str, CSVLocale]:
    """Make the languages, by their codes, with the texts of the pages' scripts apart.

    Tornado keeps a text that has no plural as "unknown".
    """
    spanish = load_translations()
    scripts = "".join(path.read_text(encoding="utf-8") for path in _PAGES.glob("static/*.js"))
    spoken = {english: said for english, said in spanish.items() if f'say("{english}"' in scripts}
    return {
        "es": CSVLocale("es", {"unknown": spanish, "scripts": spoken}),
        "en": CSVLocale("en", {"unknown": {}, "scripts": {}}),
    }


def load_translations() -> dict[str, str]:
    of_fields = {field.description: field.spanish for field in FIELDS}
    for field in FIELDS:
        if field.unit:
            of_fields[field.unit] = field.spanish_unit or field.unit
        if field.hint:  # people write a comma
            of_fields[field.hint] = field.spanish_hint.replace(".", ",")
    with (_PAGES / "translations" / "es.csv").open(encoding="utf-8", newline="") as file:
        return of_fields | dict(csv.reader(file))
