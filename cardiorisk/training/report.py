"""The report: what was measured, shown by Markdown templates and by pictures.

A page holds no date and no path, so the same weights give the same pages. The pictures are made
without pyplot, so they need no display; the words on them are Spanish.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from tornado.template import Loader

from cardiorisk.model.card import in_words
from cardiorisk.model.figures import Figures
from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.evaluation import RESAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cardiorisk.model.card import Card
    from cardiorisk.model.figures import Interval
    from cardiorisk.training.answered import Answered
    from cardiorisk.training.data import Split
    from cardiorisk.training.evaluation import Evaluation
    from cardiorisk.training.network import Epoch

PAGES = {
    "evaluation.md": "evaluation.es.md",
    "evaluation.en.md": "evaluation.en.md",
    "card.md": "card.en.md",
    "card.es.md": "card.es.md",
}
"""The pages of a report, and the template of each."""

SURPRISING = 0.05
"""With no less chance of so many right answers, a network is no better than always the same one."""

_TEMPLATES = Path(__file__).parent / "templates"
_TABLE_GAP = re.compile(r"(?<=\|)\n{2,}(?=\|)")
_NUMBER_OR_CODE = re.compile(r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)|\d+(?:\.\d+){2,}|(\d[\d,]*\.?\d+)")
_WIDE_GAP = re.compile(r"\n{3,}")
_LEAST_IN_DIGITS = 0.001


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure that a page or a picture may show."""

    card: Card
    split: Split
    evaluation: Evaluation
    epochs: Sequence[Epoch]


def write_report(measured: Measured, directory: Path) -> list[Path]:
    """Write the evaluation and the model card, each in Spanish and in English, and the pictures."""
    written = []
    for name, template in PAGES.items():
        written.append(directory / name)
        written[-1].write_text(render(template, measured), encoding="utf-8")
    evaluation = measured.evaluation
    parts = {"filas reservadas": evaluation.held_out}
    if evaluation.grid_has_truth:
        parts["grilla completa"] = evaluation.grid
    for name, picture in (
        ("precision.png", draw_accuracy(measured.epochs)),
        ("perdida.png", draw_loss(measured.epochs)),
        ("calibracion.png", draw_reliability(parts)),
    ):
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
    """Write a number with a decimal comma, and thin blanks between its thousands."""
    return found[0] if found[1] is None else found[1].replace(",", "\u202f").replace(".", ",")


def measures(figures: Figures) -> list[tuple[str, Interval | None]]:
    """Give each measure of some rows that has an interval, by its name."""
    measured = ((name, getattr(figures, name)) for name in Figures.model_fields)
    return [(name, value) for name, value in measured if not isinstance(value, int)]


def percent(share: float | None, decimals: int) -> str:
    return "" if share is None else f"{100 * share:.{decimals}f} %"


def figure(value: float) -> str:
    """Write a share near 1 in full, and a loss near 0 by its size."""
    return f"{value:.4f}" if abs(value) >= _LEAST_IN_DIGITS or value == 0 else f"{value:.1e}"


_DOTS_PER_INCH = 110
_LEAST_LOSS_DRAWN = 1e-12  # a logarithmic scale has no place for 0
_BLUE, _ORANGE, _GREY = "#1f5a94", "#d9722b", "#8a8a8a"


def draw_accuracy(epochs: Sequence[Epoch]) -> Figure:
    shares = [(each.training_accuracy, each.held_out_accuracy) for each in epochs]
    return _draw_epochs("Exactitud", "exactitud (% de aciertos)", 100 * np.array(shares))


def draw_loss(epochs: Sequence[Epoch]) -> Figure:
    losses = [(each.training_loss, each.held_out_loss) for each in epochs]
    drawn = np.maximum(losses, _LEAST_LOSS_DRAWN)
    figure = _draw_epochs("Pérdida", "entropía cruzada binaria (escala logarítmica)", drawn)
    figure.axes[0].set_yscale("log")
    return figure


def _draw_epochs(what: str, label: str, values: NDArray[np.float64]) -> Figure:
    """Draw ``values``, shape (epochs, 2): of the rows learnt from, and of those held out."""
    figure, axes = _new_plot(f"{what} por época", "época", label)
    numbers = range(1, len(values) + 1)
    axes.plot(numbers, values[:, 0], label="entrenamiento", color=_BLUE, linewidth=1.6)
    axes.plot(numbers, values[:, 1], label="reservados (20 %)", color=_ORANGE, linewidth=1.2)
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
    figure = Figure(figsize=(8.0, 4.5), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes
