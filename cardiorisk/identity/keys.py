"""API keys: how they look, how they are made, and what is kept of them.

A key is ``crk_``, 30 random base62 characters (178 bits) and the CRC-32 of those 34 characters
as 6 base62 digits. The checksum is no secret: it lets a mistyped key be refused without asking
the database. Only the SHA-256 of a key is stored. That is enough, and argon2 would be waste:
178 random bits cannot be guessed, however fast the hash.
"""

import secrets
from dataclasses import dataclass
from zlib import crc32

PREFIX = "crk_"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 30
_CHECKSUM_CHARACTERS = 6
KEY_CHARACTERS = len(PREFIX) + _RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS
_VISIBLE_CHARACTERS = 10
_ID_BYTES = 6

LONGEST_LIFETIME_DAYS = 36_500
LONGEST_GRACE_MINUTES = 60 * 24 * 365
LARGEST_KEY_LIMIT = 999_999_999
"""Requests a minute; fewer than the largest plan's."""


@dataclass(frozen=True, slots=True)
class KeyWindow:
    """The minute window that a key with a limit of its own has beside its account's.

    A key and the one that replaces it share it, so ``name`` is the id of the first of them.
    """

    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: what a valid credential stands for.

    Attributes:
        key_id: the credential's public name; ``jwt_…`` for an access token.
        session_id: the session of an access token, None for an API key.
        is_suspended: whether the account is; the store lets no such caller through.
        window: where a key has a limit of its own.
    """

    account_id: int
    key_id: str
    plan: str
    session_id: str | None = None
    is_operator: bool = False
    is_suspended: bool = False
    window: KeyWindow | None = None


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
