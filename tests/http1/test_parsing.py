"""Requests as llhttp reads them, and what it would take that is refused here."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, HTTPInputError

from cardiorisk.http1.parsing import MOST_FRAME_BYTES, ChunkReader, Head, read_head


def parse(*lines: str) -> Head:
    return read_head(("\r\n".join(lines) + "\r\n\r\n").encode("latin1"))


def read_chunks(*pieces: bytes) -> tuple[bytes, bytes | None]:
    """Return a body and what follows it, None where it goes on."""
    reader, body, unread = ChunkReader(), b"", b""
    for piece in pieces:
        assert not reader.is_whole
        unread += piece
        while unread and not reader.is_whole:
            part, unread = reader.read(unread)
            body += part
    return body, unread if reader.is_whole else None


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
    assume(line and b"\n" not in line)  # which Tornado would take for an end
    assume(name.lower() not in {b"content-length", b"transfer-encoding"})
    headers = HTTPHeaders()
    try:
        headers.parse_line(line.decode("latin1"))
    except HTTPInputError:
        with pytest.raises(HTTPInputError):
            read_head(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n")
    else:
        head = read_head(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n")
        assert list(head.headers.get_all()) == list(headers.get_all())


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://x:8888/service?a=1", "/service?a=1"),
        ("HTTPS://x", "/"),
        ("http://x?a=1", "/?a=1"),
        ("/http://x/a", "/http://x/a"),
        ("*", "*"),
        ("!", "!"),
    ],
)
def test_a_target_may_name_its_host_too(target: str, path: str) -> None:
    assert parse(f"GET {target} HTTP/1.1").start_line.path == path


@pytest.mark.parametrize("method", ["POST", "BREW", "PRI", "CONNECT"])
@pytest.mark.parametrize("upgrade", [(), ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")])
@pytest.mark.parametrize(
    ("framing", "body_bytes"),
    [("Content-Length: 15", 15), ("Transfer-Encoding: Chunked", None), ("Host: x", 0)],
)
def test_a_body_is_framed_by_its_headers_whatever_is_asked_for(
    method: str, upgrade: tuple[str, ...], framing: str, body_bytes: int | None
) -> None:
    head = parse(f"{method} / HTTP/1.1", *upgrade, framing)
    assert head.body_bytes == body_bytes
    assert head.keeps_alive


def test_a_header_sent_twice_keeps_both_values() -> None:
    head = parse("GET / HTTP/1.1", "Accept: a", "ACCEPT: b", "Accept: a", "Empty:", "Other: c")
    assert head.headers.get_list("Accept") == ["a", "b", "a"]
    assert (head.headers["Empty"], head.headers["Other"]) == ("", "c")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("GET /",),
        ("GET / HTTP/2.0",),
        ("GET /HTTP/1.1",),
        ("GET  / HTTP/1.1",),
        ("GET / HTTP/1.1", "no colon"),
        ("GET / HTTP/1.1", " folded: x"),
        ("GET / HTTP/1.1", "Folded: x", " y"),
        ("GET / HTTP/1.1", "Name : x"),
        ("GET / HTTP/1.1", "Name: a\nOther: b"),
        ("GET / HTTP/1.1", "Name: a\n"),
        ("GET / HTTP/1.1", "Name: a\rb"),
        ("GET / HTTP/1.1", "Name: a\x00"),
        ("GET / HTTP/1.1\nName: a",),
        ("POST / HTTP/1.0", "Transfer-Encoding: chunked"),
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
        ("Content-Length: 5, 5",),
        ("Content-Length: 5 5",),
        ("Content-Length: -1",),
        ("Content-Length: +1",),
        ("Content-Length: 0x1",),
        ("Content-Length: 1_0",),
        ("Content-Length: ٣".encode().decode("latin1"),),
        ("Content-Length: " + "9" * 21,),
        ("Content-Length: " + "0" * 20 + "5",),
        ("Content-Length:",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: ,chunked",),
        ("Transfer-Encoding: chunked,",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: \x0bchunked",),
        ("Transfer-Encoding: chunked\t",),
        ('Transfer-Encoding: chunked;q="1"',),
    ],
)
def test_a_body_whose_end_two_readers_could_see_elsewhere_is_refused(
    headers: tuple[str, ...],
) -> None:
    with pytest.raises(HTTPInputError):
        parse("POST / HTTP/1.1", "Host: x", *headers)


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


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(1, 12), min_size=1, max_size=30),
    st.binary(max_size=20),
)
@example([b"\r\n\r\n", b";0\r\n\r\n;"], [1], b"GET / HTTP/1.1\r\n")
@example([b"a" * 40], [200], b"\n")
def test_a_body_in_chunks_is_whole_again_however_it_was_cut(
    chunks: list[bytes], sizes: list[int], following: bytes
) -> None:
    sent = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    pieces, position = [], 0
    while position < len(sent):
        size = sizes[position % len(sizes)]
        pieces.append(sent[position : position + size])
        position += size
    pieces[-1] += following
    assert read_chunks(*pieces) == (b"".join(chunks), following)


def test_a_body_that_goes_on_has_nothing_behind_it() -> None:
    assert read_chunks(b"5\r\nabc") == (b"abc", None)
    assert read_chunks(b"000\r", b"\n\r", b"\nG") == (b"", b"G")


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n",
        b"g\r\n",
        b"0x1\r\na\r\n",
        b"-1\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"1\na\r\n",
        b"1;name=value\r\na\r\n",
        b"1;\r\n;\r\n",
        b"1\r\nab\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"1" * 17 + b"\r\n",
        b"0" * (MOST_FRAME_BYTES + 1),
    ],
)
def test_what_is_no_chunk_is_refused_however_it_is_cut(sent: bytes) -> None:
    for size in (1, len(sent)):
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        with pytest.raises(HTTPInputError):
            read_chunks(*pieces)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_line_ends_and_semicolons_in_a_chunk_are_the_body_s(size: int) -> None:
    data = b"\n\r\n;0\r\n\r\n" * 9
    sent = b"%x\r\n%b\r\n0\r\n\r\nGET" % (len(data), data)
    pieces = [sent[at : at + size] for at in range(0, len(sent) - 3, size)]
    assert read_chunks(*pieces)[0] == data


def test_a_trailer_that_does_not_end_is_refused_early() -> None:
    read_chunks(b"0\r\n", b"a" * (MOST_FRAME_BYTES))
    with pytest.raises(HTTPInputError):
        read_chunks(b"0\r\n", b"a" * (MOST_FRAME_BYTES + 1))
