"""The model card: read back as written, and refused when it is not one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from cardiorisk.config import load_settings
from cardiorisk.errors import UnusableArtefact
from cardiorisk.model.card import (
    CARD_FILE,
    Card,
    FieldProfile,
    all_told,
    in_words,
    load_card,
    save_card,
    told,
)
from cardiorisk.model.drift import DriftWatch
from cardiorisk.model.engines import Artefact, Engine, load_artefact
from cardiorisk.model.figures import Figures, NetworkFigures
from cardiorisk.model.predictor import explain
from cardiorisk.patients.patient import FIELD_NAMES, Patient

CARD = load_card(load_settings().model_dir)
TWO_FIELDS = CARD.model_copy(
    update={
        "training_fields": (
            FieldProfile(
                field="nivel_colesterol",
                lowest=1,
                highest=2.9,
                edges=(1.45, 2.05),
                counts=(3, 4, 5),
            ),
            FieldProfile(field="edad", lowest=0, highest=98, edges=(), counts=(12,)),
        )
    }
)
METRICS = CARD.metrics.model_dump()
FIELD_LIST = [seen.model_dump() for seen in CARD.training_fields]
AGES_TO_200 = FIELD_LIST[3] | {"highest": 200}
SPOILS: dict[str, Any] = {
    "null": None,
    "text": "some text",
    "list": [],
    "object": {},
    "NaN": math.nan,
    "infinite": math.inf,
    "huge": 1e300,
    "negative": -1e300,
    "enormous": 10**400,
    "flag": True,
}


@pytest.fixture(scope="module")
def litert() -> Engine:
    return load_artefact(load_settings().model_dir, "litert").engine


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
    assert text == (load_settings().model_dir / CARD_FILE).read_text()
    lines = {line.strip().removesuffix(",") for line in text.splitlines()}
    assert json.dumps(list(CARD.background[0])) in lines


def test_missing_card_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UnusableArtefact) as raised:
        load_card(tmp_path)
    assert str(raised.value) == (
        f"cannot read the model card {tmp_path / CARD_FILE}: No such file or directory; "
        "`python train.py --output DIR` makes a network in DIR"
    )


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
        ("version", {"version": "14-7-1"}),
        ("field_order: this version reads", {"field_order": FIELD_NAMES[::-1]}),
        ("data_sha256", {"data_sha256": "97226f6b"}),
        ("files: must name", {"files": {"cardiorisk.keras": "0" * 64}}),
        ("training_fields: must be nivel_colesterol", {"training_fields": FIELD_LIST[:1]}),
        ("training_fields: must be nivel_colesterol", {"training_fields": FIELD_LIST[::-1]}),
        ("training_fields.0: counts", {"training_fields": [FIELD_LIST[0] | {"counts": [3600]}]}),
        ("training_fields.0: edges", {"training_fields": [FIELD_LIST[0] | {"edges": [2, 1]}]}),
        ("training_fields.3: lowest", {"training_fields": [*FIELD_LIST[:3], AGES_TO_200]}),
        ("training_fields: counts of nivel", {"training_scores": {"edges": [], "counts": [3599]}}),
        ("training_scores: counts add up to 3,600", {"data_rows": 4_500}),
        ("background.0: presion_arterial must be", {"background": [[1.0] + [1e30] * 5]}),
        ("background.0: edad must be an integer", {"background": [[1.0, 1, 1, 40.5, 0, 0]]}),
        ("data_file", {"data_file": "/home/ana/patients.csv"}),
        ("data_file: must be printable", {"data_file": "a\u202eb.csv"}),
        ("data_copies: must be less than data_rows, 5,000", {"data_copies": 5_000}),
        ("background", {"background": [[1.0, 1, 1, 40, 0, 0]] * 1_025}),
        ("background", {"background": []}),
        ("background.0", {"background": [[1.0] * 5]}),
        ("threshold", {"threshold": 0}),
        ("threshold", {"threshold": 1}),
        ("seed", {"seed": "forty-two"}),
        ("metrics.training_loss", {"metrics": METRICS | {"training_loss": None}}),
        ("metrics.training_loss", {"metrics": METRICS | {"training_loss": math.nan}}),
        ("training_fields", {"training_fields": []}),
        ("surprise", {"surprise": 1}),
        ("rule.0.0.field", {"rule": [[{"field": "peso", "above": 1}]]}),
        (
            "metrics.by_probability: Tuple should have at least 10",
            {"metrics": METRICS | {"by_probability": METRICS["by_probability"][1:]}},
        ),
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


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the place of every member, of long lists the first and the last."""
    if path:
        yield path
    if isinstance(document, dict):
        for name, member in document.items():
            yield from places(member, (*path, name))
    elif isinstance(document, list) and document:
        for index in {0, len(document) - 1}:
            yield from places(document[index], (*path, index))


def spoilt(place: tuple[str | int, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the committed card with one member dropped, shortened or made something else."""
    *way, last = place
    for name in ("dropped", "shortened", *SPOILS):
        document = changed()
        holder: Any = document
        for step in way:
            holder = holder[step]
        if name == "dropped":
            del holder[last]
        elif name == "shortened":
            holder[last] = holder[last][:-1] if isinstance(holder[last], (str, list)) else None
        else:
            holder[last] = SPOILS[name]
        yield name, document


@pytest.mark.parametrize(
    "place", list(places(changed())), ids=lambda place: ".".join(map(str, place))
)
def test_a_spoilt_member_is_refused_by_its_name_or_does_no_harm(
    tmp_path: Path, litert: Engine, place: tuple[str | int, ...]
) -> None:
    patients = [Patient(2.0, 1.2, 1.0, 40, 1, 1), Patient(3.0, 1.8, 2.0, 99, 0, 0)]
    for name, document in spoilt(place):
        write(tmp_path, document)
        try:
            card = load_card(tmp_path)
        except UnusableArtefact as error:
            said = str(error)
            assert f": {place[0]}" in said or " add up to" in said, (name, said)
            assert "\n" not in said
            continue
        artefact = Artefact(card, litert)
        answers = [explain(artefact, patient, changes=False) for patient in patients]
        json.dumps([asdict(answer) for answer in answers], allow_nan=False)
        json.dumps(card.model_dump(mode="json"), allow_nan=False)
        watch = DriftWatch(card)
        watch.add(0.5, card.version, patients[0])
        assert len(watch.drifts()) == 7


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "said"),
    [
        ("accuracy", 1e30, 0.9, 1e30, "at most 1"),
        ("auc", 0.9, 0.8, 1.1, "at most 1"),
        ("ppv", -1.0, -1.0, 1.0, "at least 0"),
        ("log_loss", -1.0, -1.0, 9.0, "at least 0"),
        ("calibration_slope", 1.0, 2.0, 0.5, "low must not be above high"),
    ],
)
def test_a_figure_beyond_its_range_is_refused(
    name: str, value: float, low: float, high: float, said: str
) -> None:
    figure = {"value": value, "low": low, "high": high}
    with pytest.raises(ValidationError, match=said):
        Figures(**(METRICS["held_out"] | {name: figure}))


def test_bands_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValidationError, match="rows add up to 0 by age, to 996 by probability"):
        NetworkFigures(**(METRICS | {"by_age": ()}))


@pytest.mark.parametrize("name", Card.model_fields)
def test_every_member_is_needed(tmp_path: Path, name: str) -> None:
    document = changed()
    del document[name]
    write(tmp_path, document)
    with pytest.raises(UnusableArtefact, match=f"{name}: Field required"):
        load_card(tmp_path)


def test_a_metric_that_is_no_number_is_never_saved() -> None:
    with pytest.raises(ValidationError):
        NetworkFigures(**(METRICS | {"training_loss": math.nan}))


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
    assert TWO_FIELDS.outside_training(values) == outside


@pytest.mark.parametrize(
    ("value", "position"), [(-9.0, 0), (1.4, 0), (1.45, 0), (1.5, 1), (2.05, 1), (2.1, 2), (9, 2)]
)
def test_a_value_falls_in_the_bin_between_its_edges(value: float, position: int) -> None:
    assert TWO_FIELDS.training_fields[0].bin_of(value) == position


@pytest.mark.parametrize(
    ("probability", "answer", "words"),
    [
        (0.0, 1e-20, "< 0.000001"),
        (2.3456e-7, 2.35e-7, "< 0.000001"),
        (0.00041234, 0.000412, "0.0004"),
        (0.1234567, 0.123457, "0.12"),
        (0.99949, 0.99949, "0.9995"),
        (0.9999941, 0.9999941, "0.999994"),
        (1.0, 0.99999994, "> 0.999999"),
    ],
)
def test_a_probability_is_never_told_as_0_or_1(
    probability: float, answer: float, words: str
) -> None:
    assert (told(probability, 0.5), in_words(probability)) == (answer, words)


def test_rows_are_told_as_each_alone_and_on_their_own_side_of_the_threshold() -> None:
    random = np.random.default_rng(3)
    ends = 10 ** random.uniform(-44, 0, 2_000)
    close = 0.4 + random.uniform(-1e-6, 1e-6, 500)
    rows = np.concatenate([ends, 1 - ends, close, [0, 1]]).astype(np.float32)
    answers = all_told(rows, 0.4)
    assert answers.tolist() == [told(value, 0.4) for value in rows.tolist()]
    assert ((answers >= 0.4) == (rows.astype(float) >= 0.4)).all()
    assert (answers > 0).all()
    assert (answers < 1).all()


def test_the_rule_is_told_by_its_clauses_and_the_held_out_rows_by_their_answers() -> None:
    told_of = [[holds for _, holds in clause] for clause in CARD.clauses((2.0, 1.5, 1.1, 51, 1, 0))]
    assert told_of == [[True, True], [False, True], [True, False]]
    assert CARD.model_copy(update={"rule": None}).clauses((2.0, 1.5, 1.1, 51, 1, 0)) == ()
    held_out = CARD.metrics.held_out
    lowest, *_, middle, _, _, _, highest = CARD.metrics.by_probability
    assert (lowest.rows, highest.rows) == (held_out.negatives, held_out.at_risk)
    assert (middle.low, middle.at_risk) == (0.5, None)
    assert lowest.at_risk is not None
    assert (lowest.at_risk.value, lowest.at_risk.high) == pytest.approx((0, 0.0084), abs=1e-4)


def test_the_notice_says_what_the_network_was_trained_on() -> None:
    assert CARD.notice.es.startswith(
        "Modelo didáctico entrenado con 5.000 pacientes inventados y una"
    )
    own = Card.model_validate(changed(data_file="framingham.csv"))
    assert own.notice.es == (
        "Modelo entrenado con 5.000 filas del archivo «framingham.csv»: no es un dispositivo "
        "médico y no sirve para diagnosticar ni para decidir un tratamiento."
    )
