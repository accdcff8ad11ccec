"""A CSV text is cut between rows, never inside one, and no row takes in another."""

import csv
import io
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import UnusableData
from cardiorisk.files.source import LONGEST_CELL_BYTES, Block, Blocks

Row = tuple[int, bytes, bool]


def rows_in(block: Block) -> list[re.Match[bytes]]:
    return [row for row in block.row.finditer(block.text) if row[0].strip(b"\r\n")]


def rows(
    text: bytes, size: int = 10_000, longest: int = LONGEST_CELL_BYTES, width: int = 0
) -> list[Row]:
    """Return each row's line, text and whether it is broken."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    blocks = Blocks(",", "\n", longest, width).cut(pieces, 2)
    return [
        (line, row[0].rstrip(b"\r\n"), bool(row["broken"]))
        for block in blocks
        for line, row in zip(block.lines.tolist(), rows_in(block), strict=True)
    ]


cells = st.text('ab,"\n é', max_size=4)


@given(st.lists(st.lists(cells, min_size=2, max_size=3), max_size=8), st.integers(1, 40))
def test_rows_that_are_quoted_right_come_as_they_are(table: list[list[str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    found = rows(text.getvalue().encode(), size)
    assert [next(csv.reader([row.decode()])) for _, row, _ in found] == table
    assert not any(broken for *_, broken in found)
    assert all(before[0] + before[1].count(b"\n") < after[0] for before, after in pairwise(found))


@given(st.text('aab,,"\n\r', max_size=60), st.integers(1, 20))
def test_where_a_text_is_cut_changes_nothing(text: str, size: int) -> None:
    for width in (0, 2, 3):
        assert rows(text.encode(), size, 12, width) == rows(text.encode(), 10_000, 12, width)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'1,"2\n3,4\n5,6', [(2, b'1,"2', True), (3, b"3,4", False), (4, b"5,6", False)]),
        (b'"1,2\n"3",4\n', [(2, b'"1,2', True), (3, b'"3",4', False)]),
        (b'"a\nb","c"d,4\n5,6\n', [(2, b'"a\nb","c"d,4', True), (4, b"5,6", False)]),
        (b'5\'11" a,2\n\n"x\ny",4\n5,6\n', [(2, b"5'11\" a,2", False), (4, b'"x\ny",4', False)]),
        (b"1,2\r\n\r\n3,4\r5,6\r\n", [(2, b"1,2", False), (4, b"3,4", False), (5, b"5,6", False)]),
        (b'"a""",2\n"""",4\n', [(2, b'"a""",2', False), (3, b'"""",4', False)]),
    ],
)
def test_a_mark_that_is_not_closed_ends_with_its_line(text: bytes, expected: list[Row]) -> None:
    assert rows(text)[: len(expected)] == expected


def test_a_mark_that_nobody_closes_does_not_fill_the_memory() -> None:
    text = b'"1,2\n' + b"3,4\n" * 600_000
    (first, broken), *others = [
        (row[1], row[2]) for row in rows(b"1,2\n" * 9 + text, 1_000_000)[9:]
    ]
    assert (first, broken, len(others)) == (b'"1,2', True, 600_000)


def test_a_row_without_an_end_is_refused_by_its_line() -> None:
    with pytest.raises(UnusableData, match="line 3 does not end in 16 MiB"):
        list(Blocks(",", "\n").cut([b"1,2\n", b"3," * 9_000_000], 2))
