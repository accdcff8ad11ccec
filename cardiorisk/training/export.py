"""The artefact: the network's two files and their card, written whole or not at all.

The files' hashes differ from run to run, because Keras writes the date into its own; the version
depends on the weights alone.
"""

import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import (
    CARD_FILE,
    KERAS_FILE,
    LITERT_FILE,
    Card,
    FieldProfile,
    GoldenRow,
    Profile,
    Row,
    load_card,
    save_card,
)
from cardiorisk.model.engines import KerasEngine
from cardiorisk.model.figures import EngineFigures, NetworkFigures
from cardiorisk.patients.patient import FIELD_NAMES
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import RULE, Cohort, Split, draw_background
from cardiorisk.training.evaluation import (
    EVEN_THRESHOLD,
    Evaluation,
    chance_of,
    choose_threshold,
    evaluate,
    measure_ages,
    measure_bands,
    measure_benefit,
    measure_rows,
)
from cardiorisk.training.network import Trained
from cardiorisk.training.recipe import LAYER_UNITS, Recipe

LARGEST_DIFFERENCE = 1e-4
"""How far apart the engines' probabilities may lie anywhere on the grid."""

PROFILE_BINS = 10
"""Bins of a field, of about equal counts; a field of fewer values has fewer."""

GOLDEN_VALUES: tuple[Row, ...] = (
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
        evaluation = replace(
            evaluate(trained.split, keras_path, litert_path), validation=trained.unseen
        )
        # Written this way round, NaN fails too.
        if not evaluation.largest_difference <= LARGEST_DIFFERENCE:
            raise UnusableArtefact(
                f"the engines differ by {evaluation.largest_difference:g}, more than "
                f"{LARGEST_DIFFERENCE:g}; the network was not saved"
            )
        save_card(_card(trained, recipe, evaluation, staging), staging)
        card = load_card(staging)
        for name in (KERAS_FILE, LITERT_FILE, CARD_FILE):
            os.replace(staging / name, directory / name)  # noqa: PTH105 - says it overwrites
    return card, evaluation


def network_version(network: Any) -> str:
    """Return the network's name: its layers, and a hash of its weights and its scaling."""
    scaling = network.get_layer("scaling")
    arrays = [scaling.scale, scaling.offset, *network.get_weights()]
    content = b"".join(np.asarray(array, dtype="<f4").tobytes() for array in arrays)
    shape = "-".join(map(str, LAYER_UNITS))
    return f"{shape}-{sha256(content).hexdigest()[:8]}"


def _card(trained: Trained, recipe: Recipe, evaluation: Evaluation, directory: Path) -> Card:
    split = trained.split
    threshold, choice = choose_threshold(evaluation.validation)
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
        metrics=_metrics(split, evaluation, threshold, recipe.seed),
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
        golden_rows=_golden_rows(directory / KERAS_FILE),
        training_fields=tuple(profile_fields(split.training)),
        training_scores=profile_scores(evaluation.training.probabilities),
        background=_rows(draw_background(split.training, recipe.seed).values),
    )


def _metrics(split: Split, evaluation: Evaluation, threshold: float, seed: int) -> NetworkFigures:
    def engine(held_out: Answered, grid: Answered, between: Answered) -> EngineFigures:
        has_truth = evaluation.grid_has_truth
        return EngineFigures(
            held_out_accuracy=held_out.accuracy(threshold),
            grid_accuracy=grid.accuracy(threshold) if has_truth else None,
            grid_wrong_cells=int(grid.wrong(threshold).sum()) if has_truth else None,
            between_steps_accuracy=between.accuracy(threshold) if has_truth else None,
        )

    held_out = evaluation.held_out
    is_risk = bool(split.training.at_risk.mean() >= EVEN_THRESHOLD)
    differs = (held_out.probabilities >= threshold) != is_risk
    won = int((differs & ~held_out.wrong(threshold)).sum())
    return NetworkFigures(
        training_accuracy=evaluation.training.accuracy(threshold),
        training_loss=evaluation.training.log_loss(),
        validation_accuracy=evaluation.validation.accuracy(threshold),
        validation_loss=evaluation.validation.log_loss(),
        held_out=measure_rows(held_out, threshold, seed),
        by_age=measure_ages(held_out, threshold, seed),
        by_probability=measure_bands(held_out),
        decision_curve=measure_benefit(held_out, seed),
        commonest_accuracy=float((held_out.cohort.at_risk == is_risk).mean()),
        commonest_is_risk=is_risk,
        commonest_chance=chance_of(won, int(differs.sum()) - won),
        keras=engine(held_out, evaluation.grid, evaluation.between),
        litert=engine(
            evaluation.held_out_litert, evaluation.grid_litert, evaluation.between_litert
        ),
        engines_largest_difference=evaluation.largest_difference,
    )


def _golden_rows(keras_path: Path) -> tuple[GoldenRow, ...]:
    probabilities = KerasEngine(keras_path).probabilities(np.array(GOLDEN_VALUES, np.float32))
    return tuple(
        GoldenRow(values=values, probability=float(probability))
        for values, probability in zip(GOLDEN_VALUES, probabilities, strict=True)
    )


def _rows(values: NDArray[np.float32]) -> tuple[Row, ...]:
    """Write rows (float32, shape (n, 6)) in the fewest digits that give the same float32 back."""
    return tuple(tuple(float(str(value)) for value in row) for row in values)  # type: ignore[misc]  # six of them


def profile_fields(training: Cohort) -> Iterator[FieldProfile]:
    """Describe each field, in ``FIELDS`` order, with edges between two values and never on one."""
    tenths = np.arange(1, PROFILE_BINS) / PROFILE_BINS
    for name, column in zip(FIELD_NAMES, training.values.T, strict=True):
        values = np.array([float(str(value)) for value in np.unique(column)])
        deciles = np.quantile(column, tenths, method="inverted_cdf")
        below = np.searchsorted(np.unique(column), np.unique(deciles))
        below = below[below < len(values) - 1]
        edges = np.round((values[below] + values[below + 1]) / 2, 6).tolist()
        yield FieldProfile(
            field=name,
            lowest=float(values[0]),
            highest=float(values[-1]),
            edges=tuple(edges),
            counts=_counts(column, edges),
        )


def profile_scores(probabilities: NDArray[np.floating]) -> Profile:
    """Count probabilities in bins of equal width: nearly all lie in two heaps, at 0 and 1."""
    edges = [round(number / PROFILE_BINS, 1) for number in range(1, PROFILE_BINS)]
    return Profile(edges=tuple(edges), counts=_counts(probabilities, edges))


def _counts(values: NDArray[np.floating], edges: list[float]) -> tuple[int, ...]:
    bins = np.searchsorted(edges, values.astype(np.float64))  # as Profile.bin_of has it
    return tuple(np.bincount(bins, minlength=len(edges) + 1).tolist())
