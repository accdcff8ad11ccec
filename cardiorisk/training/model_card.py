"""The model card, ``card.md``, in English and in the layout that model hubs read.

Written only for the network made from the course's rule: whoever trains on other rows knows what
they are, and this module does not. Figures come from ``card.json``; every other sentence is about
the made data and stays true for any seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cardiorisk.patients.patient import FIELDS
from cardiorisk.training.markdown import figure, page, percent, table
from cardiorisk.training.tripod import TRIPOD_ITEMS

if TYPE_CHECKING:
    from pathlib import Path

    from cardiorisk.model.card import Card, Interval

CARD_PAGE = "card.md"


def write_model_card(card: Card, directory: Path) -> Path:
    """Write the model card beside the report."""
    path = directory / CARD_PAGE
    text = page(
        _front_matter(card),
        _summary(card),
        _uses(),
        _training(card),
        _evaluation(card),
        _limits(),
        _how_to_start(),
        _tripod(),
    )
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _front_matter(card: Card) -> str:
    """Write what model hubs read: the YAML block, with the held-out figures."""
    held_out = card.metrics.held_out
    measured = [("accuracy", held_out.accuracy), ("brier_score", held_out.brier)]
    if held_out.auc is not None:
        measured.insert(1, ("roc_auc", held_out.auc))
    lines = [
        "---",
        "license: mit",
        "library_name: keras",
        "pipeline_tag: tabular-classification",
        "tags: [tabular-classification, keras, litert, synthetic, teaching, not-for-medical-use]",
        "model-index:",
        f"  - name: cardiorisk-{card.version}",
        "    results:",
        "      - task: {type: tabular-classification}",
        "        dataset:",
        "          name: patients made from the course's rule, held-out fifth",
        "          type: synthetic",
        f"          args: {{seed: {card.seed}, sha256: {card.data_sha256}}}",
        "        metrics:",
    ]
    lines += [f"          - {{type: {name}, value: {each.value:.6g}}}" for name, each in measured]
    return "\n".join([*lines, "---"])


def _summary(card: Card) -> str:
    wrong = card.metrics.keras.grid_wrong_cells
    return page(
        f"# cardiorisk-{card.version}",
        "**A teaching model. Not a medical device: its data are synthetic, its label is a made-up "
        "rule, and it must not be used to diagnose or to decide a treatment.**",
        "A 14-7-1 network (ReLU, ReLU, sigmoid; 211 parameters) that reads six values and gives "
        "the probability that a rule calls the patient at risk. It was trained on rows made from a "
        f"seed and checked on every one of the 1,425,600 patients they can hold: {wrong:,} of them "
        "are answered wrongly.",
        table(
            ("input", "meaning", "accepted", "seen in training"),
            [
                (
                    f"`{field.wire_name}`",
                    f"{field.description}" + (f" ({field.unit})" if field.unit else ""),
                    f"{field.minimum:g} to {field.maximum:g}",
                    f"{seen.lowest:g} to {seen.highest:g}",
                )
                for field, seen in zip(FIELDS, card.training_fields, strict=True)
            ],
        ),
        f"Output: a probability; from **{card.threshold:.4g}** on, the answer is yes. "
        f"{card.threshold_choice.explanation}",
    )


def _uses() -> str:
    return page(
        "## Uses",
        "**Meant for**: learning how a network is trained, checked, documented and served.",
        "**Not meant for**: anything about a real person's health. It was never compared with a "
        "patient, a doctor or a clinical score.",
    )


def _training(card: Card) -> str:
    return page(
        "## Training",
        f"{card.data_rows:,} rows made from seed {card.seed} (SHA-256 `{card.data_sha256[:16]}…`): "
        "every field uniform on the course's grid, all independent, and the label exactly "
        "`(age > 50 and sugar > 1.0) or (smoker and overweight) or (pressure > 1.4 and "
        "cholesterol > 2.0)`. 72 % to learn from, 8 % to choose one of sixteen candidates and the "
        "threshold, 20 % held out.",
        f"Binary cross-entropy, Adam from 0.03 to 0 along a cosine, {card.epochs} epochs, on a CPU "
        "in about a minute. How, and what else was tried: "
        "[entrenamiento.md](../entrenamiento.md), in Spanish.",
        "Trained with "
        + ", ".join(f"{name} {version}" for name, version in card.libraries.items())
        + ".",
    )


def _evaluation(card: Card) -> str:
    metrics, held_out = card.metrics, card.metrics.held_out
    figures: list[tuple[str, Interval | None]] = [
        ("accuracy", held_out.accuracy),
        ("AUC", held_out.auc),
        ("Brier", held_out.brier),
        ("log-loss", held_out.log_loss),
        ("expected calibration error", held_out.calibration_error),
    ]
    return page(
        "## Evaluation",
        f"The saved files, loaded again, on {held_out.rows:,} held-out rows; 95 % bootstrap "
        "intervals (no width where there was no error to resample):",
        table(
            ("figure", "value", "interval"),
            [
                (name, figure(each.value), f"{figure(each.low)} to {figure(each.high)}")
                for name, each in figures
                if each is not None
            ],
        ),
        "On the whole grid:",
        table(
            ("engine", "accuracy", "wrong cells"),
            [
                (name, percent(each.grid_accuracy, 4), f"{each.grid_wrong_cells:,}")
                for name, each in (("keras", metrics.keras), ("litert", metrics.litert))
            ],
        ),
        "Confusion matrix, ROC, calibration, error map, age bands, sensitivity, other models and "
        "ten other data seeds: [evaluation.md](evaluation.md), in Spanish.",
    )


def _limits() -> str:
    return page(
        "## Bias, risks and limitations",
        "- The label is a rule without noise: 100 % says that the rule was learnt, and nothing "
        "about medicine.\n"
        "- The probability is not the probability of falling ill. It is nearly always 0 or 1; a "
        "middling one means that the input lies near an edge of the rule.\n"
        "- Training rows have one decimal. Where between two steps the answer changes is the "
        "network's guess.\n"
        "- The service accepts a little more than training saw (cholesterol to 3.0, pressure to "
        "1.8, sugar to 2.0, age 99). There the answer is an extrapolation, and is marked so.\n"
        "- Sex is not an input and not in the data, so nothing can be said about fairness by sex.",
    )


def _how_to_start() -> str:
    return page(
        "## How to start",
        "```python\nimport keras\nimport numpy as np\n\n"
        'network = keras.models.load_model("cardiorisk/artefact/cardiorisk.keras", compile=False)\n'
        "# cholesterol, pressure, sugar, age, overweight, smoker; plain units, no scaling\n"
        "rows = np.array([[2.1, 1.5, 0.9, 40, 0, 0]], dtype=np.float32)\n"
        "print(network.predict(rows))\n```",
        "`GET /model` returns the machine-readable form of this card.",
    )


def _tripod() -> str:
    return page(
        "## TRIPOD+AI",
        "The reporting checklist for clinical prediction models, answered although this is not "
        "one: most of the answers are what is missing.",
        table(("item", "asks for", "answer"), TRIPOD_ITEMS),
    )
