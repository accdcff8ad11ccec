"""The evaluation report's pictures: ROC, reliability, confusion and where the errors are.

They draw what they are given and measure nothing but the surface of the error map, for which the
network is asked about values between the grid's steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.data import EDGE_GAPS
from cardiorisk.training.figures import CALIBRATION_BINS, calibration_bins
from cardiorisk.training.plots import DOTS_PER_INCH, new_plot

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cardiorisk.training.evaluation import Answers
    from cardiorisk.training.figures import Answered

ROC_PLOT = "roc.png"
RELIABILITY_PLOT = "calibracion.png"
CONFUSION_PLOT = "confusion.png"
ERROR_MAP_PLOT = "errores.png"

_BLUE, _ORANGE, _GREY, _YELLOW = "#1f5a94", "#d9722b", "#8a8a8a", "#f2d24b"
_SURFACE_POINTS = 240
_LARGEST_MARK = 45.0
_HEALTHY = np.array([1.8, 1.2, 0.8, 30, 0, 0], np.float32)
"""Far inside "not at risk" in every field: what a map leaves fixed."""

_MAPS = ((3, 2), (0, 1))
"""Columns of the two maps: age and sugar, cholesterol and pressure."""

_AXIS_NAMES = (
    "colesterol (g/L)",
    "presión (100 mmHg)",
    "azúcar (g/L)",
    "edad (años)",
)


def plot_roc(models: dict[str, Answered], path: Path) -> None:
    """Draw the ROC curves of models that answered about the same rows."""
    figure, axes = new_plot(
        "Curva ROC, filas reservadas", "falsos positivos (%)", "verdaderos positivos (%)"
    )
    styles = ((_BLUE, 4.0, "-"), (_GREY, 1.0, "-"), (_ORANGE, 1.6, "-"), (_YELLOW, 1.6, "--"))
    for (name, answered), (color, width, line) in zip(models.items(), styles, strict=False):
        false_positives, true_positives, _ = roc_curve(
            answered.cohort.at_risk, answered.probabilities
        )
        axes.plot(
            100 * false_positives,
            100 * true_positives,
            label=name,
            color=color,
            linewidth=width,
            linestyle=line,
        )
    axes.legend(loc="lower right")
    figure.savefig(path)


def plot_reliability(parts: dict[str, Answered], path: Path) -> None:
    """Draw what was said against what was so, and how many answers each point stands for."""
    figure = Figure(figsize=(8.0, 5.5), dpi=DOTS_PER_INCH, layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 1.4), sharex=True)
    above.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfecta")
    width = 0.8 / (CALIBRATION_BINS * len(parts))
    centres = (np.arange(CALIBRATION_BINS) + 0.5) / CALIBRATION_BINS
    styles = ((_BLUE, "o", 150), (_ORANGE, "s", 30))  # the second inside the first, both seen
    for number, ((name, answered), (color, marker, size)) in enumerate(
        zip(parts.items(), styles, strict=False)
    ):
        bins = [each for each in calibration_bins(answered) if each.rows]
        said, so = [b.mean_probability for b in bins], [b.share_at_risk for b in bins]
        above.scatter(said, so, color=color, marker=marker, s=size, label=name, zorder=3)
        counts = [each.rows for each in calibration_bins(answered)]
        offset = (number - (len(parts) - 1) / 2) * width
        below.bar(centres + offset, counts, width=width, color=color)
    above.set_title("Calibración: lo que dijo y lo que pasó")
    above.set_ylabel("parte en riesgo")
    above.legend(loc="lower right")
    above.grid(visible=True, alpha=0.3)
    below.set_yscale("log")
    below.set_ylim(bottom=0.5)
    below.set_ylabel("respuestas")
    below.set_xlabel("probabilidad dicha")
    below.grid(visible=True, axis="y", alpha=0.3)
    figure.savefig(path)


def plot_confusion(counts: NDArray[np.int64], path: Path) -> None:
    """Draw a confusion matrix, shape (2, 2): rows are the truth, columns the answer."""
    figure = Figure(figsize=(5.0, 4.2), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.4 * max(1, int(counts.max())))
    for truth in range(2):
        for answer in range(2):
            axes.text(answer, truth, f"{counts[truth, answer]:,}", ha="center", va="center")
    axes.set_xticks([0, 1], ["sin riesgo", "en riesgo"])
    axes.set_yticks([0, 1], ["sin riesgo", "en riesgo"], rotation=90, va="center")
    axes.set_xlabel("respuesta")
    axes.set_ylabel("verdad")
    axes.set_title("Matriz de confusión, filas reservadas")
    figure.savefig(path)


def plot_error_map(
    answers: Answers, wrong: NDArray[np.float32], threshold: float, path: Path
) -> None:
    """Draw the network's surface between the grid's steps, and the wrong cells over it.

    Args:
        answers: the saved network.
        wrong: the grid's wrong cells, float32, shape (n, 6).
        threshold: where the surface changes its answer.
        path: of the picture.
    """
    figure = Figure(figsize=(11.0, 5.0), dpi=DOTS_PER_INCH, layout="constrained")
    for axes, (across, up) in zip(figure.subplots(1, 2), _MAPS, strict=True):
        _draw_surface(axes, answers, (across, up), threshold)
        if len(wrong):
            places, counts = np.unique(wrong[:, [across, up]], axis=0, return_counts=True)
            axes.scatter(
                *places.T, s=_LARGEST_MARK * counts / counts.max(), color="black", zorder=4
            )
        axes.set_xlabel(_AXIS_NAMES[across])
        axes.set_ylabel(_AXIS_NAMES[up])
    figure.suptitle(
        f"Probabilidad entre los pasos de la grilla; celdas erradas: {len(wrong):,}\n"
        "gris: entre los dos pasos donde cambia la regla; línea: donde cambia la red\n"
        "puntos: celdas erradas, proyectadas; mayores donde hay más",
        fontsize=11,
    )
    figure.savefig(path)


def _draw_surface(axes: Axes, answers: Answers, columns: tuple[int, int], threshold: float) -> None:
    """Colour one plane of the input space, the other four fields healthy."""
    across, up = columns
    axes_values = [
        np.linspace(FIELDS[column].minimum, FIELDS[column].maximum, _SURFACE_POINTS)
        for column in columns
    ]
    horizontal, vertical = np.meshgrid(*axes_values)
    rows = np.tile(_HEALTHY, (horizontal.size, 1))
    rows[:, across], rows[:, up] = horizontal.ravel(), vertical.ravel()
    surface = answers(rows).reshape(horizontal.shape)
    axes.pcolormesh(
        horizontal, vertical, surface, cmap="RdBu_r", vmin=-0.25, vmax=1.25, shading="auto"
    )
    axes.axvspan(*EDGE_GAPS[across], color=_GREY, alpha=0.35, linewidth=0)
    axes.axhspan(*EDGE_GAPS[up], color=_GREY, alpha=0.35, linewidth=0)
    axes.contour(horizontal, vertical, surface, levels=[threshold], colors="black", linewidths=1.4)
