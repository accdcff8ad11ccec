"""What operators ask for: which lines of the log, which accounts."""

import re
from dataclasses import dataclass

from cardiorisk.bitacora.entry import Entry

DEFAULT_LINES, MOST_LINES = 50, 200
DEFAULT_ACCOUNTS, MOST_ACCOUNTS = 20, 100
LONGEST_TEXT = 254
"""Characters: as many as an e-mail address may have."""

STATUS_PATTERN = "^[1-5]([0-9]{2}|xx)$"
LARGEST_NUMBER = 10**18
"""Of an account; SQLite counts a little further."""

_STATUS = re.compile(STATUS_PATTERN)
_LARGEST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of the log are wanted; a criterion that is None holds for every line.

    Attributes:
        status: ``429``, or ``4xx`` for all that begin so.
        key_ids: the keys of an account, where one was named.
        unwanted_route: a route whose lines are not wanted; no parameter, for nobody sends it.
    """

    limit: int = DEFAULT_LINES
    status: str | None = None
    route: str | None = None
    code: str | None = None
    key: str | None = None
    account: str | None = None
    key_ids: frozenset[str] | None = None
    unwanted_route: str | None = None

    def is_wanted(self, entry: Entry) -> bool:
        """Tell whether a line meets every criterion."""
        return (
            (self.status is None or _has_status(self.status, entry.status))
            and (self.route is None or entry.route == self.route)
            and (self.unwanted_route is None or entry.route != self.unwanted_route)
            and (self.code is None or entry.code == self.code)
            and (self.key is None or entry.key_id == self.key)
            and (self.key_ids is None or entry.key_id in self.key_ids)
        )


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts are wanted: those with a text in them, above a number, so many."""

    text: str
    after: int
    limit: int


def find_number(text: str, minimum: int, maximum: int) -> int | None:
    """Read a whole number out of a text; None where it is none, or out of bounds."""
    # Of more digits than this Python makes no number at all.
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LARGEST_DIGITS
    return int(text) if is_number and minimum <= int(text) <= maximum else None


def find_status(text: str) -> str | None:
    """Read ``429``, or ``4xx`` for all that begin so; None where it is neither."""
    return text if _STATUS.fullmatch(text) else None


def _has_status(wanted: str, status: int) -> bool:
    return str(status) == wanted or (wanted.endswith("xx") and status // 100 == int(wanted[0]))
