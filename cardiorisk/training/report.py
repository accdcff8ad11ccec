"""The report: what was measured, shown by Markdown templates and by pictures.

The sentences are in ``templates/NAME.LANGUAGE.md`` and the figures in ``Measured``; a template
formats what it shows. A page holds no date and no path, so the same weights give the same pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.template import Loader

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training import plots
from cardiorisk.training.evaluation import AGE_BANDS, RESAMPLES, wilson_interval
from cardiorisk.training.study import measure_baselines, measure_sensitivity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from cardiorisk.model.card import Card
    from cardiorisk.training.data import Cohort, Split
    from cardiorisk.training.evaluation import Evaluation
    from cardiorisk.training.network import Epoch
    from cardiorisk.training.study import Baseline, Coarseness, Study

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


def write_report(measured: Measured, directory: Path, *, is_made: bool) -> list[Path]:
    """Write the evaluation report, its pictures and, for made patients, the model card.

    The card's sentences are true only of patients that were made from the seed.
    """
    page, card = directory / "evaluation.md", directory / "card.md"
    page.write_text(render("evaluation.es.md", measured), encoding="utf-8")
    written = [page]
    for name, picture in _pictures(measured):
        written.append(directory / name)
        picture.savefig(written[-1])
    if is_made:
        card.write_text(render("card.en.md", measured), encoding="utf-8")
        written.append(card)
    return written


def render(template: str, measured: Measured) -> str:
    """Fill a template; the lines of it that only steer leave no empty lines behind."""
    loader = Loader(str(_TEMPLATES), autoescape=None, whitespace="all")
    text = loader.load(template).generate(
        measured=measured,
        fields=FIELDS,
        age_bands=AGE_BANDS,
        resamples=RESAMPLES,
        wilson_interval=wilson_interval,
        percent=percent,
        figure=figure,
        thousands="{:,}".format,
    )
    return _WIDE_GAP.sub("\n\n", _TABLE_GAP.sub("\n", text.decode())).strip() + "\n"


def percent(share: float | None, decimals: int) -> str:
    return "" if share is None else f"{100 * share:.{decimals}f} %"


def figure(value: float) -> str:
    """Write a share near 1 in full, and a loss near 0 by its size."""
    return f"{value:.5f}" if value >= _LEAST_IN_DIGITS or value == 0 else f"{value:.1e}"


def _pictures(measured: Measured) -> Iterator[tuple[str, Figure]]:
    """Yield each picture under the name that the pages know it by."""
    evaluation, threshold = measured.evaluation, measured.card.threshold
    held_out, grid = evaluation.held_out, evaluation.grid
    yield "precision.png", plots.draw_accuracy(measured.epochs)
    yield "perdida.png", plots.draw_loss(measured.epochs)
    yield "confusion.png", plots.draw_confusion(held_out.confusion(threshold))
    models = {"red 14-7-1": held_out} | {each.name: each.held_out for each in measured.baselines}
    yield "roc.png", plots.draw_roc(models)
    parts = {"filas reservadas": held_out}
    if evaluation.grid_has_truth:
        parts["grilla completa"] = grid
    yield "calibracion.png", plots.draw_reliability(parts)
    if evaluation.grid_has_truth:
        wrong = grid.cohort.values[grid.wrong(threshold)]
        yield "errores.png", plots.draw_error_map(evaluation.answers, wrong, threshold)
