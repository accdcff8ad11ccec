"""Loading a trained network only after checking that it is the one its card describes.

A wrong network answers as readily as a right one. So the hash of the file, the order of the fields
and a few golden rows are checked first. The rest of the card (threshold, version, ranges and
background) is believed.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from cardiorisk.config import EngineName
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import Card, load_card
from cardiorisk.model.engines import ENGINES, Engine
from cardiorisk.patients.patient import FIELD_NAMES

GOLDEN_TOLERANCE = 1e-4
"""Largest accepted difference of a golden row's probability: engines round differently."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A network that has proved itself: its card and the engine that runs it."""

    card: Card
    engine: Engine


def load_artefact(directory: Path, engine_name: EngineName) -> Artefact:
    """Load and check the network in ``directory``, and warm it by running the golden rows."""
    card = load_card(directory)
    if card.field_order != FIELD_NAMES:
        raise UnusableArtefact(
            f"the network in {directory} reads {', '.join(card.field_order)}; "
            f"this version reads {', '.join(FIELD_NAMES)}: train it again"
        )
    file_name, make_engine = ENGINES[engine_name]
    _check_hash(directory / file_name, card)
    engine = make_engine(directory / file_name)
    _check_golden_rows(engine, card, directory)
    return Artefact(card, engine)


def _check_hash(path: Path, card: Card) -> None:
    try:
        found = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnusableArtefact(f"cannot read the network {path}: {error.strerror}") from error
    if found != card.files.get(path.name):
        raise UnusableArtefact(
            f"{path} is not the file that its card describes (SHA-256 {found[:12]}…, "
            f"expected {card.files.get(path.name, 'none')[:12]}…): restore it or train again"
        )


def _check_golden_rows(engine: Engine, card: Card, directory: Path) -> None:
    rows = np.array([row.values for row in card.golden_rows], dtype=np.float32)  # (g, 6)
    expected = np.array([row.probability for row in card.golden_rows])  # (g,)
    try:
        difference = float(np.max(np.abs(engine.probabilities(rows) - expected)))
    except (ValueError, RuntimeError) as error:
        raise UnusableArtefact(
            f"the network in {directory} cannot run its golden rows: train it again"
        ) from error
    # Written so that a NaN, which compares false with everything, is refused too.
    if not difference <= GOLDEN_TOLERANCE:
        raise UnusableArtefact(
            f"the network in {directory} misses its golden rows by {difference:.2g} "
            f"(at most {GOLDEN_TOLERANCE:g} is accepted): train it again"
        )
