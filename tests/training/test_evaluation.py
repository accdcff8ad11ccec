"""The figures, against tables worked out by hand and against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.metrics import log_loss as sklearn_log_loss

from cardiorisk.training.answered import Answered
from cardiorisk.training.data import Cohort
from cardiorisk.training.evaluation import (
    choose_threshold,
    measure_ages,
    measure_bands,
    measure_benefit,
    measure_rows,
)
from cardiorisk.training.report import measures


def answered(
    probabilities: list[float], at_risk: list[int], ages: list[int] | None = None
) -> Answered:
    values = np.zeros((len(at_risk), 6), np.float32)
    values[:, 0] = np.arange(len(at_risk))  # so that nobody is a copy
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
    ("probabilities", "at_risk", "expected"),  # the range, its mistakes, those at 0.5
    [
        ([0.1, 0.9], [0, 1], (0.1, 0.9, 0, 0)),  # 0.5 is inside
        ([0.1, 0.3], [0, 1], (0.1, 0.3, 0, 1)),
        ([0.6, 0.8, 0.9], [0, 1, 1], (0.6, 0.8, 0, 1)),
        ([0.5, 0.9], [1, 1], (0.0, 0.5, 0, 0)),  # 0.5 answers yes to 0.5
        ([0.1, 0.5], [0, 0], (0.5, 1.0, 0, 1)),  # 0.5 at the open end is not inside
        ([0.2, 0.45, 0.6, 0.8], [0, 1, 0, 1], (0.2, 0.45, 1, 2)),  # the wider of two
        ([0.2, 0.3, 0.4, 0.9], [0, 1, 0, 1], (0.4, 0.9, 1, 1)),  # the one with 0.5, of two
        ([0.1, 0.3, 0.6, 0.9], [0, 0, 0, 0], (0.9, 1.0, 0, 2)),
        ([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1], (0.1, 0.4, 1, 2)),  # as wide, the first
    ],
)
def test_few_rows_leave_the_threshold_at_half_and_say_what_would_be_best(
    probabilities: list[float], at_risk: list[int], expected: tuple[float, ...]
) -> None:
    taken, choice = choose_threshold(answered(probabilities, at_risk))
    found = (choice.lowest, choice.highest, choice.mistakes, choice.mistakes_at_half)
    assert taken == 0.5
    assert found == pytest.approx(expected)
    assert choice.rows == len(at_risk)


@pytest.mark.parametrize(
    ("rows", "better", "taken"),
    # One in 1,024 is the chance of ten wins of ten, one in 512 that of nine.
    [(200, 10, 0.35), (200, 9, 0.5), (199, 10, 0.5)],
)
def test_enough_rows_move_the_threshold_where_a_sign_test_is_sure(
    rows: int, better: int, taken: float
) -> None:
    told = [0.3] * (rows - better - 50) + [0.4] * better + [0.9] * 50
    so = [0] * (rows - better - 50) + [1] * (better + 50)
    threshold, choice = choose_threshold(answered(told, so))
    assert threshold == pytest.approx(taken)
    assert choice.chance == pytest.approx(0.5**better)


def test_copies_of_a_patient_move_the_threshold_as_one() -> None:
    one = answered([0.3] * 200 + [0.4] * 20 + [0.9] * 50, [0] * 200 + [1] * 70)
    assert choose_threshold(one)[0] == pytest.approx(0.35)
    one.cohort.values[200:220] = one.cohort.values[200]
    taken, choice = choose_threshold(one)
    assert (taken, choice.chance) == (0.5, 0.5)


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
    rows, told, so = one.bands()
    assert rows.tolist() == [2, 0, 0, 0, 0, 0, 0, 2, 0, 1]
    assert (told[7], so[7]) == pytest.approx((0.75, 0.5))
    assert np.isnan(told[1])
    bands = measure_bands(one)
    assert [(band.low, band.high, band.rows) for band in bands[6:8]] == [
        (0.6, 0.7, 0),
        (0.7, 0.8, 2),
    ]
    assert bands[6].at_risk is None
    share = bands[7].at_risk
    assert share is not None
    # Wilson's interval of one in two, worked out by hand.
    assert (share.value, share.low, share.high) == pytest.approx((0.5, 0.0945, 0.9055), abs=1e-4)
    # (2 x 0.025 + 2 x 0.25 + 1 x 0) / 5
    assert one.calibration_error() == pytest.approx(0.11)


def test_a_confusion_matrix_has_the_truth_in_its_rows() -> None:
    one = answered([0.9, 0.5, 0.4, 0.1, 0.2, 0.3], [0, 1, 1, 0, 0, 0])
    assert one.confusion(0.5).tolist() == [[3, 1], [1, 1]]
    assert one.accuracy(0.5) == pytest.approx(4 / 6)


def test_answers_are_picked_by_an_age_in_or_at_the_ends_of_a_band() -> None:
    one = answered([0.9, 0.45, 0.1, 0.52, 0.55], [0] * 5, [49, 50, 51, 52, 53])
    assert one.aged(50, 52).probabilities.tolist() == [0.45, 0.1, 0.52]


def test_each_interval_holds_its_figure_and_is_the_seeds() -> None:
    figures = measure_rows(NOISY, 0.5, seed=3)
    assert figures == measure_rows(NOISY, 0.5, seed=3)
    measured = [value for _, value in measures(figures) if value is not None]
    assert len(measured) == 11
    for each in measured:
        assert each.low < each.value < each.high
    truth, said = NOISY.cohort.at_risk, NOISY.probabilities >= 0.5
    assert figures.sensitivity is not None
    assert figures.ppv is not None
    assert figures.balanced_accuracy is not None
    assert figures.sensitivity.value == pytest.approx(recall_score(truth, said))
    assert figures.ppv.value == pytest.approx(precision_score(truth, said))
    assert figures.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(truth, said))


def test_the_calibration_line_is_an_unpenalized_logistic_regression_s() -> None:
    logits = np.log(NOISY.probabilities / (1 - NOISY.probabilities))[:, np.newaxis]
    fitted = LogisticRegression(C=1e9, tol=1e-9).fit(logits, NOISY.cohort.at_risk)
    expected = (fitted.coef_[0, 0], fitted.intercept_[0])
    assert NOISY.calibration_line() == pytest.approx(expected, abs=1e-4)
    assert answered([0.1, 0.2, 0.8], [0, 0, 1]).calibration_line() is None  # nothing overlaps


def test_the_decision_curve_weighs_false_alarms_by_the_thresholds_odds() -> None:
    one = answered([0.9, 0.6, 0.3, 0.1], [1, 0, 1, 0])
    assert one.net_benefit(0.5) == pytest.approx((1 - 1) / 4)
    assert one.net_benefit(0.2) == pytest.approx((2 - 1 / 4) / 4)
    curve = {point.threshold: point for point in measure_benefit(one, seed=3)}
    assert curve[0.2].everybody == pytest.approx((2 - 2 / 4) / 4)
    assert curve[0.2].network.value == pytest.approx(one.net_benefit(0.2))


def test_age_bands_have_figures_of_their_own_and_empty_ones_are_left_out() -> None:
    one = answered([0.9, 0.2, 0.7, 0.4], [1, 0, 0, 0], [20, 30, 80, 99])
    bands = measure_ages(one, 0.5, seed=3)
    assert [(band.first, band.figures.rows) for band in bands] == [(18, 2), (80, 2)]
    assert [band.figures.accuracy.value for band in bands] == [1.0, 0.5]


@pytest.mark.parametrize("outcome", [0, 1])
def test_rows_of_one_outcome_have_no_area_under_the_curve(outcome: int) -> None:
    one = answered([0.2, 0.7, 0.9], [outcome] * 3)
    figures = measure_rows(one, 0.5, seed=3)
    assert (figures.auc, figures.balanced_accuracy, figures.calibration_slope) == (None,) * 3
    assert (figures.sensitivity is None) == (outcome == 0)


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(1000, 1000, 0.99617, 1.0), (990, 1000, 0.98169, 0.99456), (8, 10, 0.49016, 0.94332)],
)
def test_shares_of_rows_have_wilsons_interval(
    right: int, rows: int, low: float, high: float
) -> None:
    told = measure_rows(answered([0.9] * right + [0.1] * (rows - right), [1] * rows), 0.5, seed=3)
    assert (told.accuracy.low, told.accuracy.high) == pytest.approx((low, high), abs=1e-4)
