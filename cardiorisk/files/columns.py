"""Which columns of a file hold the patient, and how a CSV file is written."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from textwrap import shorten

from cardiorisk.errors import UnusableData
from cardiorisk.patients.names import find_meant, folded
from cardiorisk.patients.patient import FIELDS, RISK_COLUMN, Field

LONGEST_ROW_BYTES = 16 * 1024 * 1024
csv.field_size_limit(LONGEST_ROW_BYTES)

SEPARATORS = ",;\t|"
_BEFORE_HEADER = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*(?:sep=(.)(?:\r\n|\r|\n))?")
"""Blank lines, and the line by which Excel is told the separator."""
_LINE_END = re.compile(r"\r*\n|\r")
_VALUE = re.compile(r"\s*[+-]?\d*[.,]?\d+\s*|\s*(?:true|false|s[ií]|no|)\s*", re.IGNORECASE)
_BINARY = re.compile(r"[\0-\x08\x0e-\x1a]")
_SAMPLE_ROWS = 200
_FEWEST_NUMBERED = 3  # of which the third is no flag
_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "lone CR"}

LABEL = Field("at_risk", RISK_COLUMN, RISK_COLUMN, "flag", 0, 1, "", "at risk", "en riesgo")

UNITS: Mapping[str, Mapping[str, float]] = {
    "g/L": {},
    "mg/dL": {"cholesterol": 100.0, "sugar": 100.0},
    "mmol/L": {"cholesterol": 1000 / 386.65, "sugar": 1000 / 180.156},
    "mmHg": {"systolic_pressure": 100.0},
}
"""How much is one of the network's unit. Source: molar masses in g/mol, PubChem 5997 and 5793."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, as far as its user says; the rest is found out."""

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    units: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)  # theirs, by a field's wire name


def find_field(name: str) -> Field | None:
    return next((each for each in (*FIELDS, LABEL) if folded(name) in _known(each)), None)


def _known(each: Field) -> set[str]:
    return {folded(each.wire_name), folded(each.course_name)}


def find_places(names: Sequence[str], fields: Sequence[Field], reading: Reading) -> list[list[int]]:
    folds = [folded(name) for name in names]
    found = []
    for each in fields:
        theirs = reading.columns.get(each.wire_name)
        known = _known(each) if theirs is None else {folded(theirs)} - {""}
        exact = [place for place, name in enumerate(names) if theirs in {name, name.strip()}]
        found.append(exact or [place for place, fold in enumerate(folds) if fold in known])
    return found


def find_columns(names: Sequence[str], fields: Sequence[Field], reading: Reading) -> list[int]:
    found = find_places(names, fields, reading)
    used = [place for places in found for place in places]
    missing = [each for each, places in zip(fields, found, strict=True) if not places]
    faults = [_missing(missing, names, set(used), reading)] if missing else []
    for each, places in zip(fields, found, strict=True):
        if len(places) > 1:
            shown = " and ".join(repr(names[place]) for place in places)
            say = f"give one another name, or say which: --column {each.course_name}=THEIRS"
            faults.append(f"columns {shown} could be {each.course_name}: {say}")
    if not faults and len(set(used)) < len(used):
        twice = next(place for place in used if used.count(place) > 1)
        faults.append(f"column {names[twice]!r} cannot be two fields at once")
    if faults:
        raise UnusableData("; ".join(faults))
    return used


def _missing(
    missing: Sequence[Field], names: Sequence[str], used: set[int], reading: Reading
) -> str:
    said = [repr(reading.columns.get(each.wire_name, each.course_name)) for each in missing]
    ours = {each.wire_name: each.course_name for each in missing}
    meant = {find_meant(name, ours): name for at, name in enumerate(names) if at not in used}
    pairs = [f"{ours[known]}={name}" for known, name in meant.items() if known is not None]
    examples = [f"--column {pair!r}" for pair in pairs or [f"{missing[0].course_name}=THEIRS"]]
    shown = shorten(", ".join(names), 600, placeholder=" …")
    return (
        f"missing: {', '.join(said)}; the columns are: {shown}; "
        f"where they have other names, say so: {' '.join(examples)}"
    )


@dataclass(frozen=True, slots=True)
class Dialect:
    separator: str
    decimal: str
    line_end: str
    before: str  # what stands before the header
    header: str  # with its line end
    names: Sequence[str]

    def __str__(self) -> str:
        ends = _LINE_ENDS[self.line_end]
        return f"separator {self.separator!r}, decimal {self.decimal!r}, line ends {ends}"


def sniff(text: str, fields: Sequence[Field], reading: Reading) -> Dialect:
    """Find out how a file is written; its separator gives the header the most of the fields."""
    start = _BEFORE_HEADER.match(text)
    before, told = (start[0], start[1]) if start else ("", None)
    text = text[len(before) :]
    tried: str = reading.separator or told or SEPARATORS
    headers = {separator: _header(text, separator) for separator in tried}
    found = {each: find_places(headers[each][0], fields, reading) for each in tried}
    separator = max(tried, key=lambda each: (sum(map(bool, found[each])), len(headers[each][0])))
    names, length = headers[separator]
    if not any(found[separator]) and _BINARY.search(text[:4096]):
        raise UnusableData("this is no text (a binary file): give CSV or Parquet")
    if names and all(_VALUE.fullmatch(name) for name in names):
        raise UnusableData("there is no header: write one above the first line, which has values")
    lines = csv.reader(StringIO(text[length:], newline=""), delimiter=separator)
    sample = [row for row in islice(lines, _SAMPLE_ROWS) if row]
    firsts = [row[0] for row in sample if len(row) == len(names) + 1]
    if len(firsts) >= _FEWEST_NUMBERED and firsts == [str(at + 1) for at in range(len(sample))]:
        names = ["", *names]  # R writes no name for the rows' numbers
    places = find_columns(names, fields, reading)
    if separator == "," and sample and all("".join(row[len(names) :]).isdigit() for row in sample):
        raise UnusableData(
            "every row has more cells than the header: if commas are decimal marks as well, "
            "save it with ; between cells"
        )
    numbers = [place for each, place in zip(fields, places, strict=True) if each.kind == "number"]
    cells = [row[place] for row in sample for place in numbers if place < len(row)]
    commas = sum("," in cell and "." not in cell for cell in cells)
    decimal = "," if commas > sum("." in cell for cell in cells) else "."
    line_end = _LINE_END.search(text)
    end = line_end[0] if line_end else "\n"
    end = "\r\n" if end.endswith("\n") and len(end) > 1 else end
    return Dialect(separator, reading.decimal or decimal, end, before, text[:length], names)


def _header(text: str, separator: str) -> tuple[list[str], int]:
    lines = StringIO(text, newline="")
    return next(csv.reader(lines, delimiter=separator), []), lines.tell()
