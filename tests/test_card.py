"""The model card: read back as written, and refused when it is not one."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from cardiorisk.card import CARD_FILE, Card, GoldenRow, load_card, save_card
from cardiorisk.errors import UnusableArtefact

if TYPE_CHECKING:
    from pathlib import Path

CARD = Card(
    version="7c1b6f2a90de",
    field_order=("nivel_colesterol", "edad"),
    threshold=0.5,
    seed=42,
    epochs=600,
    data_sha256="00" * 32,
    data_rows=5000,
    metrics={"accuracy": 0.9998},
    libraries={"keras": "3.13.2"},
    files={"cardiorisk.keras": "11" * 32},
    golden_rows=(GoldenRow(values=(2.0, 1.2, 1.0, 40.0, 1.0, 0.0), probability=0.25),),
)


def changed(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CARD.model_dump_json())
    return document | changes


def write(directory: Path, document: object) -> None:
    (directory / CARD_FILE).write_text(json.dumps(document), encoding="utf-8")


def test_saved_card_is_the_card_that_is_loaded(tmp_path: Path) -> None:
    save_card(CARD, tmp_path)
    assert load_card(tmp_path) == CARD


def test_saved_card_ends_with_a_newline_for_editors(tmp_path: Path) -> None:
    save_card(CARD, tmp_path)
    assert (tmp_path / CARD_FILE).read_bytes().endswith(b"}\n")


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
    monkeypatch.setattr("cardiorisk.card.DEFAULT_MODEL_DIR", tmp_path)
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
        ("threshold", {"threshold": 0}),
        ("threshold", {"threshold": 1}),
        ("seed", {"seed": "forty-two"}),
        ("metrics.accuracy", {"metrics": {"accuracy": None}}),
        ("metrics.accuracy", {"metrics": {"accuracy": math.nan}}),
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


def test_card_with_a_metric_that_is_no_number_is_never_saved() -> None:
    with pytest.raises(ValidationError):
        Card(**(CARD.model_dump() | {"metrics": {"accuracy": math.nan}}))


def test_card_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        CARD.seed = 1  # type: ignore[misc]  # frozen: that is what is tested
