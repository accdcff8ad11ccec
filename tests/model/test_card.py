"""The model card: read back as written, and refused when it is not one."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import (
    CARD_FILE,
    Card,
    EngineFigures,
    FieldProfile,
    GoldenRow,
    HeldOutFigures,
    Interval,
    NetworkFigures,
    Profile,
    ThresholdChoice,
    load_card,
    save_card,
)

if TYPE_CHECKING:
    from pathlib import Path

FIGURE = Interval(value=0.9, low=0.8, high=1.0)
ENGINE = EngineFigures(held_out_accuracy=0.9, grid_accuracy=0.75, grid_wrong_cells=356_400)
METRICS = NetworkFigures(
    training_accuracy=1.0,
    training_loss=0.01,
    validation_accuracy=1.0,
    validation_loss=0.02,
    held_out=HeldOutFigures(
        rows=1000,
        accuracy=FIGURE,
        auc=None,
        brier=FIGURE,
        log_loss=FIGURE,
        calibration_error=FIGURE,
    ),
    keras=ENGINE,
    litert=ENGINE,
    engines_largest_difference=1e-6,
)
CARD = Card(
    version="7c1b6f2a90de",
    field_order=("nivel_colesterol", "edad"),
    threshold=0.5,
    threshold_choice=ThresholdChoice(
        lowest=0.25, highest=0.75, mistakes=0, rows=400, explanation="0.5 is in the middle."
    ),
    seed=42,
    epochs=600,
    data_sha256="00" * 32,
    data_rows=5000,
    metrics=METRICS,
    libraries={"keras": "3.13.2"},
    files={"cardiorisk.keras": "11" * 32},
    golden_rows=(GoldenRow(values=(2.0, 1.2, 1.0, 40.0, 1.0, 0.0), probability=0.25),),
    training_fields=(
        FieldProfile(
            field="nivel_colesterol", lowest=1.0, highest=2.9, edges=(1.45, 2.05), counts=(3, 4, 5)
        ),
        FieldProfile(field="edad", lowest=0, highest=98, edges=(), counts=(12,)),
    ),
    training_scores=Profile(edges=(0.5,), counts=(7, 5)),
    background=((2.0, 1.2, 1.0, 40.0, 1.0, 0.0), (1.0, 0.6, 1e-7, 20.0, 0.0, 1.0)),
)


def changed(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CARD.model_dump_json())
    return document | changes


def write(directory: Path, document: object) -> None:
    (directory / CARD_FILE).write_text(json.dumps(document), encoding="utf-8")


def test_a_saved_card_is_the_card_that_is_loaded_with_a_line_for_each_row_of_numbers(
    tmp_path: Path,
) -> None:
    save_card(CARD, tmp_path)
    assert load_card(tmp_path) == CARD
    text = (tmp_path / CARD_FILE).read_text()
    assert text.endswith("}\n")
    assert "    [1.0, 0.6, 1e-7, 20.0, 0.0, 1.0]" in text.splitlines()


def test_missing_card_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UnusableArtefact) as raised:
        load_card(tmp_path)
    assert str(raised.value) == (
        f"cannot read the model card {tmp_path / CARD_FILE}: No such file or directory; "
        f"run `python train.py --output {tmp_path}`"
    )


def test_missing_card_of_the_package_s_own_network_needs_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardiorisk.model.card.DEFAULT_MODEL_DIR", tmp_path)
    with pytest.raises(UnusableArtefact, match=r"run `python train\.py`$"):
        load_card(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_file_that_is_no_card_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / CARD_FILE).write_bytes(text)
    with pytest.raises(UnusableArtefact, match="is not a model card"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("golden_rows", {"golden_rows": []}),
        ("golden_rows.0.values", {"golden_rows": [{"values": [1.0], "probability": 0.5}]}),
        ("golden_rows.0.probability", {"golden_rows": [{"values": [1.0] * 6, "probability": 2}]}),
        ("background", {"background": []}),
        ("background.0", {"background": [[1.0] * 5]}),
        ("threshold", {"threshold": 0}),
        ("threshold", {"threshold": 1}),
        ("seed", {"seed": "forty-two"}),
        ("metrics.training_loss", {"metrics": METRICS.model_dump() | {"training_loss": None}}),
        ("metrics.training_loss", {"metrics": METRICS.model_dump() | {"training_loss": math.nan}}),
        ("training_fields", {"training_fields": []}),
        ("surprise", {"surprise": 1}),
    ],
)
def test_refusal_names_the_faulty_member(
    tmp_path: Path, place: str, changes: dict[str, Any]
) -> None:
    write(tmp_path, changed(**changes))
    with pytest.raises(UnusableArtefact) as raised:
        load_card(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / CARD_FILE} is not a model card: {place}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", Card.model_fields)
def test_every_member_is_needed(tmp_path: Path, name: str) -> None:
    document = changed()
    del document[name]
    write(tmp_path, document)
    with pytest.raises(UnusableArtefact, match=f"{name}: Field required"):
        load_card(tmp_path)


def test_a_metric_that_is_no_number_is_never_saved() -> None:
    with pytest.raises(ValidationError):
        NetworkFigures(**(METRICS.model_dump() | {"training_loss": math.nan}))


@pytest.mark.parametrize(
    ("values", "outside"),
    [
        ((1.0, 0), ()),
        ((2.9, 98), ()),
        ((2.900000095367432, 98), ()),  # 2.9 after a journey through float32
        ((3.0, 98), ("nivel_colesterol",)),
        ((0.99, 50), ("nivel_colesterol",)),
        ((2.0, 99), ("edad",)),
        ((3.0, 99), ("nivel_colesterol", "edad")),
    ],
)
def test_values_beyond_all_that_training_saw_are_named(
    values: tuple[float, ...], outside: tuple[str, ...]
) -> None:
    assert CARD.outside_training(values) == outside


@pytest.mark.parametrize(
    ("value", "position"), [(-9.0, 0), (1.4, 0), (1.45, 0), (1.5, 1), (2.05, 1), (2.1, 2), (9, 2)]
)
def test_a_value_falls_in_the_bin_between_its_edges(value: float, position: int) -> None:
    assert CARD.training_fields[0].bin_of(value) == position
