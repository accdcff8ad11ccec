"""The head of a request: what it says, and what is not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, HTTPInputError

from cardiorisk.http1.heads import (
    MOST_KNOWN_BYTES,
    MOST_KNOWN_LINES,
    Head,
    HeadParser,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def parse(*lines: str) -> Head:
    return HeadParser().parse("\r\n".join(lines).encode("latin1"))


def test_a_head_is_taken_apart() -> None:
    head = parse("POST /service?a=1 HTTP/1.1", "Host: x", "content-length:  12 ", "X-Name: Año")
    assert head.start_line == ("POST", "/service?a=1", "HTTP/1.1")
    assert dict(head.headers) == {"Host": "x", "Content-Length": "12", "X-Name": "Año"}
    assert head.body_bytes == 12


@given(st.binary(max_size=40), st.sampled_from([b"", b":", b": ", b":\t "]), st.binary(max_size=40))
@example(b"a", b":", b" \t ")
@example(b"a", b":", b"b \x7f")
@example(b"a", b":", b"\xff b\xa0 ")
@example(b"a ", b":", b"b")
def test_a_line_is_what_it_is_to_tornado(name: bytes, between: bytes, value: bytes) -> None:
    line = name + between + value

    def outcome(read: Callable[[], HTTPHeaders]) -> list[tuple[str, str]] | None:
        try:
            return sorted(read().get_all())
        except HTTPInputError:
            return None

    def theirs() -> HTTPHeaders:
        headers = HTTPHeaders()
        headers.parse_line(line.decode("latin1"))
        return headers

    assume(line and b"\n" not in line)  # which it would take for an end
    ours = outcome(lambda: HeadParser().parse(b"GET / HTTP/1.1\r\nEtag: x\r\n" + line).headers)
    expected = outcome(theirs)
    assert ours == (None if expected is None else sorted([*expected, ("Etag", "x")]))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://x:8888/service?a=1", "/service?a=1"),
        ("HTTPS://x", "/"),
        ("http://x?a=1", "/?a=1"),
        ("/http://x/a", "/http://x/a"),
        ("*", "*"),
    ],
)
def test_a_target_may_name_its_host_too(target: str, path: str) -> None:
    assert parse(f"GET {target} HTTP/1.1").start_line.path == path


def test_a_header_sent_twice_keeps_both_values() -> None:
    parser = HeadParser()
    for _ in range(2):
        head = parser.parse(b"GET / HTTP/1.1\r\nAccept: a\r\nAccept: b\r\nAccept: a")
        assert head.headers.get_list("Accept") == ["a", "b", "a"]


def test_what_one_request_changes_the_next_does_not_see() -> None:
    parser = HeadParser()
    head = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain"
    del parser.parse(head).headers["Content-Type"]
    assert parser.parse(head).headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /",),
        ("GET / HTTP/2.0",),
        ("GET  / HTTP/1.1",),
        ("GET / HTTP/1.1", "no colon"),
        ("GET / HTTP/1.1", ""),
        ("GET / HTTP/1.1", " folded: x"),
        ("GET / HTTP/1.1", "Name : x"),
        ("GET / HTTP/1.1", "Name: a\nOther: b"),
        ("GET / HTTP/1.1", "Name: a\n"),
        ("GET / HTTP/1.1", "Name: a\rb"),
        ("GET / HTTP/1.1", "Name: a\x00"),
    ],
)
def test_what_is_no_head_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(HTTPInputError):
        parse(*lines)


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: -1",),
        ("Content-Length: +1",),
        ("Content-Length: 1_0",),
        ("Content-Length: ٣".encode().decode("latin1"),),
        ("Content-Length: " + "9" * 21,),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: \x0bchunked",),
    ],
)
def test_a_body_whose_end_two_readers_could_see_elsewhere_is_refused(
    headers: tuple[str, ...],
) -> None:
    with pytest.raises(HTTPInputError):
        parse("POST / HTTP/1.1", "Host: x", *headers)


def test_chunks_are_not_known_to_http_1_0() -> None:
    with pytest.raises(HTTPInputError):
        parse("POST / HTTP/1.0", "Transfer-Encoding: chunked")


def test_a_body_in_chunks_has_no_length() -> None:
    assert parse("POST / HTTP/1.1", "Transfer-Encoding: Chunked").body_bytes is None


def test_without_a_word_of_a_body_there_is_none() -> None:
    assert parse("POST / HTTP/1.1", "Host: x").body_bytes == 0


@pytest.mark.parametrize(
    ("version", "connection", "keeps_alive"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "keep-alive", True),
        ("HTTP/1.1", "Close", False),
        ("HTTP/1.1", "upgrade, close", False),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "Keep-Alive", True),
    ],
)
def test_whether_another_request_may_follow(
    version: str,
    connection: str | None,
    keeps_alive: bool,  # noqa: FBT001 - a column of the table
) -> None:
    lines = [] if connection is None else [f"Connection: {connection}"]
    assert parse(f"GET / {version}", *lines).keeps_alive is keeps_alive


def test_who_asks_before_it_sends_its_body_is_heard() -> None:
    assert parse("POST / HTTP/1.1", "Expect: 100-Continue").expects_continue
    assert not parse("POST / HTTP/1.1").expects_continue
    assert not parse("POST / HTTP/1.0", "Expect: 100-continue").expects_continue


def test_few_and_short_lines_are_remembered() -> None:
    parser = HeadParser()
    long = f"Long: {'a' * MOST_KNOWN_BYTES}"
    for number in range(3 * MOST_KNOWN_LINES):
        parser.parse(f"GET /{number} HTTP/1.1\r\nName: {number}\r\n{long}".encode())
        assert len(parser._known) <= MOST_KNOWN_LINES
    assert all(len(line) <= MOST_KNOWN_BYTES for line in parser._known)


@pytest.mark.parametrize("name", ["authorization", "Cookie", "X-XSRFToken"])
def test_what_may_be_secret_is_not_remembered(name: str) -> None:
    parser = HeadParser()
    assert parser.parse(f"GET / HTTP/1.1\r\n{name}: secret".encode()).headers[name] == "secret"
    assert "secret" not in str(vars(parser))


def test_a_query_is_not_remembered() -> None:
    parser = HeadParser()
    head = parser.parse(b"GET /service?edad=40 HTTP/1.1")
    assert head.start_line.path == "/service?edad=40"
    assert "edad" not in str(vars(parser))


def test_an_empty_head_is_refused() -> None:
    with pytest.raises(HTTPInputError):
        HeadParser().parse(b"")


def test_a_line_that_was_refused_is_not_remembered() -> None:
    parser = HeadParser()
    for _ in range(2):
        with pytest.raises(HTTPInputError):
            parser.parse(b"GET / HTTP/1.1\r\nName: \x00")
