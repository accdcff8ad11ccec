"""The head of a request: its bytes, checked and taken apart.

A rule. It says how the body comes, and is strict there: two readers of one head who disagree about
where the body ends are how a request is smuggled past a proxy. The surprise: whoever sends the same
line again on its connection, as every client does, has it checked once; but what may be secret, or
a patient's, is not kept for that.

Source: RFC 9112, sections 2 to 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    RequestStartLine,
    parse_request_start_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_KNOWN_LINES = 32
MOST_KNOWN_BYTES = 512
"""Of one line; with the number of lines, it bounds what a connection remembers."""
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "x-xsrftoken"})
_LINE = re.compile(
    r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*"
    r"((?:[\x21-\x7e\x80-\xff](?:[ \t\x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*"
)
"""A header's name and value, without the blanks around it. Source: RFC 9110, section 5."""
_AUTHORITY = re.compile(r"(?i)https?://[^/?]*")
"""What a target begins with that names its host too. Source: RFC 9112, section 3.2.2."""
_LENGTH = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body.

    Attributes:
        start_line: method, target and version.
        headers: the caller's own; whoever takes the head may change them.
        body_bytes: the length of the body, None where it comes in chunks.
        keeps_alive: whether another request may follow on the connection.
        expects_continue: whether the body is sent only when it has been asked for.
    """

    start_line: RequestStartLine
    headers: HTTPHeaders
    body_bytes: int | None
    keeps_alive: bool
    expects_continue: bool


class HeadParser:
    """Takes heads of one connection apart."""

    def __init__(self) -> None:
        self._start: bytes | None = None
        self._start_line = RequestStartLine("", "", "")
        self._known: dict[bytes, tuple[str, str]] = {}

    def parse(self, head: bytes) -> Head:
        """Read a head without its empty line.

        Raises:
            HTTPInputError: it is not one of HTTP/1.0 or HTTP/1.1.
        """
        start, *lines = head.split(b"\r\n")
        start_line = self._start_line if start == self._start else self._check_start(start)
        headers = HTTPHeaders()
        found: dict[str, str] = {}
        for line in lines:
            name, value = self._known.get(line) or self._check(line)
            if name in found:
                headers.add(name, value)
                found[name] += f",{value}"
            else:
                headers[name] = found[name] = value
        version = start_line.version
        return Head(
            start_line,
            headers,
            _body_bytes(version, found),
            _keeps_alive(version, found),
            _expects_continue(version, found),
        )

    def _check_start(self, line: bytes) -> RequestStartLine:
        start_line = parse_request_start_line(line.decode("latin1"))
        if (absolute := _AUTHORITY.match(start_line.path)) is not None:
            path = start_line.path[absolute.end() :]
            start_line = start_line._replace(path=path if path.startswith("/") else f"/{path}")
        if len(line) <= MOST_KNOWN_BYTES and b"?" not in line:
            self._start, self._start_line = line, start_line
        return start_line

    def _check(self, line: bytes) -> tuple[str, str]:
        """Return the name, in small letters, and the value."""
        match = _LINE.fullmatch(line.decode("latin1"))
        if match is None:
            raise HTTPInputError("a line of the head is no header")
        name, value = match[1].lower(), match[2]
        if name not in _SECRET and len(line) <= MOST_KNOWN_BYTES:
            if len(self._known) >= MOST_KNOWN_LINES:
                self._known.clear()
            self._known[line] = name, value
        return name, value


def _body_bytes(version: str, found: Mapping[str, str]) -> int | None:
    length = found.get("content-length")
    if "transfer-encoding" in found:
        is_understood = found["transfer-encoding"].lower() == "chunked"
        if not is_understood or version == "HTTP/1.0" or length is not None:
            raise HTTPInputError("the body's end cannot be told for sure")
        return None
    if length is None:
        return 0
    if _LENGTH.fullmatch(length) is None:
        raise HTTPInputError("the body's length is not one number")
    return int(length)


def _keeps_alive(version: str, found: Mapping[str, str]) -> bool:
    if "connection" not in found:
        return version == "HTTP/1.1"
    words = {word.strip() for word in found["connection"].lower().split(",")}
    return "close" not in words and (version == "HTTP/1.1" or "keep-alive" in words)


def _expects_continue(version: str, found: Mapping[str, str]) -> bool:
    # Of HTTP/1.0 it must be overlooked: RFC 9110, section 10.1.1.
    return version == "HTTP/1.1" and found.get("expect", "").lower() == "100-continue"
