"""API keys: how they look, and how they are made.

A key is ``crk_``, 30 random base62 characters (178 bits) and the CRC-32 of those 34 characters
as 6 base62 digits, which lets a mistyped key be refused without asking the database. Its SHA-256
is stored: 178 random bits cannot be guessed, however fast the hash.
"""

import re
import secrets
from dataclasses import dataclass
from itertools import pairwise
from zlib import DEFLATED, MAX_WBITS, Z_FIXED, compressobj, crc32

PREFIX = "crk_"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS = 30
_CHECKSUM_CHARACTERS = 6
KEY_CHARACTERS = len(PREFIX) + _RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS
_VISIBLE_CHARACTERS = 10
_VISIBLE_IMPORTED = 4

LEAST_IMPORTED, MOST_IMPORTED = 24, 128  # characters; no token of ours is so short
_IMPORTED = re.compile(rf"(?!{PREFIX})[!-~]{{{LEAST_IMPORTED},{MOST_IMPORTED}}}")
_LEAST_DIFFERENT = 10
_CHANGES = re.compile("(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=[0-9])[A-Za-z]")
_LEET = str.maketrans("0134578@$!", "oleastbasi")
_COMMON = re.compile(
    "pass(word|wd)|contrasen|secret|change|example|ejemplo|default|welcome|qwert|asdf|admin|letmein|"
    "correcthorse|hospital|clinic|cardio|usuario|prueba|production"
)

LONGEST_LIFETIME_DAYS = 36_500
LONGEST_GRACE_MINUTES = 60 * 24 * 365
LARGEST_KEY_LIMIT = 999_999_999  # requests a minute; fewer than the largest plan's
_CREDENTIAL = re.compile(PREFIX + r"|eyJ[\w-]{1,100}\.eyJ", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyWindow:
    """The minute window that a key with a limit of its own has beside its account's."""

    name: str  # the key's id; a key that replaces another has the other's window
    limit: int


@dataclass(frozen=True, slots=True)
class Principal:
    account_id: int
    key_id: str  # the credential's public name; ``jwt_…`` for an access token
    plan: str
    session_id: str | None = None  # None for an API key
    is_operator: bool = False
    is_suspended: bool = False  # the store lets no such caller through
    window: KeyWindow | None = None
    name: str = ""  # the account's, where a session or a token is spoken for


def new_key() -> str:
    body = PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_CHARACTERS))
    return body + _checksum(body)


def new_key_id() -> str:
    return "key_" + secrets.token_hex(6)


def is_well_formed(key: str) -> bool:
    if len(key) != KEY_CHARACTERS or not key.startswith(PREFIX) or not key.isascii():
        return False
    body = key[:-_CHECKSUM_CHARACTERS]
    return key[-_CHECKSUM_CHARACTERS:] == _checksum(body)


def may_be_key(text: str) -> bool:
    return is_well_formed(text) or _IMPORTED.fullmatch(text) is not None


def weakness(key: str) -> str | None:
    """Say what makes a key unfit to be imported, as the end of "it ..."; None where nothing does.

    It is stored as a plain hash, so it must be as random as ours. That cannot be measured; what
    people and loops make up has words, repeats itself, counts, or is all of one kind.
    """
    if key.startswith(PREFIX):
        return None if is_well_formed(key) else f"begins with {PREFIX} and is mistyped"
    if _IMPORTED.fullmatch(key) is None:
        characters = f"{LEAST_IMPORTED} to {MOST_IMPORTED} printable ASCII characters"
        return f"must have {characters}, no blanks and nothing before or after them but a line end"
    folded = key.lower()
    if _COMMON.search(folded.translate(_LEET)):
        return "has a common word in it"
    pairs = [*pairwise(folded), *zip(folded, folded[2:], strict=False)]
    steps = sum(abs(ord(one) - ord(other)) <= 1 for one, other in pairs)
    packer = compressobj(9, DEFLATED, -MAX_WBITS, strategy=Z_FIXED)
    packed = len(packer.compress(key.encode()) + packer.flush())
    if 5 * steps > 2 * len(pairs) or 4 * packed < 3 * len(key) or len(set(key)) < _LEAST_DIFFERENT:
        return "repeats itself or counts"
    plain = re.sub("[^A-Za-z0-9]", "", key)
    if 6 * len(_CHANGES.findall(plain)) < len(plain):
        return "must mix digits and letters, or small ones and capitals, all through"
    return None


def visible_prefix(key: str) -> str:
    return key[: _VISIBLE_CHARACTERS if key.startswith(PREFIX) else _VISIBLE_IMPORTED]


def may_hold_key(text: str) -> bool:
    """Tell whether more of a key may stand in a text than lists show of it."""
    return PREFIX in text and len(text) > _VISIBLE_CHARACTERS


def shows_credential(text: str) -> bool:
    """Tell whether a key, or a token by how all of ours begin, may stand in a text."""
    return _CREDENTIAL.search(text) is not None


def _checksum(body: str) -> str:
    number = crc32(body.encode("ascii"))
    places = reversed(range(_CHECKSUM_CHARACTERS))
    return "".join(_BASE62[number // 62**place % 62] for place in places)
