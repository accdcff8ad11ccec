"""A body in chunks, put together again.

A rule. It knows no chunk extensions and no trailers, which no client of ours sends and proxies
disagree about. Source: RFC 9112, section 7.1.
"""

from __future__ import annotations

import re

from tornado.httputil import HTTPInputError

MOST_SIZE_LINE_BYTES = 64
_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_END = b"\r\n"


class ChunkDecoder:
    """Reads one body, from pieces cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._missing_bytes = 0
        self._in_chunk = False
        self._is_last = False

    def decode(self, piece: bytes) -> tuple[bytes, bytes | None]:
        """Take what has come.

        Returns:
            The bytes of the body in it, and what follows the body, None while that goes on.

        Raises:
            HTTPInputError: these are no chunks.
        """
        received = self._rest + piece
        body: list[bytes] = []
        position = 0
        while True:
            if self._missing_bytes:
                part = received[position : position + self._missing_bytes]
                body.append(part)
                position += len(part)
                self._missing_bytes -= len(part)
                if self._missing_bytes:
                    break
            end = received.find(_END, position, position + MOST_SIZE_LINE_BYTES)
            if end < 0:
                if len(received) - position >= MOST_SIZE_LINE_BYTES:
                    raise HTTPInputError("a chunk has no size")
                break
            line, position = received[position:end], end + len(_END)
            if self._is_line_the_end(line):
                return b"".join(body), received[position:]
        self._rest = received[position:]
        return b"".join(body), None

    def _is_line_the_end(self, line: bytes) -> bool:
        """Go on behind a line; tell whether it ends the body."""
        if self._in_chunk or self._is_last:
            if line:
                raise HTTPInputError("a chunk is longer than it said")
            self._in_chunk = False
            return self._is_last
        if _SIZE.fullmatch(line) is None:
            raise HTTPInputError("a chunk has no size")
        self._missing_bytes = int(line, 16)
        self._in_chunk = self._missing_bytes > 0
        self._is_last = not self._in_chunk
        return False
