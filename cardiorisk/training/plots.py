"""The two learning curves, precisión and pérdida, as PNG files.

Needs no display and keeps no global state: the figures are made without pyplot. The words on
them are Spanish, as the course's report wants them. The report's other plots are in
``report_plots`` and start from the same ``new_plot``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from cardiorisk.training.network import Epoch

ACCURACY_PLOT = "precision.png"
LOSS_PLOT = "perdida.png"

_LEAST_LOSS_DRAWN = 1e-12
_SIZE_INCHES = (8.0, 4.5)
DOTS_PER_INCH = 110
_TRAINING_STYLE: dict[str, Any] = {
    "label": "entrenamiento (72 %)",
    "color": "#1f5a94",
    "linewidth": 1.6,
}
_HELD_OUT_STYLE: dict[str, Any] = {
    "label": "reservados (20 %)",
    "color": "#d9722b",
    "linewidth": 1.2,
}


def write_plots(epochs: Sequence[Epoch], directory: Path) -> tuple[Path, Path]:
    """Draw the learning curves into ``directory``, which is made where needed."""
    directory.mkdir(parents=True, exist_ok=True)
    numbers = [epoch.number for epoch in epochs]

    accuracy, axes = new_plot("Precisión por época", "época", "precisión (% de aciertos)")
    axes.plot(numbers, [100 * epoch.training_accuracy for epoch in epochs], **_TRAINING_STYLE)
    axes.plot(numbers, [100 * epoch.held_out_accuracy for epoch in epochs], **_HELD_OUT_STYLE)
    axes.legend(loc="lower right")

    loss, axes = new_plot(
        "Pérdida por época", "época", "entropía cruzada binaria (escala logarítmica)"
    )
    axes.plot(numbers, [_drawable(epoch.training_loss) for epoch in epochs], **_TRAINING_STYLE)
    axes.plot(numbers, [_drawable(epoch.held_out_loss) for epoch in epochs], **_HELD_OUT_STYLE)
    axes.set_yscale("log")
    axes.legend(loc="upper right")

    paths = directory / ACCURACY_PLOT, directory / LOSS_PLOT
    accuracy.savefig(paths[0])
    loss.savefig(paths[1])
    return paths


def _drawable(loss: float) -> float:
    """Return the loss, or the least a logarithmic scale is asked to show."""
    return max(loss, _LEAST_LOSS_DRAWN)


def new_plot(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Start a picture with one plot on it."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes
