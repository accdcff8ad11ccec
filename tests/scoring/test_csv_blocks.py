"""A CSV file is cut between rows, never inside one."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import UnusableData
from cardiorisk.scoring.csv_scoring import CsvBlocks, is_regular, read_rows, write_rows

cells = st.text('ab,"\n é', max_size=4)
tables = st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=8)


@given(tables, st.integers(1, 40))
def test_blocks_together_hold_the_rows_as_they_are(table: list[list[str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["h", "i"], *table])
    blocks = CsvBlocks(io.BytesIO(text.getvalue().encode()), size)
    assert blocks.names == ["h", "i"]
    assert [row.cells for block in blocks.blocks() for row in read_rows(block)] == table


class Pipe(io.BytesIO):
    """A source that gives as little at a time as a slow writer does."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(1 if size else 0)


def test_what_comes_in_small_pieces_is_gathered_into_blocks() -> None:
    blocks = CsvBlocks(Pipe(b"a,b\n1,2\n3,4\n5,6\n"), block_bytes=8)
    assert list(blocks.blocks()) == [b"1,2\n", b"3,4\n5,6\n"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_last_row_needs_no_line_end(end: str) -> None:
    source = io.BytesIO(f"a,b\r\n1,2\r\n3,4{end}".encode())
    assert b"".join(CsvBlocks(source).blocks()) == b"1,2\n3,4\n"


def test_byte_order_mark_is_no_part_of_the_first_name() -> None:
    blocks = CsvBlocks(io.BytesIO(b"\xef\xbb\xbfa,b\n"))
    assert (blocks.names, blocks.has_mark) == (["a", "b"], True)


@pytest.mark.parametrize(("text", "said"), [(b"", "no header"), (b"\xff,b\n", "UTF-8")])
def test_file_without_a_header_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(UnusableData, match=said):
        CsvBlocks(io.BytesIO(text))


@pytest.mark.parametrize("text", [b"a\r1\r\n2\r\n", b"a,b\r1,2\r3,4\r", b"a\r" * 9_000_000])
def test_rows_that_would_pass_for_header_are_refused(text: bytes) -> None:
    with pytest.raises(UnusableData, match="lone carriage returns"):
        CsvBlocks(io.BytesIO(text))


def test_a_header_may_end_in_two_carriage_returns() -> None:
    assert CsvBlocks(io.BytesIO(b"a,b\r\r\n1,2\r\r\n")).names == ["a", "b"]


def test_quotation_mark_that_is_not_closed_is_told_by_line_and_does_not_fill_the_memory() -> None:
    good = b"3,4\n" * 600_000  # more than a block
    blocks = CsvBlocks(io.BytesIO(b"a,b\n" + good + b'"1,2\n' + b"3,4\n" * 6_000_000))
    with pytest.raises(UnusableData, match=r"starts on line 600002 .* not closed"):
        list(blocks.blocks())


def test_a_cell_that_is_too_long_is_told_by_line() -> None:
    with pytest.raises(UnusableData, match=r"starts on line 8 .* not closed"):
        read_rows(b'1,2\n"3,4\n' + b"3,4\n" * 60_000, 7)


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        (b"1,2\n3,4\n", True),
        (b"1,2\n3\n", False),
        (b"1,2,3\n4\n", False),
        (b"1,2\n\n3,4\n", False),
        (b'1,"2"\n', False),
        (b"1,2\r3,4\n", False),
    ],
)
def test_block_is_regular_when_every_line_has_so_many_cells(block: bytes, answer: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_regular(block, 2) is answer


def test_rows_know_their_line_and_empty_lines_are_none() -> None:
    rows = read_rows(b'1,2\n\n"3\n3",4\n5,6\n')
    assert [(row.line, row.cells) for row in rows] == [
        (0, ["1", "2"]),
        (2, ["3\n3", "4"]),
        (4, ["5", "6"]),
    ]


def test_bytes_that_are_not_utf_8_survive() -> None:
    assert write_rows([row.cells for row in read_rows(b"Jos\xe9,1\n")]) == b"Jos\xe9,1\n"
