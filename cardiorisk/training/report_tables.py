"""The evaluation report's sections in words and tables, in Spanish.

Each function turns figures into one section of Markdown and measures nothing. The sentences say
what the numbers say for any data: only the figures may differ between two reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cardiorisk.training.figures import (
    CALIBRATION_BINS,
    EVEN_THRESHOLD,
    RESAMPLES,
    by_age,
    calibration_bins,
    calibration_error,
    wilson_interval,
)
from cardiorisk.training.markdown import figure, page, percent, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cardiorisk.model.card import Card, Interval
    from cardiorisk.training.data import Split
    from cardiorisk.training.evaluation import Evaluation
    from cardiorisk.training.figures import Answered

_CELLS_LISTED = 50
_LEAST_SURE_LISTED = 8
_CELL_HEADINGS = ("colesterol", "presión", "azúcar", "edad", "sobrepeso", "tabaquismo")


def opening_section(card: Card, split: Split) -> str:
    """Say which network this is about, and on which rows it was measured."""
    parts = (
        ("aprender", split.training),
        ("validar: elegir la candidata y el umbral", split.validation),
        ("reservadas: solo se miden", split.held_out),
    )
    rows = [(use, f"{len(part):,}", percent(part.at_risk.mean(), 1)) for use, part in parts]
    return page(
        "# Informe de evaluación",
        f"Red `{card.version}`, semilla {card.seed}, {card.epochs} épocas. Lo escribe "
        "`python train.py` después de guardar la red y de **volver a cargar los archivos "
        "guardados**: ninguna cifra sale de la memoria del entrenamiento.",
        table(("filas para", "cuántas", "en riesgo"), rows),
        "Modelo didáctico: las cifras dicen cuánto aprendió de sus datos, no cuánto sirve en "
        "medicina.",
    )


def held_out_section(card: Card) -> str:
    """Give the figures of the held-out rows with their intervals."""
    held_out = card.metrics.held_out
    figures: list[tuple[str, Interval]] = [("precisión (aciertos)", held_out.accuracy)]
    if held_out.auc is not None:
        figures.append(("área bajo la curva ROC", held_out.auc))
    figures += [
        ("Brier", held_out.brier),
        ("entropía cruzada (log-loss)", held_out.log_loss),
        ("error de calibración esperado (ECE)", held_out.calibration_error),
    ]
    right = round(held_out.accuracy.value * held_out.rows)
    low, high = wilson_interval(right, held_out.rows)
    return page(
        f"## Filas reservadas ({held_out.rows:,})",
        table(
            ("medida", "valor", "intervalo del 95 %"),
            [(name, figure(f.value), f"{figure(f.low)} a {figure(f.high)}") for name, f in figures],
        ),
        f"Intervalos por remuestreo: {RESAMPLES:,} muestras con reposición, con semilla. Una "
        "medida sin ningún error da un intervalo sin ancho, que no promete nada: el de Wilson "
        f"para la precisión, con {right:,} aciertos de {held_out.rows:,}, va de "
        f"{percent(low, 2)} a {percent(high, 2)}.",
        f"Con LiteRT la precisión es {percent(card.metrics.litert.held_out_accuracy, 2)}; la mayor "
        "diferencia entre las probabilidades de los dos motores, en toda la grilla, es "
        f"{card.metrics.engines_largest_difference:.1e}.",
    )


def grid_section(evaluation: Evaluation, card: Card) -> str:
    """Say how many cells of the grid are wrong with each engine, and where."""
    grid = evaluation.grid
    engines = (("keras", card.metrics.keras), ("litert", card.metrics.litert))
    least_sure = np.argsort(np.abs(grid.probabilities - card.threshold), kind="stable")
    return page(
        f"## Grilla completa ({len(grid.cohort):,} pacientes)",
        "Todos los pacientes que la distribución del curso puede producir, cada uno una vez. No "
        "es una muestra: el recuento es exacto.",
        table(
            ("motor", "aciertos", "celdas erradas"),
            [
                (name, percent(each.grid_accuracy, 4), f"{each.grid_wrong_cells:,}")
                for name, each in engines
            ],
        ),
        _wrong_cells(evaluation, card.threshold),
        f"Las {_LEAST_SURE_LISTED} celdas más cercanas al umbral, bien o mal:",
        _cells(grid, least_sure[:_LEAST_SURE_LISTED]),
        "### Mapa de errores",
        "Dos cortes del espacio de entradas, con los otros cuatro campos lejos de todo borde. El "
        "color es la probabilidad que da la red, también entre los pasos de la grilla. En cada "
        "franja gris, entre dos pasos, los datos no dicen dónde cambia la respuesta.",
        "![Mapa de errores](errores.png)",
    )


def _wrong_cells(evaluation: Evaluation, threshold: float) -> str:
    wrong = np.flatnonzero(evaluation.grid.wrong(threshold))
    by_litert = np.flatnonzero(evaluation.grid_litert.wrong(threshold))
    if not len(wrong) and not len(by_litert):
        return "Ninguna celda está mal, con ninguno de los dos motores."
    same = "las mismas celdas" if np.array_equal(wrong, by_litert) else "celdas distintas"
    shown = wrong[:_CELLS_LISTED]
    return page(
        f"Los dos motores se equivocan en {same}. Con Keras, {len(shown)} de {len(wrong):,}:",
        _cells(evaluation.grid, shown),
    )


def threshold_section(card: Card) -> str:
    """Explain the threshold."""
    choice = card.threshold_choice
    why = (
        "0.5 está dentro y se prefiere: pesa igual los dos errores, y con probabilidades "
        "calibradas es el de menor error esperado."
        if card.threshold == EVEN_THRESHOLD
        else "0.5 no está entre los mejores, y se toma el medio del rango."
    )
    return page(
        "## Umbral",
        f"**{card.threshold:.4g}**, guardado en la ficha y elegido con las {choice.rows:,} filas "
        f"de validación: cualquier umbral entre {choice.lowest:.2g} y {choice.highest:.6g} comete "
        f"{choice.mistakes} errores en ellas, y ninguno comete menos. {why}",
    )


def calibration_section(evaluation: Evaluation) -> str:
    """Say whether probabilities are what they say, in words and by bins."""
    parts = [("reservadas", evaluation.held_out)]
    if evaluation.grid_has_truth:
        parts.append(("grilla", evaluation.grid))
    headings = ["probabilidad"]
    columns: list[list[str]] = [
        [
            f"{n / CALIBRATION_BINS:.1f} a {(n + 1) / CALIBRATION_BINS:.1f}"
            for n in range(CALIBRATION_BINS)
        ]
    ]
    for name, answered in parts:
        bins = calibration_bins(answered)
        headings += [f"{name}: respuestas", "media dicha", "en riesgo"]
        columns.append([f"{each.rows:,}" for each in bins])
        columns.append([f"{each.mean_probability:.4f}" if each.rows else "" for each in bins])
        columns.append([f"{each.share_at_risk:.4f}" if each.rows else "" for each in bins])
    share = _extreme_share(evaluation.held_out)
    errors = ", ".join(
        f"{calibration_error(calibration_bins(answered)):.1e} en la {name}"
        if name == "grilla"
        else f"{calibration_error(calibration_bins(answered)):.1e} en las {name}"
        for name, answered in parts
    )
    return page(
        "## Calibración",
        f"Error de calibración esperado (10 intervalos): {errors}. El {percent(share, 1)} de las "
        "respuestas a las filas reservadas dista menos de 0.01 de 0 o de 1. Si los datos no "
        "tienen ruido, eso es lo calibrado; si lo tienen, sería exceso de confianza.",
        table(headings, zip(*columns, strict=True)),
        "Los intervalos del medio tienen pocas respuestas, si alguna: de ellos esta tabla no "
        "permite decir casi nada.",
        "![Calibración](calibracion.png)",
    )


def age_section(evaluation: Evaluation, threshold: float) -> str:
    """Give the mistakes of each band of ages."""
    held_out = by_age(evaluation.held_out, threshold)
    headings = ["edad", "reservadas", "errores", "aciertos"]
    rows = [
        [
            f"{band.first_age} a {band.last_age}",
            f"{band.rows:,}",
            str(band.mistakes),
            _right(band.rows, band.mistakes, 2),
        ]
        for band in held_out
    ]
    if evaluation.grid_has_truth:
        headings += ["grilla", "errores", "aciertos"]
        for row, band in zip(rows, by_age(evaluation.grid, threshold), strict=True):
            row += [f"{band.rows:,}", f"{band.mistakes:,}", _right(band.rows, band.mistakes, 4)]
    return page(
        "## Por edad",
        "El sexo no es una entrada y los datos no lo tienen: no se puede saber si el modelo trata "
        "distinto a unas y a otros. La edad sí. La banda de 50 a 52 es el borde de la regla del "
        "curso.",
        table(headings, rows),
    )


def _cells(answered: Answered, positions: Iterable[int]) -> str:
    rows = []
    for position in positions:
        values = answered.cohort.values[position]
        rows.append(
            (
                *(f"{value:.1f}" for value in values[:3]),
                *(f"{value:.0f}" for value in values[3:]),
                "en riesgo" if answered.cohort.at_risk[position] else "sin riesgo",
                f"{answered.probabilities[position]:.4f}",
            )
        )
    return table((*_CELL_HEADINGS, "verdad", "probabilidad"), rows)


def _right(rows: int, mistakes: int, decimals: int) -> str:
    return percent(1 - mistakes / rows, decimals) if rows else ""


def _extreme_share(answered: Answered) -> float:
    distance = np.minimum(answered.probabilities, 1 - answered.probabilities)
    return float((distance < 0.01).mean())  # noqa: PLR2004 - said in the sentence that uses it
