"""The model card: what the saved network is, and how a loader can tell that it is the one.

The card is the JSON file beside the network's files. It is written by the training and believed
by nobody: the predictor checks the hashes, the field order and the golden rows against it.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cardiorisk.config import DEFAULT_MODEL_DIR
from cardiorisk.errors import UnusableArtefact

if TYPE_CHECKING:
    from pathlib import Path

CARD_FILE = "card.json"
KERAS_FILE = "cardiorisk.keras"
LITERT_FILE = "cardiorisk.tflite"

NOTICE = (
    "Modelo didáctico entrenado con datos sintéticos: no es un dispositivo médico "
    "y no sirve para diagnosticar ni para decidir un tratamiento."
)
"""What every answer says of the network, in the language of its readers."""


class GoldenRow(BaseModel):
    """One input row, in ``FIELDS`` order and units, and the probability it must give."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    values: tuple[float, float, float, float, float, float]
    probability: float = Field(ge=0, le=1)


class Card(BaseModel):
    """What ``card.json`` holds.

    Attributes:
        version: the network's name, made from a hash of its weights.
        field_order: wire names of the input columns.
        threshold: the probability from which the answer is "at risk".
        seed: the seed of the data, the split and the weights.
        epochs: passes over the training rows.
        data_sha256: hash of the training table, row number left out.
        data_rows: rows of that table, training and held-out together.
        metrics: figures by name; accuracies and shares lie between 0 and 1.
        libraries: versions of what trained it.
        files: SHA-256 of each network file, by file name.
        golden_rows: rows with the outputs of the saved network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: str
    field_order: tuple[str, ...]
    threshold: float = Field(gt=0, lt=1)
    seed: int
    epochs: int
    data_sha256: str
    data_rows: int
    metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]
    golden_rows: tuple[GoldenRow, ...] = Field(min_length=1)


def load_card(directory: Path) -> Card:
    """Read the card of the artefact in ``directory``.

    Raises:
        UnusableArtefact: the file is missing or is not a card.
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
    (directory / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
