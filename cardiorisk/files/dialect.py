"""How a CSV file is written: found out from its first lines, or as its user says."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from cardiorisk.errors import UnusableData
from cardiorisk.files.columns import Reading, find_columns, find_places
from cardiorisk.patients.patient import Field

SEPARATORS = ",;\t|"
_BEFORE_HEADER = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*(?:sep=(.)(?:\r\n|\r|\n))?")
"""Blank lines, and the line by which Excel is told the separator."""
_LINE_END = re.compile(r"\r*\n|\r")
_VALUE = re.compile(r"\s*[+-]?\d*[.,]?\d+\s*|\s*(?:true|false|s[ií]|no|)\s*", re.IGNORECASE)
_BINARY = re.compile(r"[\0-\x08\x0e-\x1a]")
_MOST_TITLES = 30
_FEWEST_NUMBERED = 3  # of which the third is no flag
_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "lone CR"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        before: what stands before the header, as it stands there.
        header: the header's text, line end included.
        names: its cells.
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
    if not known[separator]:
        _refuse_first_line(before + text, names, fields)
    sample = _sample(text[length:], separator)
    if _are_numbered(sample, len(names)):
        names = ["", *names]
    elif (
        separator == "," and sample and all("".join(row[len(names) :]).isdigit() for row in sample)
    ):
        raise UnusableData(
            "every row has more cells than the header: if commas are decimal marks as well, "
            "save it with ; between cells"
        )
    places = find_columns(names, fields, reading)
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
    try:
        return next(csv.reader(lines, delimiter=separator), []), lines.tell()
    except csv.Error:
        return [], 0


def _refuse_first_line(text: str, names: Sequence[str], fields: Sequence[Field]) -> None:
    """Say what is in the place of the header, where that is known."""
    if _BINARY.search(text[:4096]):
        raise UnusableData("this is no text (a binary file): give CSV or Parquet")
    if names and all(_VALUE.fullmatch(name) for name in names):
        ours = ",".join(each.course_name for each in fields)
        raise UnusableData(
            f"there is no header: the first line has values; write one above it, such as {ours}"
        )
    for number, line in enumerate(islice(StringIO(text, newline=""), _MOST_TITLES), 1):
        words = re.split(rf'["{SEPARATORS}]', line)
        if sum(map(bool, find_places(words, fields, Reading()))) > len(fields) / 2:
            raise UnusableData(f"the header is on line {number}, so delete the lines above it")


def _sample(text: str, separator: str) -> list[list[str]]:
    """Return the cells of the first rows."""
    sample: list[list[str]] = []
    with suppress(csv.Error):  # the rows before have told enough
        sample.extend(islice(csv.reader(StringIO(text, newline=""), delimiter=separator), 200))
    return [row for row in sample if row]


def _are_numbered(sample: Sequence[Sequence[str]], names: int) -> bool:
    """Tell whether the rows begin with their numbers, for which R writes no name."""
    firsts = [row[0] for row in sample if len(row) == names + 1]
    counted = [[str(at + first) for at in range(len(sample))] for first in (0, 1)]
    return len(firsts) >= _FEWEST_NUMBERED and firsts in counted and all(sample[0])


def _find_decimal(sample: Sequence[Sequence[str]], places: Sequence[int]) -> str:
    """Return which decimal mark more of the first numbers have."""
    cells = [row[place] for row in sample for place in places if place < len(row)]
    commas = sum("," in cell and "." not in cell for cell in cells)
    return "," if commas > sum("." in cell for cell in cells) else "."
