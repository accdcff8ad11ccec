"""A JSON object as a stranger wrote it: read strictly, with the names that it repeats marked."""

import json
import re
from codecs import BOM_UTF8
from typing import Any, Final

from cardiorisk.errors import MalformedBody

REPEATED: Final = object()  # the value of a name that is given more than once
# How the body of a form begins, of either kind; no JSON begins like that.
_FORM = re.compile(rb"\s*([\w.%+\[\]-]{1,200}=|--[^\r\n]{1,70}\r?\nContent-)", re.ASCII)


def read_object(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON object in UTF-8; ``NaN`` and ``Infinity`` are numbers, in no range."""
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
    return name[:64].encode("utf-8", "replace").decode()


def _fault(body: bytes, error: Exception) -> str:
    if body.startswith(b"\x1f\x8b"):
        return "is compressed"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if not isinstance(error, json.JSONDecodeError):
        return "is nested too deeply"
    if not body.strip():
        return "is empty"
    if _FORM.match(body):
        return "is a form"
    place = f"line {error.lineno} column {error.colno}"
    return f"is not JSON: {error.msg.removesuffix(' at')} at {place}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members[name] = REPEATED if name in members else value
    return members


# A float of a thousand digits is infinite, and out of every range; an integer could not be read.
_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=float)
