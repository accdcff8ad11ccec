"""What readers are told where something fails: at a form's field, or instead of a page.

In English, to be translated where it is shown. The surprise: whatever has no words here is told to
pass by itself, so a reader's own mistake must have some.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING

from cardiorisk.errors import RateLimited, TooManyAttempts
from cardiorisk.pages.languages import marked

if TYPE_CHECKING:
    from cardiorisk.errors import ServiceError
    from cardiorisk.pages.languages import Language

RULES = MappingProxyType(
    {
        "username": marked("Must be 1 to 80 printable characters."),
        "email": marked("Must be an e-mail address."),
        "password": marked("Must have 8 to 128 characters and not be the name."),
        "new_password": marked("Must have 8 to 128 characters and not be the name."),
        "name": marked("Must be 1 to 80 printable characters."),
        "plan": marked("Choose one of the plans."),
        "expires_days": marked("Must be a whole number of days from 1 to 36500."),
    }
)
"""What a form's field must be, by its name."""

FAILURES = MappingProxyType(
    {
        "wrong-xsrf-token": marked("The form was too old. Load the page again and repeat it."),
        "operator-only": marked("This page is for operators."),
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
)
"""What readers are told of a failure, by its code; of any other, that it may pass."""
_MINUTE_SECONDS = 60
PASSING = marked("The service cannot answer now. Try again in a moment.")


def told(error: ServiceError, language: Language) -> str:
    """Return what a reader is told of a failure, with how long to wait; minutes are rounded up."""
    said = language.translate(FAILURES.get(error.code, PASSING))
    if isinstance(error, RateLimited):
        return said % {"seconds": error.resets_in_seconds}
    if isinstance(error, TooManyAttempts):
        return said % {"minutes": max(1, ceil(error.resets_in_seconds / _MINUTE_SECONDS))}
    return said
