"""The report: what was measured, shown by Markdown templates and by pictures.

A page holds no date and no path, so the same weights give the same pages. The pictures are made
without pyplot, so they need no display; the words on them are Spanish.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from tornado.template import Loader

from cardiorisk.model.card import Card, in_words
from cardiorisk.model.figures import Figures, Interval
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.answered import Answered
from cardiorisk.training.data import Split
from cardiorisk.training.evaluation import RESAMPLES, Evaluation
from cardiorisk.training.network import Epoch

PAGES = {  # and the template of each
    "evaluation.md": "evaluation.es.md",
    "evaluation.en.md": "evaluation.en.md",
    "card.md": "card.en.md",
    "card.es.md": "card.es.md",
}
SURPRISING = 0.05  # as unlikely as this by chance, it is better than always the same answer

_TABLE_GAP = re.compile(r"(?<=\|)\n{2,}(?=\|)")
_COMMAS_AND_POINTS = str.maketrans(",.", ".,")
_NUMBER_OR_CODE = re.compile(r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)|\d+(?:\.\d+){2,}|(\d[\d,]*\.?\d+)")
_WIDE_GAP = re.compile(r"\n{3,}")
_LEAST_IN_DIGITS = 0.001


@dataclass(frozen=True, slots=True)
class Measured:
    card: Card
    split: Split
    evaluation: Evaluation
    epochs: Sequence[Epoch]


def write_report(measured: Measured, directory: Path) -> list[Path]:
    """Write the evaluation and the model card, each in Spanish and in English, and the pictures."""
    asked = measured.evaluation.keras
    parts = {"filas reservadas": asked.held_out}
    if measured.evaluation.grid_has_truth:
        parts["grilla completa"] = asked.grid
    pictures = {
        "precision.png": draw_accuracy(measured.epochs),
        "perdida.png": draw_loss(measured.epochs),
        "calibracion.png": draw_reliability(parts),
    }
    for name, template in PAGES.items():
        (directory / name).write_text(render(template, measured), encoding="utf-8")
    for name, picture in pictures.items():
        picture.savefig(directory / name)
    return [directory / name for name in (*PAGES, *pictures)]


def render(template: str, measured: Measured) -> str:
    """Fill a template; the lines of it that only steer leave no empty lines behind."""
    loader = Loader(str(Path(__file__).parent / "templates"), autoescape=None, whitespace="all")
    metrics = measured.card.metrics
    text = loader.load(template).generate(
        measured=measured,
        card=measured.card,
        figures=metrics.held_out,
        measures=measures,
        beats_commonest=metrics.commonest_chance < SURPRISING,
        data_file=(measured.card.data_file or "").replace("`", ""),
        fields=FIELDS,
        resamples=RESAMPLES,
        percent=percent,
        figure=figure,
        thousands="{:,}".format,
        in_words=in_words,
        json=json.dumps,
    )
    said = text.decode() if template.endswith(".md") else text.decode().replace("**", "")
    if ".es." in template:
        said = _NUMBER_OR_CODE.sub(_in_spanish, said)
    return _WIDE_GAP.sub("\n\n", _TABLE_GAP.sub("\n", said)).strip() + "\n"


def _in_spanish(found: re.Match[str]) -> str:
    """Write a number with a decimal comma, and points between its thousands."""
    return found[0] if found[1] is None else found[1].translate(_COMMAS_AND_POINTS)


def measures(figures: Figures) -> list[tuple[str, Interval | None]]:
    """Give each measure that is told with its interval; Brier stands in for log-loss."""
    return [(name, one) for name, one in figures if name != "log_loss" and not isinstance(one, int)]


def percent(share: float, decimals: int) -> str:
    return f"{100 * share:.{decimals}f} %"


def figure(value: float) -> str:
    """Write a share near 1 in full, and a loss near 0 by its size."""
    return f"{value:.4f}" if abs(value) >= _LEAST_IN_DIGITS or value == 0 else f"{value:.1e}"


_LEAST_LOSS_DRAWN = 1e-12  # a logarithmic scale has no place for 0
_BLUE, _ORANGE, _GREY = "#1f5a94", "#d9722b", "#8a8a8a"


def draw_accuracy(epochs: Sequence[Epoch]) -> Figure:
    shares = [(100 * each.training_accuracy, 100 * each.held_out_accuracy) for each in epochs]
    return _draw_epochs("Exactitud", "exactitud (% de aciertos)", shares)


def draw_loss(epochs: Sequence[Epoch]) -> Figure:
    losses = [(each.training_loss, each.held_out_loss) for each in epochs]
    drawn = np.maximum(losses, _LEAST_LOSS_DRAWN)
    figure = _draw_epochs("Pérdida", "entropía cruzada binaria (escala logarítmica)", drawn)
    figure.axes[0].set_yscale("log")
    return figure


def _draw_epochs(what: str, label: str, values: ArrayLike) -> Figure:
    """Draw ``values``, shape (epochs, 2): of the rows learnt from, and of those held out."""
    figure, axes = _new_plot(f"{what} por época", "época", label)
    learnt, held_out = np.transpose(values)
    numbers = range(1, len(learnt) + 1)
    axes.plot(numbers, learnt, label="entrenamiento", color=_BLUE, linewidth=1.6)
    axes.plot(numbers, held_out, label="reservados (20 %)", color=_ORANGE, linewidth=1.2)
    axes.legend()
    return figure


def draw_reliability(parts: Mapping[str, Answered]) -> Figure:
    """Draw what was told against what was so; a band without answers has no point."""
    figure, axes = _new_plot(
        "Calibración: lo que dijo y lo que pasó", "probabilidad dicha", "parte en riesgo"
    )
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfecta")
    styles = ((_BLUE, "o", 150), (_ORANGE, "s", 30))  # the second inside the first, both seen
    for (name, answered), (color, marker, size) in zip(parts.items(), styles, strict=False):
        _, told, so = answered.bands()
        axes.scatter(told, so, color=color, marker=marker, s=size, label=name, zorder=3)
    axes.legend(loc="lower right")
    return figure


def _new_plot(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.0, 4.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes
