"""A JSON object as a stranger wrote it: read strictly, with the names that it repeats marked.

Integers are read as floats, so that one of a thousand digits is infinite and out of every range,
where Python's own would refuse to be read.
"""

import json
import re
from codecs import BOM_UTF8
from typing import Any, Final

from cardiorisk.errors import MalformedBody

REPEATED: Final = object()  # the value of a name that is given more than once
_GZIP = b"\x1f\x8b"
_ECHOED_CHARACTERS = 64
_FORM = re.compile(rb"\s*([\w.%+\[\]-]{1,200}=|--[^\r\n]{1,70}\r?\nContent-)", re.ASCII)
"""How the body of a form begins, of either kind; no JSON begins like that."""


def read_object(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON object in UTF-8; ``NaN`` and ``Infinity`` are numbers, in no range.

    Raises:
        MalformedBody: it is none; the message names the wanted members, and nothing of the body.
    """
    fault = "is an array or a single value"
    try:
        members = _DECODER.decode(body.removeprefix(BOM_UTF8).decode())
        if isinstance(members, dict):
            return members
    except (ValueError, RecursionError) as error:
        fault = _fault(body, error)
    fields = "field" if len(names) == 1 else "fields"
    raise MalformedBody(
        f"the body {fault}; it must be a JSON object with the {fields} {', '.join(names)}"
    )


def echoed(name: str) -> str:
    """Return a stranger's name for a member as it may be sent back: short and writable."""
    return name[:_ECHOED_CHARACTERS].encode("utf-8", "replace").decode()


def _fault(body: bytes, error: Exception) -> str:
    if body.startswith(_GZIP):
        return "is compressed"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if not isinstance(error, json.JSONDecodeError):
        return "is nested too deeply"
    if not body.strip():
        return "is empty"
    if _FORM.match(body):
        return "is a form"
    reason = error.msg.removesuffix(" at")
    return f"is not JSON: {reason} at line {error.lineno} column {error.colno}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members[name] = REPEATED if name in members else value
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=float)
