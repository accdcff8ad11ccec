"""The model card: what the saved network is, and how a loader can tell that it is the one.

The card is the JSON file beside the network's files, written by the training. It also keeps what
training saw (ranges, histograms, background rows): answers are explained, warned about and watched
for drift without the training rows at hand.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cardiorisk.config import DEFAULT_MODEL_DIR
from cardiorisk.errors import UnusableArtefact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CARD_FILE = "card.json"
KERAS_FILE = "cardiorisk.keras"
LITERT_FILE = "cardiorisk.tflite"

_LIST_OF_NUMBERS = re.compile(r"\[[-+.,eE0-9\s]+\]")

ROUNDING = 1e-6
"""What a value may be off by and still be inside what training saw: float32 is off by less, and the
finest step of a field is 100,000 times as much."""

NOTICE = (
    "Modelo didáctico entrenado con datos sintéticos: no es un dispositivo médico "
    "y no sirve para diagnosticar ni para decidir un tratamiento."
)
"""What every answer says of the network, in the language of its readers."""

Row = tuple[float, float, float, float, float, float]
"""One input row, in ``FIELDS`` order and units."""


class _Member(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GoldenRow(_Member):
    """One input row and the probability it must give."""

    values: Row
    probability: float = Field(ge=0, le=1)


class Interval(_Member):
    """A figure and the bounds of its 95 % interval, by resampling the rows it was measured on.

    No width says that the rows were too few to see an error, not that there is none.
    """

    value: float
    low: float
    high: float


class HeldOutFigures(_Member):
    """What the saved Keras file answers on the rows that steered nothing.

    Attributes:
        accuracy: share of right answers at the card's threshold.
        auc: area under the ROC curve; None where all rows have the same outcome.
        log_loss: in nats.
        calibration_error: expected calibration error over ten bins of equal width.
    """

    rows: int = Field(gt=0)
    accuracy: Interval
    auc: Interval | None
    brier: Interval
    log_loss: Interval
    calibration_error: Interval


class EngineFigures(_Member):
    """How often one engine is right; the grid's two are None where the grid has no truth."""

    held_out_accuracy: float
    grid_accuracy: float | None
    grid_wrong_cells: int | None


class NetworkFigures(_Member):
    """Every figure of the network; accuracies and shares lie between 0 and 1."""

    training_accuracy: float
    training_loss: float
    validation_accuracy: float
    validation_loss: float
    held_out: HeldOutFigures
    keras: EngineFigures
    litert: EngineFigures
    engines_largest_difference: float


class ThresholdChoice(_Member):
    """Why the threshold is what it is.

    Attributes:
        lowest: the smallest threshold that makes as few mistakes on the validation rows.
        highest: the largest one of the same unbroken range.
        rows: validation rows.
    """

    lowest: float = Field(ge=0, le=1)
    highest: float = Field(ge=0, le=1)
    mistakes: int = Field(ge=0)
    rows: int = Field(gt=0)
    explanation: str


class Profile(_Member):
    """How the training rows were spread, in bins, to compare later traffic with.

    Attributes:
        edges: between the bins, rising; a value equal to an edge is in the bin below it.
        counts: training rows in each bin, one more than the edges.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...] = Field(min_length=1)

    def bin_of(self, value: float) -> int:
        """Return the position in ``counts`` of the bin that a value falls in."""
        return bisect_left(self.edges, value)


class FieldProfile(Profile):
    """One field as training saw it: its wire name, its extremes and its spread."""

    field: str
    lowest: float
    highest: float


class Card(_Member):
    """What ``card.json`` holds.

    Attributes:
        version: the network's name, made from a hash of its weights.
        field_order: wire names of the input columns.
        threshold: the probability from which the answer is "at risk".
        data_sha256: hash of the whole table, row number left out.
        data_rows: of that table, the validation and the held-out ones included.
        files: SHA-256 of each network file, by file name.
        golden_rows: rows with the outputs of the saved network.
        training_fields: each field as training saw it, in ``field_order``.
        training_scores: how the network's probabilities spread over the training rows.
        background: training rows that stand for "anybody" when an answer is explained.
    """

    version: str
    field_order: tuple[str, ...]
    threshold: float = Field(gt=0, lt=1)
    threshold_choice: ThresholdChoice
    seed: int
    epochs: int
    data_sha256: str
    data_rows: int
    metrics: NetworkFigures
    libraries: dict[str, str]
    files: dict[str, str]
    golden_rows: tuple[GoldenRow, ...] = Field(min_length=1)
    training_fields: tuple[FieldProfile, ...] = Field(min_length=1)
    training_scores: Profile
    background: tuple[Row, ...] = Field(min_length=1)

    def outside_training(self, values: Sequence[float]) -> tuple[str, ...]:
        """Return the wire names of the fields whose value lies beyond all that training saw.

        Each field is looked at alone; ``values`` are one input row, in ``field_order``.
        """
        seen = zip(self._seen, values, strict=True)
        return tuple([field for (field, low, high), value in seen if not low <= value <= high])

    @cached_property
    def _seen(self) -> tuple[tuple[str, float, float], ...]:
        """Each field's name and the bounds of what training saw, rounding allowed for."""
        return tuple(
            (seen.field, seen.lowest - ROUNDING, seen.highest + ROUNDING)
            for seen in self.training_fields
        )


def load_card(directory: Path) -> Card:
    """Read the card of the artefact in ``directory``.

    Raises:
        UnusableArtefact: there is none.
    """
    path = directory / CARD_FILE
    try:
        return Card.model_validate_json(path.read_bytes())
    except OSError as error:
        advice = "python train.py"
        if directory != DEFAULT_MODEL_DIR:
            advice += f" --output {quote(str(directory))}"
        raise UnusableArtefact(
            f"cannot read the model card {path}: {error.strerror}; run `{advice}`"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnusableArtefact(f"{path} is not a model card: {place}: {first['msg']}") from error


def save_card(card: Card, directory: Path) -> None:
    """Write the card into ``directory``, the last of the artefact's files to be written."""
    text = _LIST_OF_NUMBERS.sub(_on_one_line, card.model_dump_json(indent=2))
    (directory / CARD_FILE).write_text(text + "\n", encoding="utf-8")


def _on_one_line(numbers: re.Match[str]) -> str:
    """Close up a list: a row of numbers is read, and compared between versions, as one line."""
    return " ".join(numbers[0].split()).replace("[ ", "[").replace(" ]", "]")
