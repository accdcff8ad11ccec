"""What people say of themselves: names, passwords, addresses, and the rules for them.

``parse_…`` take the members of a JSON object and collect every fault before they raise. A name is
kept as it was given, without the blanks at its ends, and compared without regard to case or to
how its accents were typed; an address is kept in lower case. The surprise: a login's password is
held to no rule but a length that none has, or the rule would tell what is worth trying.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cardiorisk.errors import FieldFault, InvalidAccount
from cardiorisk.patients.json_object import echoed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class TextField:
    """One text in a body about an account; lengths in characters, after normalization.

    Attributes:
        accepted: what is accepted, as the end of a sentence that starts with "must".
    """

    wire_name: str
    minimum_characters: int
    maximum_characters: int
    description: str
    accepted: str


USERNAME = TextField(
    "username",
    1,
    80,
    "the account's name; case makes no difference",
    "be 1 to 80 printable characters",
)
PASSWORD = TextField(
    "password",
    8,
    128,
    "the account's password",
    "have 8 to 128 characters and not be the name",
)
NEW_PASSWORD = TextField("new_password", 8, 128, "the password from now on", PASSWORD.accepted)
EMAIL = TextField(
    "email",
    3,
    254,
    "an address to reach the account's owner",
    "be an e-mail address of at most 254 characters",
)
"""Lengths. Sources: NIST SP 800-63B-4, 3.1.1.2 (8 or more; 64 or more allowed, no composition
rule); RFC 5321, 4.5.3.1.3 (254)."""

MOST_NORMALIZED = 4
"""Times its longest length that a text may have before it is normalized, which takes a time that
grows with the square of a run of accents. Normalization makes one character of three at most."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who wants an account: all three are clean and follow their rules."""

    username: str
    password: str = field(repr=False)
    email: str


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password that claim to belong together."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A login, and the password that is to take its password's place."""

    login: Login
    new_password: str = field(repr=False)


def folded(text: str) -> str:
    """Return what a name or an address is compared by.

    Source: Unicode Standard, section 3.13, canonical caseless matching, but for the rare letters
    that would need a second round.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_normalizable(text: str, maximum_characters: int) -> bool:
    """Tell whether a text of at most so many characters may come of it, and soon."""
    return len(text) <= MOST_NORMALIZED * maximum_characters


def parse_registration(members: Mapping[str, object]) -> Registration:
    """Read a registration from ``username``, ``password`` and ``email``.

    Raises:
        InvalidAccount: a field is missing, unknown, no text or against its rule.
    """
    form = _Form(members, (USERNAME, PASSWORD, EMAIL))
    username = form.read(USERNAME, _clean_name)
    password = form.read(PASSWORD, lambda given: _clean_password(given, username))
    email = form.read(EMAIL, _clean_address)
    form.require_no_faults()
    return Registration(username, password, email)


def parse_login(members: Mapping[str, object]) -> Login:
    """Read a login from ``username`` and ``password``.

    Raises:
        InvalidAccount: a field is missing, unknown or no text.
    """
    form = _Form(members, (USERNAME, PASSWORD))
    login = Login(form.read(USERNAME, _trimmed), form.read(PASSWORD, str))
    form.require_no_faults()
    return login


def parse_password_change(members: Mapping[str, object]) -> PasswordChange:
    """Read a change from ``username``, ``password`` and ``new_password``.

    Raises:
        InvalidAccount: a field is missing, unknown, no text or against its rule.
    """
    form = _Form(members, (USERNAME, PASSWORD, NEW_PASSWORD))
    login = Login(form.read(USERNAME, _trimmed), form.read(PASSWORD, str))
    new = form.read(NEW_PASSWORD, lambda given: _clean_password(given, login.username))
    form.require_no_faults()
    return PasswordChange(login, new)


class _Form:
    """The members of a body while they are read, and the faults found so far."""

    def __init__(self, members: Mapping[str, object], fields: tuple[TextField, ...]) -> None:
        self._members = members
        known = {accepted.wire_name for accepted in fields}
        self._unknown = [name for name in members if name not in known]
        self._faults: list[FieldFault] = []

    def read(self, wanted: TextField, clean: Callable[[str], str | None]) -> str:
        """Return a field's text as ``clean`` leaves it; empty where it cannot be accepted."""
        given = self._members.get(wanted.wire_name)
        is_short = isinstance(given, str) and is_normalizable(given, wanted.maximum_characters)
        text = clean(given) if isinstance(given, str) and is_short else None
        if text is None:
            start = "" if wanted.wire_name in self._members else "is missing: it "
            rule = wanted.accepted if is_short or start else "be text"
            if isinstance(given, str) and not is_short:
                rule = f"have at most {wanted.maximum_characters} characters"
            self._faults.append(FieldFault(wanted.wire_name, f"{start}must {rule}"))
        return text or ""

    def require_no_faults(self) -> None:
        """Raise all the faults at once, those of unknown fields last."""
        self._faults.extend(
            FieldFault(echoed(name), "is not a field of this request") for name in self._unknown
        )
        if self._faults:
            raise InvalidAccount(tuple(self._faults))


def _trimmed(given: str) -> str | None:
    """Return the text that a login's name may be; half a surrogate pair is no text."""
    return unicodedata.normalize("NFC", given).strip() if _is_writable(given) else None


def _clean_name(given: str) -> str | None:
    name = _trimmed(given)
    return name if name is not None and name.isprintable() and _fits(name, USERNAME) else None


def _clean_password(given: str, username: str) -> str | None:
    """Return the password itself: blanks and accents are its owner's choice."""
    password = unicodedata.normalize("NFC", given)
    is_name = folded(password) == folded(username)
    return (
        password if _fits(password, PASSWORD) and _is_writable(password) and not is_name else None
    )


def _clean_address(given: str) -> str | None:
    """Return the address in lower case where it may be one; only a letter to it could tell."""
    address = (_trimmed(given) or "").lower()
    local, _, domain = address.partition("@")
    is_plain = address.isprintable() and not any(character.isspace() for character in address)
    labels = domain.split(".")
    if not (local and all(labels) and is_plain and "@" not in domain and _fits(address, EMAIL)):
        return None
    return address


def _fits(text: str, rule: TextField) -> bool:
    return rule.minimum_characters <= len(text) <= rule.maximum_characters


def _is_writable(text: str) -> bool:
    return text == text.encode("utf-8", "ignore").decode()
