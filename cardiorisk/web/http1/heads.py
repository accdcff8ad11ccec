"""The head of a request: its bytes, checked and taken apart.

A rule. It says how the body comes, and is strict there: two readers of one head who disagree about
where the body ends are how a request is smuggled past a proxy. The surprise: whoever sends the same
line again on its connection, as every client does, has it checked once.

Source: RFC 9112, sections 2 to 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    RequestStartLine,
    parse_request_start_line,
)

MOST_KNOWN_LINES = 32
LONGEST_KNOWN_LINE = 512
"""Bytes; with the number of lines, it bounds what a connection remembers to 16 KiB."""
_LENGTH = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body.

    Attributes:
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
        self._start = b""
        self._start_line: RequestStartLine | None = None
        self._known: dict[bytes, tuple[str, str]] = {}

    def parse(self, head: bytes) -> Head:
        """Read a head without its empty line.

        Raises:
            HTTPInputError: it is not one of HTTP/1.0 or HTTP/1.1.
        """
        start, *lines = head.split(b"\r\n")
        if start != self._start or self._start_line is None:
            self._start, self._start_line = start, parse_request_start_line(start.decode("latin1"))
        headers = HTTPHeaders()
        for line in lines:
            name, value = self._known.get(line) or self._check(line)
            if name in headers:
                headers.add(name, value)
            else:
                headers[name] = value
        version = self._start_line.version
        return Head(
            self._start_line,
            headers,
            _body_bytes(version, headers),
            _keeps_alive(version, headers),
            "Expect" in headers and headers["Expect"].lower() == "100-continue",
        )

    def _check(self, line: bytes) -> tuple[str, str]:
        if not line or b"\n" in line:  # which Tornado would take for an end
            raise HTTPInputError("a line of the head is empty or has another end")
        parsed = HTTPHeaders()
        parsed.parse_line(line.decode("latin1"))
        ((name, value),) = parsed.get_all()
        if len(line) <= LONGEST_KNOWN_LINE:
            if len(self._known) >= MOST_KNOWN_LINES:
                self._known.clear()
            self._known[line] = name, value
        return name, value


def _body_bytes(version: str, headers: HTTPHeaders) -> int | None:
    if "Transfer-Encoding" in headers:
        is_understood = headers["Transfer-Encoding"].lower() == "chunked"
        if not is_understood or version == "HTTP/1.0" or "Content-Length" in headers:
            raise HTTPInputError("the body's end cannot be told for sure")
        return None
    if "Content-Length" not in headers:
        return 0
    length = headers["Content-Length"]
    if _LENGTH.fullmatch(length) is None:
        raise HTTPInputError("the body's length is not one number")
    return int(length)


def _keeps_alive(version: str, headers: HTTPHeaders) -> bool:
    if "Connection" not in headers:
        return version == "HTTP/1.1"
    words = {word.strip() for word in headers["Connection"].lower().split(",")}
    return "close" not in words and (version == "HTTP/1.1" or "keep-alive" in words)
