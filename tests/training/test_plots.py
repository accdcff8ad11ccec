"""The pictures show the numbers that they were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cardiorisk.training.network import Epoch
from cardiorisk.training.plots import draw_accuracy, draw_confusion, draw_error_map, draw_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_the_curves_show_every_epoch_of_both_parts() -> None:
    epochs = [Epoch(1, 0.5, 0.9, 0.25, 0.8), Epoch(2, 1.0, 0.0, 0.75, 0.1)]
    lines = [*draw_accuracy(epochs).axes[0].lines, *draw_loss(epochs).axes[0].lines]
    assert np.array([line.get_xdata() for line in lines]).tolist() == [[1, 2]] * 4
    # A loss of exactly 0 has no place on a logarithmic scale.
    expected = [[50, 100], [25, 75], [0.9, 1e-12], [0.8, 0.1]]
    assert np.array([line.get_ydata() for line in lines]).tolist() == expected


def test_a_confusion_matrix_is_drawn_with_the_truth_in_its_rows() -> None:
    texts = draw_confusion(np.array([[1, 2], [3, 1234]])).axes[0].texts
    said = {each.get_position(): each.get_text() for each in texts}
    assert said == {(0, 0): "1", (1, 0): "2", (0, 1): "3", (1, 1): "1,234"}


def test_the_error_map_marks_a_wrong_cell_where_it_is_and_asks_within_the_fields() -> None:
    asked: list[NDArray[np.float32]] = []

    def answers(values: NDArray[np.float32]) -> NDArray[np.float32]:
        asked.append(values)
        return np.asarray(values[:, 3] / 99)  # older is riskier

    wrong = np.array([[2.0, 1.7, 1.1, 50, 0, 1]], np.float32)
    drawn = draw_error_map(answers, wrong, 0.5)
    marks = [np.asarray(axes.collections[-1].get_offsets())[0] for axes in drawn.axes]
    assert np.array(marks) == pytest.approx(np.array([[50, 1.1], [2.0, 1.7]]))
    # Age and sugar over their ranges, the others where nobody is at risk.
    assert asked[0].min(axis=0) == pytest.approx(np.array([1.8, 1.2, 0.5, 0, 0, 0]))
    assert asked[0].max(axis=0) == pytest.approx(np.array([1.8, 1.2, 2.0, 99, 0, 0]))
