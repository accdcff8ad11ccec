"""The learning curves are written as pictures, without a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from cardiorisk.training.network import Epoch
from cardiorisk.training.plots import write_plots

if TYPE_CHECKING:
    from pathlib import Path

EPOCHS = [Epoch(number, 1 - 1 / number, 1 / number, 0.9, 0.3) for number in range(1, 6)]


@pytest.fixture
def plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.delenv("DISPLAY", raising=False)
    return write_plots(EPOCHS, tmp_path / "new" / "plots")


def test_both_curves_are_written(plots: tuple[Path, Path]) -> None:
    assert [path.name for path in plots] == ["precision.png", "perdida.png"]


def test_the_curves_are_pictures_wide_enough_to_read(plots: tuple[Path, Path]) -> None:
    for path in plots:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert picture.width >= 800


def test_a_loss_of_exactly_zero_can_be_drawn(tmp_path: Path) -> None:
    paths = write_plots([Epoch(1, 1.0, 0.0, 1.0, 0.0)], tmp_path)
    assert all(path.stat().st_size for path in paths)
