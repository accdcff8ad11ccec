"""The evaluation report, ``evaluation.md`` and its pictures, in Spanish like the training's page.

It only writes down: every figure comes from the card, from the saved files' answers or from the
study. It holds no date and no path, so the same weights give the same report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.training import report_plots as pictures
from cardiorisk.training.baselines import measure_baselines
from cardiorisk.training.markdown import page, table
from cardiorisk.training.plots import ACCURACY_PLOT, LOSS_PLOT, write_plots
from cardiorisk.training.report_comparison import (
    comparison_section,
    seeds_section,
    sensitivity_section,
)
from cardiorisk.training.report_tables import (
    age_section,
    calibration_section,
    grid_section,
    held_out_section,
    opening_section,
    threshold_section,
)
from cardiorisk.training.sensitivity import measure_sensitivity
from cardiorisk.training.study import find_study

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from cardiorisk.training.baselines import Baseline
    from cardiorisk.training.data import Split
    from cardiorisk.training.evaluation import Answers
    from cardiorisk.training.export import Artefact
    from cardiorisk.training.network import Epoch

REPORT_FILE = "evaluation.md"


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything a report is written from.

    Attributes:
        artefact: the card and the saved files' answers.
        split: the rows behind them.
        epochs: the learning curve.
        answers: the saved network itself, for values nobody asked about yet.
    """

    artefact: Artefact
    split: Split
    epochs: Sequence[Epoch]
    answers: Answers


def write_report(measured: Measured, directory: Path) -> tuple[Path, ...]:
    """Write the report and its pictures into ``directory``; return their paths.

    Raises:
        UnusableData: the study in ``directory`` cannot be read.
    """
    study = find_study(directory)
    evaluation, card = measured.artefact.evaluation, measured.artefact.card
    has_truth = evaluation.grid_has_truth
    baselines = measure_baselines(
        measured.split, evaluation.grid.cohort if has_truth else None, card.seed
    )
    text = page(
        opening_section(card, measured.split),
        held_out_section(card),
        grid_section(evaluation, card) if has_truth else "",
        confusion_section(measured),
        threshold_section(card),
        calibration_section(evaluation),
        age_section(evaluation, card.threshold),
        _sensitivity(measured) if has_truth else "",
        comparison_section(card, baselines, study),
        "" if study is None else seeds_section(study),
        curves_section(),
    )
    curves = write_plots(measured.epochs, directory)
    report = directory / REPORT_FILE
    report.write_text(text + "\n", encoding="utf-8")
    return report, *curves, *_write_pictures(measured, baselines, directory)


def confusion_section(measured: Measured) -> str:
    """Show the confusion matrix and the ROC curve of the held-out rows."""
    (right_no, false_yes), (false_no, right_yes) = confusion(measured).tolist()
    return page(
        "## Matriz de confusión y curva ROC",
        table(
            ("filas reservadas", "respuesta: sin riesgo", "respuesta: en riesgo"),
            [
                ("**verdad: sin riesgo**", f"{right_no:,}", f"{false_yes:,}"),
                ("**verdad: en riesgo**", f"{false_no:,}", f"{right_yes:,}"),
            ],
        ),
        f"![Matriz de confusión]({pictures.CONFUSION_PLOT})",
        f"![Curva ROC]({pictures.ROC_PLOT})",
    )


def curves_section() -> str:
    """Show the learning curves."""
    return page(
        "## Curvas de aprendizaje",
        "De la candidata elegida, por época. Las filas reservadas se miden y no deciden nada.",
        f"![Precisión por época]({ACCURACY_PLOT})",
        f"![Pérdida por época]({LOSS_PLOT})",
    )


def _sensitivity(measured: Measured) -> str:
    card = measured.artefact.card
    return sensitivity_section(measure_sensitivity(measured.answers, card.threshold, card.seed))


def confusion(measured: Measured) -> NDArray[np.int64]:
    """Count the held-out rows, shape (2, 2): rows are the truth, columns the answer."""
    held_out = measured.artefact.evaluation.held_out
    answers = held_out.probabilities >= measured.artefact.card.threshold
    cells = 2 * held_out.cohort.at_risk.astype(np.int64) + answers
    return np.bincount(cells, minlength=4).reshape(2, 2)


def _write_pictures(
    measured: Measured, baselines: Sequence[Baseline], directory: Path
) -> list[Path]:
    evaluation, threshold = measured.artefact.evaluation, measured.artefact.card.threshold
    parts = {"filas reservadas": evaluation.held_out}
    wrong = evaluation.grid.cohort.values[:0]
    if evaluation.grid_has_truth:
        parts["grilla completa"] = evaluation.grid
        wrong = evaluation.grid.cohort.values[evaluation.grid.wrong(threshold)]
    models = {"red 14-7-1": evaluation.held_out} | {b.name: b.held_out for b in baselines}
    draw: dict[str, Callable[[Path], None]] = {
        pictures.CONFUSION_PLOT: lambda path: pictures.plot_confusion(confusion(measured), path),
        pictures.ROC_PLOT: lambda path: pictures.plot_roc(models, path),
        pictures.RELIABILITY_PLOT: lambda path: pictures.plot_reliability(parts, path),
    }
    if evaluation.grid_has_truth:
        draw[pictures.ERROR_MAP_PLOT] = lambda path: pictures.plot_error_map(
            measured.answers, wrong, threshold, path
        )
    for name, picture in draw.items():
        picture(directory / name)
    return [directory / name for name in draw]
