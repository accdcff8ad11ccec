"""Bodies in chunks: whole again, however they are cut, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPInputError

from cardiorisk.http1.chunks import ChunkDecoder


def chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(1, 12), min_size=1, max_size=30),
    st.binary(max_size=20),
)
def test_a_body_is_whole_again_however_it_was_cut(
    pieces: list[bytes], cuts: list[int], following: bytes
) -> None:
    sent = chunked(pieces)
    decoder, body, rest = ChunkDecoder(), b"", None
    position = 0
    while rest is None:
        size = cuts[position % len(cuts)]
        is_last = position + size >= len(sent)
        part, rest = decoder.decode(
            sent[position : position + size] + (following if is_last else b"")
        )
        body += part
        position += size
    assert (body, rest) == (b"".join(pieces), following)


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n",
        b"g\r\n",
        b"0x1\r\na\r\n",
        b"-1\r\n",
        b" 1\r\na\r\n",
        b"1;name=value\r\na\r\n",
        b"1\r\nab\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"1" * 64,
        b"1" * 17 + b"\r\n",
    ],
)
def test_what_is_no_chunk_is_refused(sent: bytes) -> None:
    with pytest.raises(HTTPInputError):
        ChunkDecoder().decode(sent)


def test_a_body_that_goes_on_has_nothing_behind_it() -> None:
    assert ChunkDecoder().decode(b"5\r\nabc") == (b"abc", None)
