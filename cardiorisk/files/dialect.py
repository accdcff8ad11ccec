"""How a CSV file is written: found out from its first lines, or as its user says."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from cardiorisk.errors import UnusableData
from cardiorisk.files.blocks import LONGEST_ROW_BYTES
from cardiorisk.files.columns import Reading, find_columns, find_places
from cardiorisk.patients.patient import Field

csv.field_size_limit(LONGEST_ROW_BYTES)  # a longer row is refused by its line

SEPARATORS = ",;\t|"
_BEFORE_HEADER = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*(?:sep=(.)(?:\r\n|\r|\n))?")
"""Blank lines, and the line by which Excel is told the separator."""
_LINE_END = re.compile(r"\r*\n|\r")
_VALUE = re.compile(r"\s*[+-]?\d*[.,]?\d+\s*|\s*(?:true|false|s[ií]|no|)\s*", re.IGNORECASE)
_BINARY = re.compile(r"[\0-\x08\x0e-\x1a]")
_SAMPLE_ROWS = 200
_FEWEST_NUMBERED = 3  # of which the third is no flag
_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "lone CR"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        before: what stands before the header.
        header: the header's text, line end included; ``names`` are its cells.
        places: where each field's column is.
    """

    separator: str
    decimal: str
    line_end: str
    before: str
    header: str
    names: tuple[str, ...]
    places: tuple[int, ...]

    def __str__(self) -> str:
        ends = _LINE_ENDS[self.line_end]
        return f"separator {self.separator!r}, decimal {self.decimal!r}, line ends {ends}"


def sniff(text: str, fields: Sequence[Field], reading: Reading) -> Dialect:
    """Find out how a file is written from its first lines.

    The separator is the one by which the header has the most of the fields.

    Raises:
        UnusableData: no header, or not all of the fields in it.
    """
    start = _BEFORE_HEADER.match(text)
    before, told = (start[0], start[1]) if start else ("", None)
    text = text[len(before) :]
    tried: str = reading.separator or told or SEPARATORS
    headers = {separator: _header(text, separator) for separator in tried}
    known = {
        separator: sum(map(bool, find_places(names, fields, reading)))
        for separator, (names, _) in headers.items()
    }
    separator = max(tried, key=lambda each: (known[each], len(headers[each][0])))
    names, length = headers[separator]
    if not known[separator] and _BINARY.search(text[:4096]):
        raise UnusableData("this is no text (a binary file): give CSV or Parquet")
    if names and all(_VALUE.fullmatch(name) for name in names):
        raise UnusableData("there is no header: write one above the first line, which has values")
    lines = csv.reader(StringIO(text[length:], newline=""), delimiter=separator)
    sample = [row for row in islice(lines, _SAMPLE_ROWS) if row]
    firsts = [row[0] for row in sample if len(row) == len(names) + 1]
    if len(firsts) >= _FEWEST_NUMBERED and firsts == [str(at + 1) for at in range(len(sample))]:
        names = ["", *names]  # R writes no name for the rows' numbers
    places = find_columns(names, fields, reading)
    if sample and all("".join(row[len(names) :]).strip() for row in sample):
        raise UnusableData(
            "every row has more cells than the header: give every column a name; if commas are "
            "decimal marks as well, save it with ; between cells"
        )
    line_end = _LINE_END.search(text)
    end = line_end[0] if line_end else "\n"
    numbers = [place for each, place in zip(fields, places, strict=True) if each.kind == "number"]
    return Dialect(
        separator,
        reading.decimal or _find_decimal(sample, numbers),
        "\r\n" if end.endswith("\n") and len(end) > 1 else end,
        before,
        text[:length],
        tuple(names),
        tuple(places),
    )


def _header(text: str, separator: str) -> tuple[list[str], int]:
    """Return the cells of the first row, and where it ends."""
    lines = StringIO(text, newline="")
    return next(csv.reader(lines, delimiter=separator), []), lines.tell()


def _find_decimal(sample: Sequence[Sequence[str]], places: Sequence[int]) -> str:
    """Return which decimal mark more of the first numbers have."""
    cells = [row[place] for row in sample for place in places if place < len(row)]
    commas = sum("," in cell and "." not in cell for cell in cells)
    return "," if commas > sum("." in cell for cell in cells) else "."
