"""``cardiorisk log drift``: what it counts, what it says, and that it never fails for drift."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.config import load_settings
from cardiorisk.model.card import load_card
from cardiorisk.patients.patient import Patient
from tests.bitacora.support import make_entry
from tests.cli.conftest import Call

LOG = Path("logs/bitacora.jsonl")
OLD_SMOKER = Patient(2.05, 1.2, 1.0, 90.0, 0.0, 1.0)


@pytest.fixture
def version() -> str:
    return load_card(load_settings().model_dir).version


def write(*answers: dict[str, Any], refused: int = 0) -> None:
    LOG.parent.mkdir(exist_ok=True)
    entries = [make_entry(status=200, code=None, **answer) for answer in answers]
    nothing: dict[str, Any] = {"riesgo_cardiaco": None, "probabilidad": None, "modelo": None}
    entries += [make_entry(status=429, code="rate-limited", **nothing)] * refused
    LOG.write_bytes(b"".join(entry.line() for entry in entries))


def answer(version: str, probability: float = 1.0, **members: Any) -> dict[str, Any]:
    return {"modelo": version, "probabilidad": probability, "riesgo_cardiaco": True} | members


def test_scores_that_have_moved_are_called_so_and_it_is_no_failure(
    call: Call, version: str
) -> None:
    write(*[answer(version)] * 250, refused=3)
    result = call("log", "drift")
    assert result.exit_code == 0
    first, _, _, score, _, cholesterol, *_ = result.stdout.splitlines()
    assert first.startswith(f"logs/bitacora.jsonl against {version}, trained on ")
    assert score.split()[:2] == ["probabilidad", "250"]
    assert score.endswith("  large")
    assert cholesterol.split() == ["nivel_colesterol", "0", "-", "too", "few", "rows"]
    assert "The log has no inputs: CARDIORISK_LOG_INPUTS=1" in result.stdout


def test_inputs_are_compared_where_the_log_has_them(call: Call, version: str) -> None:
    write(*[answer(version, inputs=OLD_SMOKER)] * 200)
    found = {
        field["name"]: field
        for field in json.loads(call("log", "drift", "--json").stdout)["fields"]
    }
    assert found["edad"]["verdict"] == "large"
    assert found["edad"]["recent_counts"][-1] == found["edad"]["rows"] == 200
    assert len(found["edad"]["edges"]) + 1 == len(found["edad"]["training_counts"])
    assert "no inputs" not in call("log", "drift").stdout


def test_what_is_not_stable_has_its_bins_in_a_line_below(call: Call, version: str) -> None:
    smokers = [answer(version, inputs=OLD_SMOKER)] * 150
    others = [answer(version, inputs=replace(OLD_SMOKER, smoker=0.0))] * 50
    write(*smokers, *others)
    training = load_card(load_settings().model_dir).training_fields[-1].counts
    lines = call("log", "drift").stdout.splitlines()
    below = lines[[line.split()[:1] for line in lines].index(["tabaquismo"]) + 1]
    no, yes = (f"{100 * count / sum(training):.1f}%" for count in training)
    assert below == f"  <=0.5: {no} -> 25.0%; >0.5: {yes} -> 75.0%"


def test_older_lines_and_other_networks_are_left_out(call: Call, version: str) -> None:
    noon = 1_795_348_800.0  # 2026-11-22T12:00:00Z
    write(
        answer(version, ts_seconds=noon),
        answer(version, ts_seconds=noon + 60),
        answer("another", ts_seconds=noon + 60),
    )
    result = call("log", "drift", "--since", "2026-11-22T12:01")
    assert result.stdout.splitlines()[3].split()[1] == "1"
    assert "1 answers of other networks are not counted." in result.stdout
