"""The rules for texts that people give: names, passwords, addresses, numbers.

``clean_…`` return what is kept of a text, or None where it is against its rule. ``claimed_…`` do so
for a login, which is held to no rule but a length, or the rule would tell what is worth trying.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TypeGuard

USERNAME, PASSWORD, NEW_PASSWORD = "username", "password", "new_password"
NAME_CHARACTERS = 80
NAME_RULE = f"1 to {NAME_CHARACTERS} printable characters"  # counted after normalization
LEAST_PASSWORD, MOST_PASSWORD = 8, 128  # characters. Source: NIST SP 800-63B-4, 3.1.1.2
EMAIL_CHARACTERS = 254  # Source: RFC 5321, 4.5.3.1.3
LARGEST_NUMBER = 10**18  # of an account; SQLite counts a little further
_LARGEST_DIGITS = 19
_MOST_NORMALIZED = 4
"""Times its longest length that a text may have before it is normalized, which takes a time that
grows with the square of a run of accents. Normalization makes one character of three at most."""

_NO_FORMULA = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?|-")  # or the mark of a missing value
_CELL_START = re.compile(r'((?:^|[;,\t\r\n])[\s"]*+)([=+\-@\uff1d\uff0b\uff0d\uff20]?)')
"""What may begin a cell, whichever character a spreadsheet cuts at, and what begins a formula there
(the last four are the others at full width). Source: OWASP, CSV Injection."""

# Kept as an ordinary blank; a Japanese name is written with a wide one.
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Joiners and variation selectors: they shape letters of some scripts; else nobody sees them.
_SHAPING = re.compile("[\u200c\u200d\u180b-\u180d\u180f\U000e0100-\U000e01ef]")
_HIDING = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U0001d159]")
"""What Python takes for printable, and nobody sees either. Source: Unicode's
Default_Ignorable_Code_Point, and the blanks among its symbols."""
_VIRAMA = 9


@dataclass(frozen=True, slots=True)
class Registration:
    username: str
    password: str = field(repr=False)
    email: str


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str = field(repr=False)


def folded(text: str) -> str:
    """Return what a name or an address is compared by: letters without their case or shaping.

    Source: Unicode Standard, 3.13, but for the rare letters that would need a second round.
    """
    return _normalized(_normalized(_SHAPING.sub("", text)).casefold())


def searchable(text: str) -> str:
    parts = unicodedata.normalize("NFD", folded(text))
    return "".join(part for part in parts if not unicodedata.combining(part))


def harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet of any country would take for a formula."""
    if _NO_FORMULA.fullmatch(text):
        return text
    safe = _CELL_START.sub(lambda start: f"{start[1]}'{start[2]}" if start[2] else start[0], text)
    return f"'{safe}" if safe.startswith(("\t", "\r", "\n")) else safe


def clean_name(given: object) -> str | None:
    """Clean what an account, a key or a patient is called: nothing hides or reorders text."""
    name = claimed_name(given) or ""
    return name if 1 <= len(name) <= NAME_CHARACTERS and _is_all_seen(name) else None


def clean_password(given: object) -> str | None:
    claimed = claimed_password(given)
    password = _normalized(claimed) if claimed is not None and _is_writable(claimed) else ""
    return password if LEAST_PASSWORD <= len(password) <= MOST_PASSWORD else None


def clean_address(given: object) -> str | None:
    if not _is_normalizable(given, EMAIL_CHARACTERS):
        return None
    address = _normalized(given).strip().lower()
    local, _, domain = address.partition("@")
    is_plain = address.isprintable() and not any(character.isspace() for character in address)
    is_address = local and all(domain.split(".")) and "@" not in domain
    return address if is_address and is_plain and len(address) <= EMAIL_CHARACTERS else None


def claimed_name(given: object) -> str | None:
    if not _is_normalizable(given, NAME_CHARACTERS) or not _is_writable(given):
        return None
    return _BLANKS.sub(" ", _normalized(given)).strip()


def claimed_password(given: object) -> str | None:
    return given if _is_normalizable(given, MOST_PASSWORD) else None


def _is_normalizable(given: object, most_characters: int) -> TypeGuard[str]:
    return isinstance(given, str) and len(given) <= _MOST_NORMALIZED * most_characters


def _is_all_seen(text: str) -> bool:
    shaping = [found.start() for found in _SHAPING.finditer(text)]
    others = _SHAPING.sub("", text)
    is_plain = bool(others) and others.isprintable() and not _HIDING.search(others)
    return is_plain and all(_shapes(text, place) for place in shaping)


def _shapes(text: str, place: int) -> bool:
    """Source: RFC 5892, A.1 and A.2, without the forms of letters, which Python does not know."""
    shaper, before, after = text[place], text[:place][-1:], text[place + 1 : place + 2]
    if not before:
        return False
    if shaper not in "\u200c\u200d":
        script = "CJK " if shaper > "\uffff" else "MONGOLIAN LETTER "
        return unicodedata.name(before, "").startswith(script)
    if _VIRAMA in map(unicodedata.combining, before + after):
        return True
    is_in_arabic = unicodedata.bidirectional(before) in {"AL", "NSM"}
    is_between = is_in_arabic and after != "" and unicodedata.bidirectional(after) == "AL"
    return shaper == "\u200c" and is_between


def _is_writable(text: str) -> bool:
    return "\0" not in text and text == text.encode("utf-8", "ignore").decode()


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def find_number(text: str, minimum: int, maximum: int) -> int | None:
    # Of more digits than this Python makes no number at all.
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LARGEST_DIGITS
    return int(text) if is_number and minimum <= int(text) <= maximum else None
