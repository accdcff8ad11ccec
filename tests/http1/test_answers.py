"""The bytes of an answer, as RFC 9112 writes them."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders

from cardiorisk.http1.answers import write_chunk, write_head


def test_a_head_is_its_status_its_headers_and_an_empty_line() -> None:
    headers = HTTPHeaders({"Server": "x", "X-Name": "Año"})
    headers.add("Set-Cookie", "a=1")
    headers.add("Set-Cookie", "b=2")
    assert write_head(200, "OK", headers) == (
        b"HTTP/1.1 200 OK\r\nServer: x\r\nX-Name: A\xf1o\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "\r\n"])
def test_no_header_holds_a_second_one(value: str) -> None:
    headers = HTTPHeaders()
    headers["Name"] = value
    with pytest.raises(ValueError, match="the end of a line"):
        write_head(200, "OK", headers)


def test_a_chunk_is_framed_by_its_size_in_hexadecimal() -> None:
    assert write_chunk(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"


def test_nothing_is_no_chunk() -> None:
    assert write_chunk(b"") == b""
