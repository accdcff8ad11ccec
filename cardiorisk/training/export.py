"""The artefact: the network's two files and their card, written whole or not at all."""

import os
import platform
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import CARD_FILE, KERAS_FILE, LITERT_FILE, Card, GoldenRow, save_card
from cardiorisk.model.engines import KerasEngine
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.training.data import RULE, draw_background, profile_fields, profile_scores, shortest
from cardiorisk.training.evaluation import Evaluation, choose_threshold, evaluate, measure_network
from cardiorisk.training.network import Trained
from cardiorisk.training.recipe import LAYER_UNITS, Recipe

LARGEST_DIFFERENCE = 1e-4  # between the engines' probabilities, anywhere on the grid

GOLDEN_VALUES = (
    # Each clause of the course's rule, one step inside its edge and one step outside.
    (1.8, 1.2, 1.1, 51, 0, 0),
    (1.8, 1.2, 1.1, 50, 0, 0),
    (1.8, 1.2, 1.0, 51, 0, 0),
    (1.8, 1.2, 0.9, 40, 1, 1),
    (1.8, 1.2, 0.9, 40, 1, 0),
    (1.8, 1.2, 0.9, 40, 0, 1),
    (2.1, 1.5, 0.8, 30, 0, 0),
    (2.0, 1.5, 0.8, 30, 0, 0),
    (2.1, 1.4, 0.8, 30, 0, 0),
    # Two and three clauses at once, and the ends of the ranges.
    (2.5, 1.6, 1.6, 70, 1, 1),
    (2.9, 1.7, 0.5, 20, 1, 1),
    (1.0, 0.6, 0.5, 0, 0, 0),
    (3.0, 1.8, 2.0, 99, 1, 1),
    (1.0, 1.8, 0.5, 99, 0, 1),
    # Ordinary people, between the grid's steps.
    (1.95, 1.25, 0.92, 34, 0, 0),
    (2.35, 1.55, 1.28, 63, 1, 0),
)
"""Rows, in ``FIELDS`` order and units, whose answers the card keeps."""


def write_artefact(trained: Trained, recipe: Recipe, directory: Path) -> tuple[Card, Evaluation]:
    """Save the network, check what was saved, and only then put it in the old one's place.

    Raises:
        UnusableArtefact: the two saved files do not answer alike; the old artefact stays.
        OSError: the directory cannot be written; the old artefact stays.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".new-", dir=directory) as staging_name:
        staging = Path(staging_name)
        keras_path, litert_path = staging / KERAS_FILE, staging / LITERT_FILE
        trained.network.save(keras_path)
        trained.network.export(litert_path, format="litert", verbose=False)
        evaluation = evaluate(trained.split, keras_path, litert_path)
        # Written this way round, NaN fails too.
        if not evaluation.largest_difference <= LARGEST_DIFFERENCE:
            raise UnusableArtefact(
                f"the engines differ by {evaluation.largest_difference:g}, more than "
                f"{LARGEST_DIFFERENCE:g}; the network was not saved"
            )
        card = _card(trained, recipe, evaluation, staging)
        save_card(card, staging)
        for name in (KERAS_FILE, LITERT_FILE, CARD_FILE):
            os.replace(staging / name, directory / name)  # noqa: PTH105 - says it overwrites
    return card, evaluation


def network_version(network: Any) -> str:
    """Return the network's name: its layers, and a hash of its weights and its scaling.

    Not of its file, into which Keras writes the date.
    """
    scaling = network.get_layer("scaling")
    arrays = [scaling.scale, scaling.offset, *network.get_weights()]
    content = b"".join(np.asarray(array, dtype="<f4").tobytes() for array in arrays)
    shape = "-".join(map(str, LAYER_UNITS))
    return f"{shape}-{sha256(content).hexdigest()[:8]}"


def _card(trained: Trained, recipe: Recipe, evaluation: Evaluation, directory: Path) -> Card:
    split = trained.split
    threshold, choice = choose_threshold(trained.unseen)
    engine = KerasEngine(directory / KERAS_FILE)
    golden = engine.probabilities(np.array(GOLDEN_VALUES, np.float32))
    return Card(
        version=network_version(trained.network),
        field_order=FIELD_NAMES,
        threshold=threshold,
        threshold_choice=choice,
        seed=recipe.seed,
        epochs=recipe.epochs,
        data_sha256=split.cohort.fingerprint(),
        data_file=split.cohort.file_name,
        data_rows=len(split.cohort),
        data_copies=split.cohort.copies,
        weight_decay=trained.weight_decay,
        rule=RULE if evaluation.grid_has_truth else None,
        metrics=measure_network(evaluation, trained.unseen, threshold, recipe.seed),
        libraries={
            "ai-edge-litert": version("ai-edge-litert"),
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
        },
        files={
            name: sha256((directory / name).read_bytes()).hexdigest()
            for name in (KERAS_FILE, LITERT_FILE)
        },
        golden_rows=tuple(
            GoldenRow(values=values, probability=probability)
            for values, probability in zip(GOLDEN_VALUES, golden.tolist(), strict=True)
        ),
        training_fields=tuple(profile_fields(split.training)),
        training_scores=profile_scores(evaluation.training.probabilities),
        background=shortest(draw_background(split.training, recipe.seed).values).tolist(),
    )
