"""Scoring patients in a table: what the network says of those that can be assessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cardiorisk.config import EngineName, load_settings
from cardiorisk.model.card import all_told
from cardiorisk.model.engines import Artefact, load_artefact
from cardiorisk.patients.patient import FIELDS, RISK_COLUMN

ADDED_COLUMNS = ("probabilidad", RISK_COLUMN, "advertencias", "error")
MODEL_COLUMNS = ("modelo", "umbral")
KEPT_SUFFIX = "_entrada"  # after the name of an input column that is called as one of those


@dataclass(frozen=True, slots=True)
class Scores:
    probabilities: NDArray[np.float64]  # (n,), as the service gives them; NaN where there is none
    at_risk: NDArray[np.bool_]  # (n,), False where there is no probability
    warnings: Mapping[int, str]  # by row, which values lie beyond all that training saw


class Scorer:
    def __init__(self, artefact: Artefact, *, model_columns: bool = False) -> None:
        self.columns = ADDED_COLUMNS + MODEL_COLUMNS * model_columns
        self._engine = artefact.engine
        self.version = artefact.card.version
        self.threshold = artefact.card.threshold
        self.told = {"cardiorisk.modelo": self.version, "cardiorisk.umbral": str(self.threshold)}
        self._seen = artefact.card.training_fields
        self._lowest, self._highest = np.array([ends for _, *ends in artefact.card.seen]).T  # (6,)
        self._warning = lru_cache(self._warning_of)

    def score(self, values: NDArray[np.float32], bad_rows: Collection[int] = ()) -> Scores:
        """Assess the rows (shape (n, 6), in ``FIELDS`` order) that are not bad."""
        is_good = np.ones(len(values), dtype=np.bool_)
        is_good[list(bad_rows)] = False
        probabilities = np.full(len(values), np.nan)
        if is_good.any():
            good = values if is_good.all() else np.ascontiguousarray(values[is_good])
            probabilities[is_good] = all_told(self._engine.probabilities(good), self.threshold)
        is_outside = (values < self._lowest) | (values > self._highest)  # (n, 6)
        rows = np.flatnonzero(is_outside.any(axis=1) & is_good).tolist()
        warnings = {row: self._warning(is_outside[row].tobytes()) for row in rows}
        return Scores(probabilities, probabilities >= self.threshold, warnings)

    def _warning_of(self, is_outside: bytes) -> str:
        return "; ".join(
            f"{field.course_name} is beyond what training saw, {seen.lowest:g} to {seen.highest:g}"
            for field, seen, is_out in zip(FIELDS, self._seen, is_outside, strict=True)
            if is_out
        )


def load_scorer(engine: EngineName | None = None, *, model_columns: bool = False) -> Scorer:
    """Load the network of the settings, in litert if they do not say: that starts at once."""
    settings = load_settings({"engine": engine})
    chosen = settings.engine if "engine" in settings.model_fields_set else "litert"
    return Scorer(load_artefact(settings.model_dir, chosen), model_columns=model_columns)


def output_names(names: Sequence[str], added: Sequence[str]) -> list[str]:
    taken = {*names, *added}
    kept = list(names)
    for place, name in enumerate(names):
        if name in added:
            while kept[place] in taken:
                kept[place] += KEPT_SUFFIX
            taken.add(kept[place])
    return [*kept, *added]
