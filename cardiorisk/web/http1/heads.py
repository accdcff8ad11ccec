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

from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    RequestStartLine,
    parse_request_start_line,
)

MOST_KNOWN_LINES = 32
MOST_KNOWN_BYTES = 512
"""Of one line; with the number of lines, it bounds what a connection remembers."""
_SECRET = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"x-xsrftoken"})
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
        for line in lines:
            known = self._known.get(line)
            if known is None:
                self._add_new(line, headers)
            elif known[0] in headers:
                headers.add(*known)
            else:
                headers[known[0]] = known[1]
        version = start_line.version
        return Head(
            start_line,
            headers,
            _body_bytes(version, headers),
            _keeps_alive(version, headers),
            _expects_continue(version, headers),
        )

    def _check_start(self, line: bytes) -> RequestStartLine:
        start_line = parse_request_start_line(line.decode("latin1"))
        if len(line) <= MOST_KNOWN_BYTES and b"?" not in line:
            self._start, self._start_line = line, start_line
        return start_line

    def _add_new(self, line: bytes, headers: HTTPHeaders) -> None:
        if not line or b"\n" in line:  # which Tornado would take for an end
            raise HTTPInputError("a line of the head is empty or has another end")
        text = line.decode("latin1")
        name = line.partition(b":")[0].lower()
        if name in _SECRET or len(line) > MOST_KNOWN_BYTES:
            headers.parse_line(text)
            return
        checked = HTTPHeaders()
        checked.parse_line(text)
        if len(self._known) >= MOST_KNOWN_LINES:
            self._known.clear()
        (self._known[line],) = checked.get_all()
        headers.add(*self._known[line])


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


def _expects_continue(version: str, headers: HTTPHeaders) -> bool:
    if "Expect" not in headers or version == "HTTP/1.0":  # as RFC 9110 wants it, in section 10.1.1
        return False
    return headers["Expect"].lower() == "100-continue"


def _keeps_alive(version: str, headers: HTTPHeaders) -> bool:
    if "Connection" not in headers:
        return version == "HTTP/1.1"
    words = {word.strip() for word in headers["Connection"].lower().split(",")}
    return "close" not in words and (version == "HTTP/1.1" or "keep-alive" in words)
