"""The evaluation report's comparisons, in Spanish: other models, other data, coarser inputs.

Each function turns figures into one section of Markdown and measures nothing.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from cardiorisk.training.figures import EVEN_THRESHOLD, area_under_curve
from cardiorisk.training.markdown import page, percent, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cardiorisk.model.card import Card
    from cardiorisk.training.baselines import Baseline, Original
    from cardiorisk.training.figures import Answered
    from cardiorisk.training.sensitivity import Coarseness
    from cardiorisk.training.study import Study

_HIGH_ACCURACY = 0.999
"""A seed whose network is right on less of the grid is named."""


def sensitivity_section(cases: Sequence[Coarseness]) -> str:
    """Show what less exact inputs cost."""
    return page(
        "## Entradas menos exactas",
        "100 000 pacientes generados. La verdad es la regla aplicada al valor exacto; la segunda "
        "columna es la misma regla aplicada al valor que recibe la red, es decir lo que se "
        "pierde por redondear, sin culpa de la red. Sobrepeso y tabaquismo no se tocan.",
        table(
            ("lo que recibe", "la red", "la regla"),
            [(case.description, percent(case.network, 2), percent(case.rule, 2)) for case in cases],
        ),
        "Entre dos pasos de la grilla los datos no dicen dónde está el borde, y la red lo pone "
        "donde le conviene: por eso pierde con valores de más decimales. La regla al pie de la "
        "letra soporta peor el ruido, porque su borde está justo sobre un paso.",
    )


def comparison_section(card: Card, baselines: Sequence[Baseline], study: Study | None) -> str:
    """Set other models beside the network."""
    metrics = card.metrics
    auc = metrics.held_out.auc
    rows = [
        (
            f"**red 14-7-1 (`{card.version}`)**",
            percent(metrics.keras.held_out_accuracy, 2),
            "" if auc is None else f"{auc.value:.4f}",
            percent(metrics.keras.grid_accuracy, 4),
        )
    ]
    rows += [
        (
            each.name,
            percent(each.held_out.accuracy(EVEN_THRESHOLD), 2),
            _auc(each.held_out),
            percent(each.grid_accuracy, 4),
        )
        for each in baselines
    ]
    if study is not None:
        rows += _original_rows(study.original)
    return page(
        "## Comparación",
        "Los de scikit-learn, con sus opciones por omisión y las mismas filas (las de validación "
        "incluidas, porque no eligen entre candidatas).",
        table(("modelo", "reservadas", "AUC", "grilla completa"), rows),
        ""
        if metrics.keras.grid_accuracy is None
        else "La regla corta cada campo por separado, que es lo que hacen los árboles: al gradient "
        "boosting esta tarea no le cuesta nada. La red está porque la consigna pide una red.",
        "" if study is None else _original_explained(study.original),
    )


def _original_rows(original: Original) -> list[tuple[str, str, str, str]]:
    return [
        (
            "receta original, alimentada con valores escalados",
            percent(original.held_out_accuracy, 2),
            "",
            percent(original.grid_accuracy, 4),
        ),
        (
            "receta original, como se servía",
            f"{percent(original.as_served_accuracy, 2)} de las 5 000",
            "",
            "",
        ),
    ]


def _original_explained(original: Original) -> str:
    return (
        "La receta original se volvió a correr como se publicó, con los pacientes de la semilla "
        "42: siete columnas, la primera el número de fila; escalado ajustado con todas las filas, "
        "también las reservadas; lotes de 8, Adam constante, 150 épocas "
        f"({original.training_seconds:.0f} s). En la grilla no hay número de fila: se usó el del "
        "medio del archivo. Servida recibía los valores sin escalar, y así contesta «en riesgo» "
        f"al {percent(original.as_served_share_at_risk, 1)} de los pacientes. Los pesos que "
        "publicó contestaban «en riesgo» al 99.9 % (52.0 % de aciertos): hacia qué lado cae "
        "depende de los pesos iniciales; la falta es la misma."
    )


def seeds_section(study: Study) -> str:
    """Give the recipe's figures on other data seeds."""
    accuracies = [each.grid_accuracy for each in study.seeds]
    return page(
        f"## La receta en {len(study.seeds)} juegos de datos",
        "Cada semilla cambia los pacientes, la partición y los pesos iniciales "
        f"({study.candidates} candidatas, {study.epochs} épocas). Se corre aparte, con "
        "`python train.py --study`.",
        table(
            (
                "semilla",
                "validación",
                "reservadas",
                "grilla completa",
                "celdas erradas",
                "segundos",
            ),
            [
                (
                    str(each.seed),
                    percent(each.validation_accuracy, 2),
                    percent(each.held_out_accuracy, 2),
                    percent(each.grid_accuracy, 4),
                    f"{each.grid_wrong_cells:,}",
                    f"{each.training_seconds:.0f}",
                )
                for each in study.seeds
            ],
        ),
        f"Media **{percent(fmean(accuracies), 3)}**, peor **{percent(min(accuracies), 3)}**. "
        f"{_below(study)} "
        "Es lo que cabe esperar con otros datos; la red publicada es una sola corrida. La receta "
        "se buscó mirando la grilla.",
    )


def _below(study: Study) -> str:
    """Name the seeds that fall short of 99.9 % of the grid."""
    below = [
        f"semilla {each.seed}, {percent(each.grid_accuracy, 3)}"
        for each in study.seeds
        if each.grid_accuracy < _HIGH_ACCURACY
    ]
    found = f" ({'; '.join(below)})" if below else ""
    return f"Por debajo del 99.9 %: {len(below)} de {len(study.seeds)}{found}."


def _auc(answered: Answered) -> str:
    has_both = 0 < int(answered.cohort.at_risk.sum()) < len(answered.cohort)
    return f"{area_under_curve(answered):.4f}" if has_both else ""
