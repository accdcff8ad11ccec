"""Which columns of a file hold the patient, whatever they are called there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from types import MappingProxyType

from cardiorisk.errors import UnusableData
from cardiorisk.patients.names import find_meant, folded
from cardiorisk.patients.patient import FIELDS, RISK_COLUMN, Field

LABEL = Field("at_risk", RISK_COLUMN, RISK_COLUMN, "flag", 0, 1, "", "at risk", "en riesgo")
"""The outcome, in files to learn from."""

UNITS = MappingProxyType(
    {
        "g/L": {},
        "mg/dL": {"cholesterol": 100.0, "sugar": 100.0},
        "mmol/L": {"cholesterol": 1000 / 386.65, "sugar": 1000 / 180.156},
        "mmHg": {"systolic_pressure": 100.0},
    }
)
"""By unit, how much of it is one of the network's unit. Source: the molar masses of cholesterol,
386.65 g/mol, and glucose, 180.156 g/mol (PubChem 5997 and 5793)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, as far as its user says; the rest is found out.

    Attributes:
        columns: by a field's wire name, what its column is called in the file.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    units: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


def find_field(name: str) -> Field | None:
    """Return the field of that wire name or course name."""
    return next((each for each in (*FIELDS, LABEL) if folded(name) in _known(each)), None)


def _known(each: Field) -> set[str]:
    return {folded(each.wire_name), folded(each.course_name)}


def find_places(names: Sequence[str], fields: Sequence[Field], reading: Reading) -> list[list[int]]:
    """Return which columns each field could be in."""
    folds = [folded(name) for name in names]
    found = []
    for each in fields:
        theirs = reading.columns.get(each.wire_name)
        known = _known(each) if theirs is None else {folded(theirs)} - {""}
        exact = [place for place, name in enumerate(names) if theirs in {name, name.strip()}]
        found.append(exact or [place for place, fold in enumerate(folds) if fold in known])
    return found


def find_columns(names: Sequence[str], fields: Sequence[Field], reading: Reading) -> list[int]:
    """Return the place of each field's column.

    Raises:
        UnusableData: with all columns that are missing, or could be meant twice.
    """
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
