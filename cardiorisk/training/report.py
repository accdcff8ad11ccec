"""The report: what was measured, shown by Markdown templates and by pictures.

The sentences are in ``templates/NAME.LANGUAGE.md`` and the figures in ``Measured``; a template
formats what it shows. A page holds no date and no path, so the same weights give the same pages.

The pictures need no display and keep no global state: the figures are made without pyplot. The
words on them are Spanish, as the report's are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve
from tornado.template import Loader

from cardiorisk.model.card import in_words
from cardiorisk.model.figures import Figures
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.answered import CALIBRATION_BINS
from cardiorisk.training.data import EDGE_GAPS
from cardiorisk.training.evaluation import AGE_BANDS, RESAMPLES
from cardiorisk.training.study import measure_baselines, measure_sensitivity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cardiorisk.model.card import Card
    from cardiorisk.model.figures import Interval
    from cardiorisk.training.answered import Answered
    from cardiorisk.training.data import Cohort, Split
    from cardiorisk.training.evaluation import Answers, Evaluation
    from cardiorisk.training.network import Epoch
    from cardiorisk.training.study import Baseline, Coarseness, Study

PAGES = {
    "evaluation.md": "evaluation.es.md",
    "evaluation.en.md": "evaluation.en.md",
    "card.md": "card.en.md",
    "card.es.md": "card.es.md",
}
"""The pages of a report, and the template of each."""

SURPRISING = 0.05
"""Less than this is the chance of so many right answers more, or the network is called no better
than always giving the same answer."""

_TEMPLATES = Path(__file__).parent / "templates"
_TABLE_GAP = re.compile(r"(?<=\|)\n{2,}(?=\|)")
_WIDE_GAP = re.compile(r"\n{3,}")
_LEAST_IN_DIGITS = 0.001


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure that a page or a picture may show."""

    card: Card
    split: Split
    evaluation: Evaluation
    epochs: Sequence[Epoch]
    baselines: tuple[Baseline, ...]
    coarse: tuple[Coarseness, ...]  # empty where the grid has no truth
    study: Study | None  # where it was ever run


def measure(
    card: Card, evaluation: Evaluation, split: Split, epochs: Sequence[Epoch], study: Study | None
) -> Measured:
    """Add to a saved network's figures what other models and coarser inputs give."""
    grid: Cohort | None = None
    coarse: tuple[Coarseness, ...] = ()
    if evaluation.grid_has_truth:
        grid = evaluation.grid.cohort
        coarse = measure_sensitivity(evaluation.answers, card.threshold, card.seed)
    baselines = measure_baselines(split, grid, card.seed)
    return Measured(card, split, evaluation, epochs, baselines, coarse, study)


def write_report(measured: Measured, directory: Path) -> list[Path]:
    """Write the evaluation and the model card, each in Spanish and in English, and the pictures."""
    written = []
    for name, template in PAGES.items():
        written.append(directory / name)
        written[-1].write_text(render(template, measured), encoding="utf-8")
    for name, picture in _pictures(measured):
        written.append(directory / name)
        picture.savefig(written[-1])
    return written


def render(template: str, measured: Measured) -> str:
    """Fill a template; the lines of it that only steer leave no empty lines behind."""
    loader = Loader(str(_TEMPLATES), autoescape=None, whitespace="all")
    metrics = measured.card.metrics
    text = loader.load(template).generate(
        measured=measured,
        card=measured.card,
        figures=metrics.held_out,
        measures=measures,
        beats_commonest=metrics.commonest_chance < SURPRISING,
        data_file=(measured.card.data_file or "").replace("`", ""),
        fields=FIELDS,
        age_bands=AGE_BANDS,
        resamples=RESAMPLES,
        percent=percent,
        figure=figure,
        thousands="{:,}".format,
        in_words=in_words,
        json=json.dumps,
    )
    said = text.decode() if template.endswith(".md") else text.decode().replace("**", "")
    return _WIDE_GAP.sub("\n\n", _TABLE_GAP.sub("\n", said)).strip() + "\n"


def measures(figures: Figures) -> list[tuple[str, Interval | None]]:
    """Give each measure of some rows that has an interval, by its name."""
    measured = ((name, getattr(figures, name)) for name in Figures.model_fields)
    return [(name, value) for name, value in measured if not isinstance(value, int)]


def percent(share: float | None, decimals: int) -> str:
    return "" if share is None else f"{100 * share:.{decimals}f} %"


def figure(value: float) -> str:
    """Write a share near 1 in full, and a loss near 0 by its size."""
    return f"{value:.4f}" if abs(value) >= _LEAST_IN_DIGITS or value == 0 else f"{value:.1e}"


def _pictures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """Yield each picture under the name that the pages know it by."""
    evaluation, threshold = measured.evaluation, measured.card.threshold
    held_out, grid = evaluation.held_out, evaluation.grid
    yield "precision.png", draw_accuracy(measured.epochs)
    yield "perdida.png", draw_loss(measured.epochs)
    yield "confusion.png", draw_confusion(held_out.confusion(threshold))
    models = {"red 14-7-1": held_out} | {each.name: each.held_out for each in measured.baselines}
    yield "roc.png", draw_roc(models)
    parts = {"filas reservadas": held_out}
    if evaluation.grid_has_truth:
        parts["grilla completa"] = grid
    yield "calibracion.png", draw_reliability(parts)
    if evaluation.grid_has_truth:
        wrong = grid.cohort.values[grid.wrong(threshold)]
        yield "errores.png", draw_error_map(evaluation.answers, wrong, threshold)


_DOTS_PER_INCH = 110
_LEAST_LOSS_DRAWN = 1e-12  # a logarithmic scale has no place for 0
_BLUE, _ORANGE, _GREY, _YELLOW = "#1f5a94", "#d9722b", "#8a8a8a", "#f2d24b"
_HEALTHY = np.array([1.8, 1.2, 0.8, 30, 0, 0], np.float32)
"""Far inside "not at risk" in every field: what a map leaves fixed."""

_MAPS = ((3, 2), (0, 1))
"""Columns of the two maps: age and sugar, cholesterol and pressure."""

_AXIS_NAMES = ("colesterol (g/L)", "presión (100 mmHg)", "azúcar (g/L)", "edad (años)")


def draw_accuracy(epochs: Sequence[Epoch]) -> Figure:
    shares = [(each.training_accuracy, each.held_out_accuracy) for each in epochs]
    titles = "Precisión por época", "época", "precisión (% de aciertos)"
    return _draw_curves(titles, 100 * np.array(shares))


def draw_loss(epochs: Sequence[Epoch]) -> Figure:
    losses = [(each.training_loss, each.held_out_loss) for each in epochs]
    titles = "Pérdida por época", "época", "entropía cruzada binaria (escala logarítmica)"
    figure = _draw_curves(titles, np.maximum(losses, _LEAST_LOSS_DRAWN))
    figure.axes[0].set_yscale("log")
    figure.axes[0].legend(loc="upper right")
    return figure


def draw_roc(models: Mapping[str, Answered]) -> Figure:
    """Draw the ROC curves of models that answered about the same rows."""
    figure, axes = _new_plot(
        "Curva ROC, filas reservadas", "falsos positivos (%)", "verdaderos positivos (%)"
    )
    styles = ((_BLUE, 4.0, "-"), (_GREY, 1.0, "-"), (_ORANGE, 1.6, "-"), (_YELLOW, 1.6, "--"))
    for (name, answered), (color, width, line) in zip(models.items(), styles, strict=False):
        false, true, _ = roc_curve(answered.cohort.at_risk, answered.probabilities)
        axes.plot(100 * false, 100 * true, line, label=name, color=color, linewidth=width)
    axes.legend(loc="lower right")
    return figure


def draw_reliability(parts: Mapping[str, Answered]) -> Figure:
    """Draw what was said against what was so, and how many answers each point stands for."""
    figure = Figure(figsize=(8.0, 5.5), dpi=_DOTS_PER_INCH, layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 1.4), sharex=True)
    above.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfecta")
    width = 0.8 / (CALIBRATION_BINS * len(parts))
    centres = (np.arange(CALIBRATION_BINS) + 0.5) / CALIBRATION_BINS
    styles = ((_BLUE, "o", 150), (_ORANGE, "s", 30))  # the second inside the first, both seen
    for number, ((name, answered), (color, marker, size)) in enumerate(
        zip(parts.items(), styles, strict=False)
    ):
        bins = answered.calibration_bins()
        said = [each.mean_probability for each in bins if each.rows]
        so = [each.share_at_risk for each in bins if each.rows]
        above.scatter(said, so, color=color, marker=marker, s=size, label=name, zorder=3)
        offset = (number - (len(parts) - 1) / 2) * width
        below.bar(centres + offset, [each.rows for each in bins], width=width, color=color)
    above.set(title="Calibración: lo que dijo y lo que pasó", ylabel="parte en riesgo")
    above.legend(loc="lower right")
    above.grid(visible=True, alpha=0.3)
    below.set(yscale="log", xlabel="probabilidad dicha", ylabel="respuestas")
    below.set_ylim(bottom=0.5)
    below.grid(visible=True, axis="y", alpha=0.3)
    return figure


def draw_confusion(counts: NDArray[np.int64]) -> Figure:
    """Draw a confusion matrix, shape (2, 2): rows are the truth, columns the answer."""
    figure = Figure(figsize=(5.0, 4.2), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=1.4 * max(1, int(counts.max())))
    for truth, answer in np.ndindex(2, 2):
        axes.text(answer, truth, f"{counts[truth, answer]:,}", ha="center", va="center")
    axes.set_xticks([0, 1], ["sin riesgo", "en riesgo"])
    axes.set_yticks([0, 1], ["sin riesgo", "en riesgo"], rotation=90, va="center")
    axes.set(title="Matriz de confusión, filas reservadas", xlabel="respuesta", ylabel="verdad")
    return figure


def draw_error_map(answers: Answers, wrong: NDArray[np.float32], threshold: float) -> Figure:
    """Draw the network's surface, and over it the grid's wrong cells, float32, shape (n, 6)."""
    figure = Figure(figsize=(11.0, 5.0), dpi=_DOTS_PER_INCH, layout="constrained")
    for axes, (across, up) in zip(figure.subplots(1, 2), _MAPS, strict=True):
        _draw_surface(axes, answers, (across, up), threshold)
        if len(wrong):
            places, counts = np.unique(wrong[:, [across, up]], axis=0, return_counts=True)
            axes.scatter(*places.T, s=45 * counts / counts.max(), color="black", zorder=4)
        axes.set(xlabel=_AXIS_NAMES[across], ylabel=_AXIS_NAMES[up])
    figure.suptitle(
        f"Probabilidad entre los pasos de la grilla; celdas erradas: {len(wrong):,}\n"
        "gris: entre los dos pasos donde cambia la regla; línea: donde cambia la red\n"
        "puntos: celdas erradas, proyectadas; mayores donde hay más",
        fontsize=11,
    )
    return figure


def _new_plot(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.0, 4.5), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes


def _draw_curves(titles: tuple[str, str, str], values: NDArray[np.float64]) -> Figure:
    """Draw ``values``, shape (epochs, 2): of the rows learnt from, and of those held out."""
    figure, axes = _new_plot(*titles)
    numbers = range(1, len(values) + 1)
    axes.plot(numbers, values[:, 0], label="entrenamiento (72 %)", color=_BLUE, linewidth=1.6)
    axes.plot(numbers, values[:, 1], label="reservados (20 %)", color=_ORANGE, linewidth=1.2)
    axes.legend(loc="lower right")
    return figure


def _draw_surface(axes: Axes, answers: Answers, columns: tuple[int, int], threshold: float) -> None:
    """Colour one plane of the input space, the other four fields healthy."""
    across, up = columns
    horizontal, vertical = np.meshgrid(
        *(np.linspace(FIELDS[column].minimum, FIELDS[column].maximum, 240) for column in columns)
    )
    rows = np.tile(_HEALTHY, (horizontal.size, 1))
    rows[:, across], rows[:, up] = horizontal.ravel(), vertical.ravel()
    surface = answers(rows).reshape(horizontal.shape)
    axes.pcolormesh(
        horizontal, vertical, surface, cmap="RdBu_r", vmin=-0.25, vmax=1.25, shading="auto"
    )
    axes.axvspan(*EDGE_GAPS[across], color=_GREY, alpha=0.35, linewidth=0)
    axes.axhspan(*EDGE_GAPS[up], color=_GREY, alpha=0.35, linewidth=0)
    axes.contour(horizontal, vertical, surface, levels=[threshold], colors="black", linewidths=1.4)
