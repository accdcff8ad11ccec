"""Needs the ``onnx`` package of the test extra; nothing is served."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from benchmarks.onnx_file import WrongNetwork, build, check

ARTEFACT = Path(__file__).parents[2] / "cardiorisk" / "artefact"
CARD = ARTEFACT / "card.json"


def test_the_onnx_network_answers_the_card_s_golden_rows() -> None:
    check(build(ARTEFACT / "cardiorisk.keras"), CARD)


def test_a_network_without_its_scaling_is_refused() -> None:
    network = build(ARTEFACT / "cardiorisk.keras")
    scale = next(each for each in network.graph.initializer if each.name == "scale")
    ones = onnx.numpy_helper.to_array(scale) * 0 + 1
    scale.CopyFrom(onnx.numpy_helper.from_array(ones, "scale"))
    with pytest.raises(WrongNetwork, match="off on a golden row"):
        check(network, CARD)
