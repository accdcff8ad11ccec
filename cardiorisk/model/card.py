"""The model card: what the saved network is, how to tell that it is the one, what training saw."""

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.figures import Count, Member, NetworkFigures, Share, ThresholdChoice
from cardiorisk.patients.patient import FIELD_NAMES, FIELDS, accepted_number
from cardiorisk.patients.words import Said, notice

CARD_FILE = "card.json"
KERAS_FILE = "cardiorisk.keras"
LITERT_FILE = "cardiorisk.tflite"

ROUNDING = 1e-6  # what a value may be beyond what training saw; float32 is off by less

LARGEST_SEED = 2**32 - 1
LONGEST_FILE_NAME = 100


def _accepted(row: "Row") -> "Row":
    for field, value in zip(FIELDS, row, strict=True):
        if accepted_number(field, value) is None:
            raise ValueError(f"{field.wire_name} must be {field.accepted}")
    return row


Row = Annotated[tuple[float, float, float, float, float, float], AfterValidator(_accepted)]
"""One input row, in ``FIELDS`` order and units, as a caller might send it."""

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["97226f6b" * 8])]
_Name = Annotated[Literal[FIELD_NAMES], Field(description="The field's wire name")]  # type: ignore[valid-type]  # made of FIELDS

LEAST_TOLD, MOST_TOLD = 1e-20, 1 - 2.0**-24
"""Nothing is ever told as impossible or certain; nearer to 1 float32 does not go."""

PLAIN_DECIMALS, DECIMALS_NEAR_1 = 6, 8  # the two engines may differ in the fifth already
NEAR_0, NEAR_1 = 1e-4, 1 - 1e-5  # there, 6 decimals are fewer than 3 digits, or might give a 1
_SCALES = np.array([10.0**decimals for decimals in range(23)])
_SMALLEST_IN_WORDS = 1e-6


def told(probability: float, threshold: float) -> float:
    """Return the probability as answers give it: 6 decimals, and near 0 three significant digits.

    It is never 0 nor 1, and never on the other side of the threshold than it was.
    """
    exact = min(max(probability, LEAST_TOLD), MOST_TOLD)
    decimals = PLAIN_DECIMALS if exact <= NEAR_1 else DECIMALS_NEAR_1
    if exact < NEAR_0:
        decimals = 2 - math.floor(math.log10(exact))
    scale = 10.0**decimals
    short = round(exact * scale) / scale
    return short if (short >= threshold) == (probability >= threshold) else probability


def all_told(probabilities: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
    """Return what ``told`` gives for each, shape (n,)."""
    exact = np.clip(probabilities.astype(np.float64), LEAST_TOLD, MOST_TOLD)
    decimals = np.where(exact > NEAR_1, DECIMALS_NEAR_1, PLAIN_DECIMALS)
    near_0 = exact < NEAR_0
    decimals[near_0] = 2 - np.floor(np.log10(exact[near_0])).astype(int)
    scale = _SCALES[decimals]
    short = np.rint(exact * scale) / scale
    return np.where((short >= threshold) == (exact >= threshold), short, exact)


def in_words(probability: float, decimals: int = 2) -> str:
    """Write a probability in some decimals, or in as many as it takes not to be 0 or 1."""
    distance = min(probability, 1 - probability)
    if distance < _SMALLEST_IN_WORDS:
        return "< 0.000001" if probability < _SMALLEST_IN_WORDS else "> 0.999999"
    return f"{probability:.{max(decimals, math.ceil(-math.log10(distance)))}f}"


class Condition(Member):
    """That a value is above a bound; of a flag above 0, that it is yes."""

    field: _Name
    above: float = Field(description="The bound")


Rule = tuple[tuple[Condition, ...], ...]
"""Clauses, any of which is a risk; of a clause, all conditions must hold."""


class GoldenRow(Member):
    """One input row and the probability it must give."""

    values: Row = Field(description="The row, in ``field_order``")
    probability: Share = Field(description="What the network gives it")


class Profile(Member):
    """How the training rows were spread."""

    edges: tuple[float, ...] = Field(description="Rising; a value on one is in the bin below it")
    counts: tuple[Count, ...] = Field(description="Rows in each bin, one more than the edges")

    @model_validator(mode="after")
    def _check_bins(self) -> Self:
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges must rise")
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("counts must be one more than edges")
        return self

    def bin_of(self, value: float) -> int:
        return bisect_left(self.edges, value)


class FieldProfile(Profile):
    """One field as training saw it."""

    field: _Name
    lowest: float = Field(description="The least value")
    highest: float = Field(description="The largest value")

    @model_validator(mode="after")
    def _check_extremes(self) -> Self:
        field = FIELDS[FIELD_NAMES.index(self.field)]
        if not field.minimum <= self.lowest <= self.highest <= field.maximum:
            raise ValueError(f"lowest and highest must lie within {field.accepted}")
        return self


class Card(Member):
    """What ``card.json`` holds; what the API shows of it has no background."""

    version: str = Field(
        description="The network's name, made from a hash of its weights",
        examples=["14-7-1-7c7cfe6f"],
        pattern=r"^[0-9]{1,4}(-[0-9]{1,4}){1,9}-[0-9a-f]{8}$",
    )
    field_order: tuple[str, ...] = Field(description="Wire names of the input columns")
    threshold: float = Field(
        description='The probability from which the answer is "at risk"', gt=0, lt=1, examples=[0.5]
    )
    threshold_choice: ThresholdChoice = Field(description="Why that one")
    seed: int = Field(description="Of the data, the split and the weights", ge=0, le=LARGEST_SEED)
    epochs: int = Field(description="Passes over the training rows", gt=0)
    data_sha256: _Hash = Field(description="Hash of the whole table, row number left out")
    data_file: str | None = Field(
        description="Name of its file; null where its patients were made by the seed and the rule",
        examples=[None],
        min_length=1,
        max_length=LONGEST_FILE_NAME,
        pattern=r"^[^\x00-\x1f\x7f/\\\\]+$",
    )
    data_rows: int = Field(description="Rows of that table, the held-out ones among them", gt=0)
    data_copies: Count = Field(description="Rows of it that repeat another's six values")
    weight_decay: float = Field(
        description="L2 penalty on the weights, chosen by validation; 0 is none", ge=0, le=1
    )
    rule: Rule | None = Field(
        description="The course's rule, if the rows follow it: whoever meets all of one list"
    )
    metrics: NetworkFigures = Field(description="What the saved files were measured at")
    libraries: dict[str, str] = Field(description="Versions of what trained it")
    files: dict[str, _Hash] = Field(description="SHA-256 of each network file, by file name")
    golden_rows: tuple[GoldenRow, ...] = Field(description="Rows and answers", min_length=1)
    training_fields: tuple[FieldProfile, ...] = Field(description="Each as training saw it")
    training_scores: Profile = Field(description="The probabilities of the training rows")
    # Training rows that stand for "anybody"; an explanation runs 64 rows for each, in one call.
    background: SkipJsonSchema[tuple[Row, ...]] = Field(min_length=1, max_length=1_024)

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        names = ", ".join(FIELD_NAMES)
        most = self.data_rows - self.metrics.held_out.rows
        learnt = sum(self.training_scores.counts)
        uneven = [seen.field for seen in self.training_fields if sum(seen.counts) != learnt]
        if self.field_order != FIELD_NAMES:
            raise ValueError(f"field_order: this version reads {names}: train it again")
        if set(self.files) != {KERAS_FILE, LITERT_FILE}:
            raise ValueError(f"files: must name {KERAS_FILE} and {LITERT_FILE}")
        if tuple(seen.field for seen in self.training_fields) != FIELD_NAMES:
            raise ValueError(f"training_fields: must be {names}, in this order")
        if not 0 < learnt <= most:
            raise ValueError(
                f"training_scores: counts add up to {learnt:,}, and data_rows without the held-out "
                f"rows to {most:,}"
            )
        if not (self.data_file or "").isprintable():
            raise ValueError("data_file: must be printable")
        if self.data_copies >= self.data_rows:
            raise ValueError(f"data_copies: must be less than data_rows, {self.data_rows:,}")
        if uneven:
            fields = ", ".join(uneven)
            raise ValueError(
                f"training_fields: counts of {fields} do not add up to training_scores' {learnt:,}"
            )
        return self

    @cached_property
    def notice(self) -> Said:
        return notice(self.data_rows, self.data_file)

    def clauses(self, values: Sequence[float]) -> tuple[tuple[tuple[Condition, bool], ...], ...]:
        """Tell of each condition of the rule, if there is one, whether a row meets it."""
        by_field = dict(zip(FIELD_NAMES, values, strict=True))
        return tuple(
            tuple((each, by_field[each.field] > each.above) for each in clause)
            for clause in self.rule or ()
        )

    def outside_training(self, values: Sequence[float]) -> tuple[str, ...]:
        """Return the wire names of the fields whose value lies beyond what training saw."""
        seen = zip(self.seen, values, strict=True)
        return tuple([field for (field, low, high), value in seen if not low <= value <= high])

    @cached_property
    def seen(self) -> tuple[tuple[str, float, float], ...]:
        """Each field's name and the bounds of what training saw, rounding allowed for."""
        return tuple(
            (seen.field, seen.lowest - ROUNDING, seen.highest + ROUNDING)
            for seen in self.training_fields
        )


def load_card(directory: Path) -> Card:
    """Read the card of the artefact in ``directory``."""
    path = directory / CARD_FILE
    try:
        return Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UnusableArtefact(
            f"cannot read the model card {path}: {error.strerror}; "
            "`python train.py --output DIR` makes a network in DIR"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        said = ": ".join(filter(None, (place, reason)))
        raise UnusableArtefact(f"{path} is not a model card: {said}") from error


def save_card(card: Card, directory: Path) -> None:
    """Write the card into ``directory``, each list of numbers in one line."""
    numbers = re.compile(r"\[\s*([-+.,eE0-9\s]+?)\s*\]")
    text = card.model_dump_json(indent=2)
    text = numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    (directory / CARD_FILE).write_text(text + "\n", encoding="utf-8")
