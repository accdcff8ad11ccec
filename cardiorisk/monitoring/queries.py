"""What operators ask for in a query string, read strictly: every faulty parameter is named.

Pure. The surprise: a search never takes a whole API key, because what stands in a URL is kept by
browsers and proxies; the ten characters that lists show of it are enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cardiorisk.errors import FieldFault, InvalidAccount, InvalidQuery, MalformedBody
from cardiorisk.identity.keys import may_hold_key
from cardiorisk.patients.json_object import echoed, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cardiorisk.bitacora.entry import Entry

DEFAULT_LINES, MOST_LINES = 50, 200
DEFAULT_ACCOUNTS, MOST_ACCOUNTS = 20, 100
LONGEST_TEXT = 254
"""Characters: as many as an e-mail address may have."""
LOG_PARAMETERS = ("status", "route", "code", "key", "account", "limit")
ACCOUNT_PARAMETERS = ("search", "after", "limit")

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


def read_log_query(given: Mapping[str, str]) -> LogQuery:
    """Read which lines are wanted; an empty parameter is one that was not sent.

    Raises:
        InvalidQuery: parameters cannot be accepted.
    """
    faults = _unknown(given, LOG_PARAMETERS)
    limit = _read_number(given, "limit", DEFAULT_LINES, MOST_LINES, faults)
    texts = {name: given.get(name) or None for name in LOG_PARAMETERS if name != "limit"}
    status = texts["status"]
    if status is not None and not _STATUS.fullmatch(status):
        faults.append(FieldFault("status", "must be a status, as 429, or a class, as 4xx"))
    for name, text in texts.items():
        if text is not None:
            _check_text(name, text, faults)
    if faults:
        raise InvalidQuery(tuple(faults))
    return LogQuery(
        limit, texts["status"], texts["route"], texts["code"], texts["key"], texts["account"]
    )


def read_account_query(given: Mapping[str, str]) -> AccountQuery:
    """Read which accounts are wanted; an empty parameter is one that was not sent.

    Raises:
        InvalidQuery: parameters cannot be accepted.
    """
    faults = _unknown(given, ACCOUNT_PARAMETERS)
    text = given.get("search", "").strip()
    _check_text("search", text, faults)
    limit = _read_number(given, "limit", DEFAULT_ACCOUNTS, MOST_ACCOUNTS, faults)
    after = _read_number(given, "after", 0, LARGEST_NUMBER, faults)
    if faults:
        raise InvalidQuery(tuple(faults))
    return AccountQuery(text, after, limit)


def read_plan(body: bytes) -> str:
    """Read the name of a plan from a JSON object.

    Raises:
        MalformedBody: the body is no JSON object, or gives a member twice.
        InvalidAccount: ``plan`` is missing or no text, or there is another member.
    """
    found = read_object(body, ("plan",))
    if found.repeated:
        raise MalformedBody("a field is given more than once")
    faults = [
        FieldFault(echoed(name), "is not a field of this request")
        for name in found.by_name
        if name != "plan"
    ]
    plan = found.by_name.get("plan")
    if not isinstance(plan, str):
        faults.append(FieldFault("plan", "must be a text"))
    if faults or not isinstance(plan, str):
        raise InvalidAccount(tuple(faults))
    return plan


def find_number(text: str, minimum: int, maximum: int) -> int | None:
    """Read a whole number out of a text; None where it is none, or out of bounds."""
    # Of more digits than this Python makes no number at all.
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LARGEST_DIGITS
    return int(text) if is_number and minimum <= int(text) <= maximum else None


def _has_status(wanted: str, status: int) -> bool:
    return str(status) == wanted or (wanted.endswith("xx") and status // 100 == int(wanted[0]))


def _unknown(given: Mapping[str, str], known: tuple[str, ...]) -> list[FieldFault]:
    return [
        FieldFault(echoed(name), "is not a parameter of this request")
        for name in given
        if name not in known
    ]


def _check_text(name: str, text: str, faults: list[FieldFault]) -> None:
    if may_hold_key(text):
        faults.append(FieldFault(name, "must be no whole key; its first ten characters will do"))
    elif len(text) > LONGEST_TEXT:
        faults.append(FieldFault(name, f"must have at most {LONGEST_TEXT} characters"))


def _read_number(
    given: Mapping[str, str], name: str, default: int, maximum: int, faults: list[FieldFault]
) -> int:
    text = given.get(name, "")
    if not text:
        return default
    minimum = min(default, 1)
    number = find_number(text, minimum, maximum)
    if number is None:
        faults.append(FieldFault(name, f"must be an integer from {minimum} to {maximum}"))
        return default
    return number
