"""API keys: how they look, how they are made, and what is kept of them.

A key is ``crk_``, 30 random base62 characters (178 bits) and the CRC-32 of those 34 characters
as 6 base62 digits. The checksum is no secret: it lets a mistyped key be refused without asking
the database. Only the SHA-256 of a key is stored. That is enough, and argon2 would be waste:
178 random bits cannot be guessed, however fast the hash.
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zlib import crc32

from cardiorisk.errors import FieldFault, InvalidAccount
from cardiorisk.patients.json_object import echoed, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "crk_"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 30
_CHECKSUM_CHARACTERS = 6
KEY_CHARACTERS = len(PREFIX) + _RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS
_VISIBLE_CHARACTERS = 10
_ID_BYTES = 6

LONGEST_LIFETIME_DAYS = 36_500
LONGEST_GRACE_MINUTES = 60 * 24 * 365
LONGEST_NAME = 80
"""Characters of what an owner calls a key."""
NAME, EXPIRES_DAYS, GRACE_MINUTES = "name", "expires_days", "grace_minutes"
NAME_RULE = f"1 to {LONGEST_NAME} printable characters"
_MOST_NORMALIZED = 4
"""Times its longest length that a name may have before it is normalized, which takes long."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: what a valid credential stands for.

    Attributes:
        key_id: the credential's public name; ``jwt_…`` for an access token.
        session_id: the session of an access token, None for an API key.
        is_suspended: whether the account is; the store lets no such caller through.
    """

    account_id: int
    key_id: str
    plan: str
    session_id: str | None = None
    is_operator: bool = False
    is_suspended: bool = False


def new_key() -> str:
    """Make a key from the system's random source."""
    body = PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_CHARACTERS))
    return body + _checksum(body)


def new_key_id() -> str:
    """Make the public name of a key, which says nothing about the key itself."""
    return "key_" + secrets.token_hex(_ID_BYTES)


def is_well_formed(key: str) -> bool:
    """Tell whether the key has the form and the checksum of one of ours."""
    if len(key) != KEY_CHARACTERS or not key.startswith(PREFIX) or not key.isascii():
        return False
    body = key[:-_CHECKSUM_CHARACTERS]
    return key[-_CHECKSUM_CHARACTERS:] == _checksum(body)


def digest(key: str) -> bytes:
    """Return what is stored of a key: its SHA-256, 32 bytes. Any text is accepted."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def visible_prefix(key: str) -> str:
    """Return the start of a key, by which its owner recognises it in a list."""
    return key[:_VISIBLE_CHARACTERS]


def may_hold_key(text: str) -> bool:
    """Tell whether more of a key may stand in a text than lists show of it."""
    return PREFIX in text and len(text) > _VISIBLE_CHARACTERS


def _checksum(body: str) -> str:
    number = crc32(body.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What somebody wants of a new key: no name and no end, where nothing is said of them."""

    name: str | None = None
    lifetime: timedelta | None = None


def read_key_wish(body: bytes) -> KeyWish:
    """Read ``name`` and ``expires_days`` from an optional JSON object.

    Raises:
        MalformedBody: there is a body, and it is not a JSON object.
        InvalidAccount: the name or the number cannot be accepted, or there is another member.
    """
    members = _Members(body, (NAME, EXPIRES_DAYS))
    name = members.read_name()
    days = members.read_whole_number(EXPIRES_DAYS, 1, LONGEST_LIFETIME_DAYS)
    members.require_no_faults()
    return KeyWish(name, None if days is None else timedelta(days=days))


def read_key_wish_form(fields: Mapping[str, str]) -> KeyWish:
    """Read the same from the fields of a form, where an empty one says nothing.

    Raises:
        InvalidAccount: the name or the number cannot be accepted, or there is another field.
    """
    said: dict[str, object] = {name: text for name, text in fields.items() if text.strip()}
    days = fields.get(EXPIRES_DAYS, "").strip()
    if days.isascii() and days.isdecimal() and len(days) <= len(str(LONGEST_LIFETIME_DAYS)):
        said[EXPIRES_DAYS] = int(days)
    return read_key_wish(json.dumps(said).encode())


def read_grace(body: bytes) -> timedelta:
    """Read ``grace_minutes`` from an optional JSON object; without it, there is no grace.

    Raises:
        MalformedBody: there is a body, and it is not a JSON object.
        InvalidAccount: the number cannot be accepted, or there is another member.
    """
    members = _Members(body, (GRACE_MINUTES,))
    minutes = members.read_whole_number(GRACE_MINUTES, 0, LONGEST_GRACE_MINUTES)
    members.require_no_faults()
    return timedelta(minutes=minutes or 0)


def clean_name(given: str) -> str | None:
    """Return a key's name without the blanks at its ends, None where it cannot be one."""
    if len(given) > _MOST_NORMALIZED * LONGEST_NAME:
        return None
    name = unicodedata.normalize("NFC", given).strip()
    return name if name.isprintable() and 1 <= len(name) <= LONGEST_NAME else None


class _Members:
    """The members of an optional body while they are read, and the faults found so far."""

    def __init__(self, body: bytes, names: tuple[str, ...]) -> None:
        found = read_object(body or b"{}", names)
        self._by_name, self._repeated = found.by_name, found.repeated
        self._faults = [
            FieldFault(echoed(other), "is not a field of this request")
            for other in found.by_name
            if other not in names
        ]

    def read_name(self) -> str | None:
        given = self._by_name.get(NAME)
        name = clean_name(given) if isinstance(given, str) else None
        if NAME in self._repeated or (given is not None and name is None):
            self._faults.append(FieldFault(NAME, f"must be one text that is {NAME_RULE}"))
        return name

    def read_whole_number(self, name: str, minimum: int, maximum: int) -> int | None:
        given = self._by_name.get(name)
        is_whole = isinstance(given, float) and minimum <= given <= maximum and given.is_integer()
        if name in self._repeated or (given is not None and not is_whole):
            fault = f"must be one integer from {minimum} to {maximum}"
            self._faults.append(FieldFault(name, fault))
        return int(given) if isinstance(given, float) and is_whole else None

    def require_no_faults(self) -> None:
        if self._faults:
            raise InvalidAccount(tuple(self._faults))
