"""The patient: six clinical values, their one table, and what is accepted for each of them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Literal

from cardiorisk.patients.json_object import REPEATED

Kind = Literal["number", "integer", "flag"]


@dataclass(frozen=True, slots=True)
class Field:
    """One clinical value; ``unit``, that of the bounds, is empty for a flag."""

    name: str  # of the attribute of ``Patient``
    wire_name: str
    course_name: str  # of the column in the course's files
    kind: Kind
    minimum: float
    maximum: float
    unit: str
    description: str
    spanish: str
    hint: str = ""  # how to convert from the unit that people usually have
    spanish_hint: str = ""
    spanish_unit: str = ""

    @property
    def accepted(self) -> str:
        if self.kind == "flag":
            return "0, 1, false or true"
        article = "an integer" if self.kind == "integer" else "a number"
        return f"{article} from {self.minimum:g} to {self.maximum:g} ({self.unit})"


# fmt: off
FIELDS: tuple[Field, ...] = (
    Field("cholesterol", "nivel_colesterol", "colesterol", "number", 1.0, 3.0, "g/L",
          "total cholesterol", "colesterol total",
          "200 mg/dL is 2.00 g/L", "200 mg/dL son 2.00 g/L"),
    Field("systolic_pressure", "presion_arterial", "presion", "number", 0.6, 1.8, "100 mmHg",
          "systolic blood pressure", "presión arterial sistólica",
          "120 mmHg is 1.20", "120 mmHg son 1.20"),
    Field("sugar", "azucar", "glucosa", "number", 0.5, 2.0, "g/L",
          "blood sugar", "azúcar en sangre",
          "100 mg/dL is 1.00 g/L", "100 mg/dL son 1.00 g/L"),
    Field("age", "edad", "edad", "integer", 0, 99, "years", "age", "edad", spanish_unit="años"),
    Field("overweight", "sobrepeso", "sobrepeso", "flag", 0, 1, "", "overweight", "sobrepeso"),
    Field("smoker", "tabaquismo", "tabaquismo", "flag", 0, 1, "", "smoker", "fumador"),
)
# fmt: on
"""The six inputs, in the order of the network's columns. Source: the assignment's ranges."""

FIELD_NAMES: tuple[str, ...] = tuple(field.wire_name for field in FIELDS)
EXAMPLE: Mapping[str, float | int] = MappingProxyType(
    dict(zip(FIELD_NAMES, (2.0, 1.2, 1.0, 40, 1, 0), strict=True))
)
"""A patient by wire name; the course's rule gives no risk. Source: the assignment's example."""
RISK_COLUMN = "riesgo_cardiaco"  # the label's, in the course's CSV files

_VALUES = attrgetter(*(field.name for field in FIELDS))
_BY_WIRE_NAME = {field.wire_name: field for field in FIELDS}
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# What a flag may be written as where everything is text; Python writes it large.
FLAG_WORDS = {"false": False, "true": True, "False": False, "True": True}


@dataclass(frozen=True, slots=True)
class Patient:
    """Six values inside their ranges; in ``FIELDS`` order."""

    cholesterol: float
    systolic_pressure: float
    sugar: float
    age: float
    overweight: float
    smoker: float

    @property
    def values(self) -> tuple[float, float, float, float, float, float]:
        """The network's input row, in ``FIELDS`` order and units."""
        values: tuple[float, float, float, float, float, float] = _VALUES(self)
        return values

    @property
    def members(self) -> dict[str, float | int]:
        """The values by wire name, as a caller may send them again: flags are 0 or 1."""
        return {
            field.wire_name: value if field.kind == "number" else int(value)
            for field, value in zip(FIELDS, self.values, strict=True)
        }


def query_values(arguments: Mapping[str, Sequence[bytes]]) -> dict[str, object]:
    """Read a query string's arguments as JSON would have them; what is no value stays text."""
    return {
        name: value_of(_BY_WIRE_NAME.get(name), texts[0].decode("utf-8", "replace"))
        if len(texts) == 1
        else REPEATED
        for name, texts in arguments.items()
    }


def value_of(field: Field | None, text: str) -> object:
    """Read a text as JSON would have it in its place; one that is no value of a field stays."""
    if field is None:
        return text
    if field.kind == "flag" and text in FLAG_WORDS:
        return FLAG_WORDS[text]
    number = find_json_number(text)
    return text if number is None else number


def find_json_number(text: str) -> float | None:
    return float(text) if _JSON_NUMBER.fullmatch(text) else None


def accepted_number(field: Field, value: object) -> float | None:
    """None where it cannot be accepted; NaN fails every range."""
    if isinstance(value, bool):
        return float(value) if field.kind == "flag" else None
    if not isinstance(value, (int, float)) or not field.minimum <= value <= field.maximum:
        return None
    if field.kind != "number" and value != math.floor(value):
        return None
    return value + 0.0  # not float(value), which would keep the sign of a negative zero
