"""A request's bytes, as llhttp reads them and no laxer.

Refused are other codings before ``chunked``, chunks in HTTP/1.0, extensions of chunks, trailers:
two readers who see a request's end in different places are how another is smuggled past one. The
first line is read here, because llhttp knows a list of methods and hands CONNECT back.

Source: RFC 9112, sections 2 to 7.
"""

import re
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine

MOST_HEAD_BYTES = 16 * 1024
MOST_HEAD_LINES = 128  # each is work: thousands of short ones would cost as much as 30 requests
_HEAD_END = b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")
# What no head begins with, TLS for instance, and other ends of heads than ours.
_NO_HEAD = re.compile(rb"\A[^!#$%&'*+\-.^_`|~0-9A-Za-z\r]|\n\r?\n")
MOST_FRAME_BYTES = 64  # of a line between two chunks, which needs about ten
CHUNKS_A_TURN = 64  # read before others have their turn: as much work as one small request
MOST_EXCESS_BYTES = 16 * 1024  # of what stands between chunks, beyond as much as the body has
MOST_LENGTH_DIGITS = 20
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+\r\n")
_REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) (HTTP/1\.[0-9])\r\n"
)
_START = b"POST / HTTP/1.1\r\n"  # what llhttp is told in the place of every first line
_AUTHORITY = re.compile(r"(?i)https?://[^/?]*")  # of a target. Source: RFC 9112, section 3.2.2


class Head(NamedTuple):
    start_line: RequestStartLine
    headers: HTTPHeaders
    body_bytes: int | None  # None where it comes in chunks
    keeps_alive: bool
    expects_continue: bool


class LongHead(HTTPInputError): ...


class TinyChunks(HTTPInputError): ...


class _Heard:
    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.is_whole = True


def next_head(received: bytes) -> tuple[Head | None, bytes]:
    if received.startswith(b"\r"):  # empty lines, as RFC 9112 advises in section 2.2
        received = _EMPTY_LINES.sub(b"", received)
    end = received.find(_HEAD_END)
    is_long = (len(received) if end < 0 else end) > MOST_HEAD_BYTES
    if is_long or received.count(b"\n", 0, end) > MOST_HEAD_LINES:
        most = f"{MOST_HEAD_BYTES // 1024} KiB and {MOST_HEAD_LINES} lines"
        raise LongHead(f"the request's headers may have {most}")
    if end < 0 and _NO_HEAD.search(received):
        raise HTTPInputError("these are no lines of HTTP")
    if end < 0:
        return None, received
    end += len(_HEAD_END)
    return read_head(received[:end]), received[end:]


def read_head(head: bytes) -> Head:
    if (first := _REQUEST_LINE.match(head)) is None:
        raise HTTPInputError("the first line is none of HTTP/1.1")
    method, target, version = [part.decode("latin1") for part in first.groups()]
    if (authority := _AUTHORITY.match(target)) is not None:
        path = target[authority.end() :]
        target = path if path.startswith("/") else f"/{path}"
    heard = _Heard()
    _feed(HttpRequestParser(heard), _START + head[first.end() :])
    headers = HTTPHeaders()
    for name_bytes, value_bytes in heard.headers:
        name, value = name_bytes.decode("latin1"), value_bytes.decode("latin1").strip(" \t")
        if name in headers:
            headers.add(name, value)
        else:
            headers[name] = value
    is_new = version == "HTTP/1.1"
    if "Transfer-Encoding" in headers:
        if headers["Transfer-Encoding"].lower() != "chunked" or version == "HTTP/1.0":
            raise HTTPInputError("the body's end cannot be told for sure")
        body_bytes = None
    else:  # llhttp has seen to it that it is one number, without a coding beside it
        length = headers.get("Content-Length", "0")
        if len(length) > MOST_LENGTH_DIGITS:
            raise HTTPInputError("the body's length has too many digits")
        body_bytes = int(length)
    keeps_alive = is_new
    if "Connection" in headers:
        words = {word.strip() for word in headers["Connection"].lower().split(",")}
        keeps_alive = "close" not in words and (is_new or "keep-alive" in words)
    # Of HTTP/1.0 it must be overlooked: RFC 9110, section 10.1.1.
    expects_continue = (
        is_new and "Expect" in headers and headers["Expect"].lower() == "100-continue"
    )
    start_line = RequestStartLine(method, target, version)
    return Head(start_line, headers, body_bytes, keeps_alive, expects_continue)


class ChunkReader:
    def __init__(self) -> None:
        self.is_whole = False
        self._heard = _Heard()
        self._parser = HttpRequestParser(self._heard)
        _feed(self._parser, _START + b"Transfer-Encoding: chunked\r\n\r\n")
        self._heard.headers.clear()
        self._frame = bytearray()  # what has come of the line between two chunks
        self._data_bytes = 0  # what is left of a chunk, its line end included
        self._excess_bytes = 0

    def read(self, received: bytes) -> tuple[bytes, bytes]:
        """Read a turn's share; return what is of the body, and what is not read."""
        position, lines = 0, 0
        while position < len(received) and not self.is_whole and lines < CHUNKS_A_TURN:
            if self._data_bytes:
                end = min(position + self._data_bytes, len(received))
                self._data_bytes -= end - position
            else:  # no more than a line, or llhttp would go on with the next request
                lines += 1
                end = received.find(b"\n", position) + 1 or len(received)
                self._frame += received[position:end]
                if len(self._frame) > MOST_FRAME_BYTES:
                    raise HTTPInputError("a chunk has too long a frame")
            _feed(self._parser, received[position:end])
            self.is_whole = self._heard.is_whole
            if self._frame.endswith(b"\n"):
                self._end_frame()
            position = end
        body = bytes(self._heard.body)
        self._heard.body.clear()
        return body, received[position:]

    def _end_frame(self) -> None:
        frame = bytes(self._frame)
        self._frame.clear()
        if self.is_whole:
            return
        if not _CHUNK_SIZE.fullmatch(frame):
            raise HTTPInputError("a chunk has an extension, or the body a trailer")
        size = int(frame, 16)
        self._data_bytes = size + 2 if size else 0
        self._excess_bytes += len(frame) + 2 - size
        if self._excess_bytes > MOST_EXCESS_BYTES:
            raise TinyChunks("the chunks are too small; send fewer and larger ones")


def _feed(parser: HttpRequestParser, piece: bytes) -> None:
    try:
        parser.feed_data(piece)
    except HttpParserUpgrade:
        pass  # the head has been read, and nobody is upgraded here
    except HttpParserError as error:
        raise HTTPInputError(str(error)) from error
