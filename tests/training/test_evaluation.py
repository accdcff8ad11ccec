"""The figures, against tables worked out by hand and against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from cardiorisk.training.data import Cohort
from cardiorisk.training.evaluation import (
    Answered,
    choose_threshold,
    held_out_figures,
    wilson_interval,
)


def answered(
    probabilities: list[float], at_risk: list[int], ages: list[int] | None = None
) -> Answered:
    values = np.zeros((len(at_risk), 6), np.float32)
    values[:, 3] = ages or 0
    return Answered(Cohort(values, np.array(at_risk, np.bool_)), np.array(probabilities))


def make_noisy() -> Answered:
    """Make 500 answers that are right four times in five."""
    random = np.random.default_rng(1)
    at_risk = random.random(500) < 0.4
    lean = np.where(random.random(500) < 0.8, at_risk, ~at_risk)
    probabilities = np.clip(0.5 + 0.35 * (2 * lean - 1) + random.normal(0, 0.1, 500), 0.01, 0.99)
    return answered(probabilities.tolist(), at_risk.astype(int).tolist())


NOISY = make_noisy()


@pytest.mark.parametrize(
    ("probabilities", "at_risk", "expected"),  # the range, its mistakes, the threshold
    [
        ([0.1, 0.9], [0, 1], (0.1, 0.9, 0, 0.5)),  # 0.5 is inside
        ([0.1, 0.3], [0, 1], (0.1, 0.3, 0, 0.2)),  # 0.5 is above: the middle
        ([0.6, 0.8, 0.9], [0, 1, 1], (0.6, 0.8, 0, 0.7)),  # 0.5 is below: the middle
        ([0.5, 0.9], [1, 1], (0.0, 0.5, 0, 0.5)),  # 0.5 answers yes to 0.5
        ([0.1, 0.5], [0, 0], (0.5, 1.0, 0, 0.75)),  # 0.5 at the open end is not taken
        ([0.2, 0.45, 0.6, 0.8], [0, 1, 0, 1], (0.2, 0.45, 1, 0.325)),  # the wider of two
        ([0.2, 0.3, 0.4, 0.9], [0, 1, 0, 1], (0.4, 0.9, 1, 0.5)),  # the one with 0.5, of two
        ([0.1, 0.3, 0.6, 0.9], [0, 0, 0, 0], (0.9, 1.0, 0, 0.95)),
        ([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1], (0.1, 0.4, 1, 0.25)),  # as wide, the first
    ],
)
def test_the_threshold_is_half_or_the_middle_of_the_best_range(
    probabilities: list[float], at_risk: list[int], expected: tuple[float, ...]
) -> None:
    taken, choice = choose_threshold(answered(probabilities, at_risk))
    found = (choice.lowest, choice.highest, choice.mistakes, taken)
    assert found == pytest.approx(expected)
    assert choice.rows == len(at_risk)


def test_an_explanation_says_what_was_chosen() -> None:
    assert choose_threshold(answered([0.1, 0.9], [0, 1]))[1].explanation == (
        "Every threshold from 0.1 to 0.9 makes 0 mistakes on the 2 validation rows, and none "
        "makes fewer; 0.5 is among them, and weighs both kinds of mistake alike."
    )
    below = choose_threshold(answered([0.1, 0.3], [0, 1]))[1].explanation
    assert below.endswith("; 0.5 is not among them, so the middle of the range is taken.")


@pytest.mark.parametrize("decimals", [1, 6])  # with ties and without
def test_brier_log_loss_and_area_under_the_curve_are_scikit_learns(decimals: int) -> None:
    one = Answered(NOISY.cohort, NOISY.probabilities.round(decimals).clip(0.01, 0.99))
    truth, said = one.cohort.at_risk, one.probabilities
    assert one.brier_score() == pytest.approx(brier_score_loss(truth, said))
    assert one.log_loss() == pytest.approx(sklearn_log_loss(truth, said))
    assert one.area_under_curve() == pytest.approx(roc_auc_score(truth, said))


def test_an_impossible_outcome_costs_87_nats_and_not_infinity() -> None:
    assert answered([0.0], [1]).log_loss() == pytest.approx(87.3, abs=0.1)


def test_calibration_bins_say_what_was_said_and_what_was_so() -> None:
    one = answered([0.0, 0.05, 0.72, 0.78, 1.0], [0, 0, 1, 0, 1])
    bins = one.calibration_bins()
    assert [each.rows for each in bins] == [2, 0, 0, 0, 0, 0, 0, 2, 0, 1]
    assert bins[7].mean_probability == pytest.approx(0.75)
    assert bins[7].share_at_risk == pytest.approx(0.5)
    # (2 x 0.025 + 2 x 0.25 + 1 x 0) / 5
    assert one.calibration_error() == pytest.approx(0.11)


def test_a_confusion_matrix_has_the_truth_in_its_rows() -> None:
    one = answered([0.9, 0.5, 0.4, 0.1, 0.2, 0.3], [0, 1, 1, 0, 0, 0])
    assert one.confusion(0.5).tolist() == [[3, 1], [1, 1]]
    assert one.accuracy(0.5) == pytest.approx(4 / 6)


def test_answers_are_picked_by_their_sureness_and_by_an_age_in_or_at_the_ends_of_a_band() -> None:
    one = answered([0.9, 0.45, 0.1, 0.52, 0.55], [0] * 5, [49, 50, 51, 52, 53])
    assert one.least_sure(0.5, 3).probabilities.tolist() == [0.52, 0.45, 0.55]
    assert one.aged(50, 52).probabilities.tolist() == [0.45, 0.1, 0.52]
    assert answered([0.0, 0.125, 0.5, 0.875, 1.0], [0] * 5).share_near_certainty(0.125) == 2 / 5


def test_each_interval_holds_its_figure_and_is_the_seeds() -> None:
    figures = held_out_figures(NOISY, 0.5, seed=3)
    assert figures.auc is not None
    for each in (figures.accuracy, figures.auc, figures.brier, figures.log_loss):
        assert each.low < each.value < each.high
    assert figures == held_out_figures(NOISY, 0.5, seed=3)
    # As wide as the normal one, about.
    error = np.sqrt(figures.accuracy.value * (1 - figures.accuracy.value) / 500)
    assert figures.accuracy.high - figures.accuracy.low == pytest.approx(2 * 1.96 * error, rel=0.1)


@pytest.mark.parametrize("outcome", [0, 1])
def test_rows_of_one_outcome_have_no_area_under_the_curve(outcome: int) -> None:
    one = answered([0.2, 0.7, 0.9], [outcome] * 3)
    assert held_out_figures(one, 0.5, seed=3).auc is None


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(1000, 1000, 0.99617, 1.0), (990, 1000, 0.98169, 0.99456), (8, 10, 0.49016, 0.94332)],
)
def test_wilsons_interval_is_the_published_one(
    right: int, rows: int, low: float, high: float
) -> None:
    assert wilson_interval(right, rows) == pytest.approx((low, high), abs=1e-4)
