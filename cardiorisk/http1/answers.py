"""The bytes of an answer: its head, and the frame of a chunk. A rule.

Source: RFC 9112, sections 4, 5 and 7.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REFUSAL = b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
MALFORMED = _REFUSAL % b"400 Bad Request"
TOO_LONG = _REFUSAL % b"431 Request Header Fields Too Large"


def write_head(status: int, reason: str, headers: HTTPHeaders) -> bytes:
    """Write the head of an answer, its empty line included.

    Raises:
        ValueError: a header holds the end of a line, which would make two of it.
    """
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers.get_all()]
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a header of an answer holds the end of a line")
    return f"{head}\r\n\r\n".encode("latin1")


def write_chunk(piece: bytes) -> bytes:
    """Frame a piece of a body; an empty one is none, since that would be the body's end."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
