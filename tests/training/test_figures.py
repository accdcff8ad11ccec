"""The figures, against tables worked out by hand and against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from cardiorisk.model.card import ThresholdChoice
from cardiorisk.training.data import Cohort
from cardiorisk.training.figures import (
    AgeBand,
    Answered,
    area_under_curve,
    brier_score,
    by_age,
    calibration_bins,
    calibration_error,
    choose_threshold,
    held_out_figures,
    log_loss,
    threshold_of,
    wilson_interval,
)


def answered(
    probabilities: list[float], at_risk: list[int], ages: list[int] | None = None
) -> Answered:
    values = np.zeros((len(at_risk), 6), np.float32)
    if ages is not None:
        values[:, 3] = ages
    return Answered(Cohort(values, np.array(at_risk, np.bool_)), np.array(probabilities))


@pytest.fixture(scope="module")
def noisy() -> Answered:
    """500 answers that are right four times in five."""
    random = np.random.default_rng(1)
    at_risk = random.random(500) < 0.4
    lean = np.where(random.random(500) < 0.8, at_risk, ~at_risk)
    probabilities = np.clip(0.5 + 0.35 * (2 * lean - 1) + random.normal(0, 0.1, 500), 0.01, 0.99)
    return answered(probabilities.tolist(), at_risk.astype(int).tolist())


@pytest.mark.parametrize(
    ("probabilities", "at_risk", "lowest", "highest", "mistakes", "threshold"),
    [
        ([0.1, 0.9], [0, 1], 0.1, 0.9, 0, 0.5),  # 0.5 is inside
        ([0.1, 0.3], [0, 1], 0.1, 0.3, 0, 0.2),  # 0.5 is above: the middle
        ([0.6, 0.8, 0.9], [0, 1, 1], 0.6, 0.8, 0, 0.7),  # 0.5 is below: the middle
        ([0.5, 0.9], [1, 1], 0.0, 0.5, 0, 0.5),  # 0.5 answers yes to 0.5
        ([0.1, 0.5], [0, 0], 0.5, 1.0, 0, 0.75),
        ([0.2, 0.45, 0.6, 0.8], [0, 1, 0, 1], 0.2, 0.45, 1, 0.325),  # the wider of two
    ],
)
def test_the_threshold_is_half_or_the_middle_of_the_best_range(
    probabilities: list[float],
    at_risk: list[int],
    lowest: float,
    highest: float,
    mistakes: int,
    threshold: float,
) -> None:
    choice = choose_threshold(answered(probabilities, at_risk))
    assert choice.mistakes == mistakes
    found = (choice.lowest, choice.highest, threshold_of(choice))
    assert found == pytest.approx((lowest, highest, threshold))


def test_no_threshold_makes_fewer_mistakes_than_the_chosen_one(noisy: Answered) -> None:
    choice = choose_threshold(noisy)
    fewest = min(int(noisy.wrong(cut).sum()) for cut in np.linspace(0, 1, 2001))
    assert int(noisy.wrong(threshold_of(choice)).sum()) == choice.mistakes == fewest


def test_an_explanation_says_what_was_chosen() -> None:
    assert choose_threshold(answered([0.1, 0.9], [0, 1])).explanation == (
        "Every threshold from 0.1 to 0.9 makes 0 mistakes on the 2 validation rows, and none makes "
        "fewer; 0.5 is among them, and weighs both kinds of mistake alike."
    )


def test_half_at_the_open_end_of_the_range_is_not_taken() -> None:
    choice = ThresholdChoice(lowest=0.5, highest=0.9, mistakes=0, rows=2, explanation="")
    assert threshold_of(choice) == pytest.approx(0.7)


def test_brier_and_log_loss_are_scikit_learns(noisy: Answered) -> None:
    truth, said = noisy.cohort.at_risk, noisy.probabilities
    assert brier_score(noisy) == pytest.approx(brier_score_loss(truth, said))
    assert log_loss(noisy) == pytest.approx(sklearn_log_loss(truth, said))


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_area_under_the_curve_is_scikit_learns_ties_or_not(
    noisy: Answered, decimals: int
) -> None:
    rounded = Answered(noisy.cohort, noisy.probabilities.round(decimals))
    expected = roc_auc_score(rounded.cohort.at_risk, rounded.probabilities)
    assert area_under_curve(rounded) == pytest.approx(expected)


def test_an_impossible_outcome_costs_87_nats_and_not_infinity() -> None:
    assert log_loss(answered([0.0], [1])) == pytest.approx(87.3, abs=0.1)


def test_calibration_bins_say_what_was_said_and_what_was_so() -> None:
    bins = calibration_bins(answered([0.0, 0.05, 0.72, 0.78, 1.0], [0, 0, 1, 0, 1]))
    assert [each.rows for each in bins] == [2, 0, 0, 0, 0, 0, 0, 2, 0, 1]
    assert bins[7].mean_probability == pytest.approx(0.75)
    assert bins[7].share_at_risk == pytest.approx(0.5)
    # (2 x 0.025 + 2 x 0.25 + 1 x 0) / 5
    assert calibration_error(bins) == pytest.approx(0.11)


def test_each_interval_holds_its_figure(noisy: Answered) -> None:
    figures = held_out_figures(noisy, 0.5, seed=3)
    assert figures.auc is not None
    for each in (figures.accuracy, figures.auc, figures.brier, figures.log_loss):
        assert each.low < each.value < each.high


def test_the_accuracys_interval_is_about_as_wide_as_the_normal_one(noisy: Answered) -> None:
    accuracy = held_out_figures(noisy, 0.5, seed=3).accuracy
    error = np.sqrt(accuracy.value * (1 - accuracy.value) / 500)
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_same_seed_gives_the_same_intervals(noisy: Answered) -> None:
    assert held_out_figures(noisy, 0.5, seed=3) == held_out_figures(noisy, 0.5, seed=3)


def test_rows_of_one_outcome_have_no_area_under_the_curve() -> None:
    assert held_out_figures(answered([0.2, 0.7, 0.9], [1, 1, 1]), 0.5, seed=3).auc is None


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(1000, 1000, 0.99617, 1.0), (990, 1000, 0.98169, 0.99456), (8, 10, 0.49016, 0.94332)],
)
def test_wilsons_interval_is_the_published_one(
    right: int, rows: int, low: float, high: float
) -> None:
    assert wilson_interval(right, rows) == pytest.approx((low, high), abs=1e-4)


def test_age_bands_hold_both_of_their_ends() -> None:
    bands = by_age(answered([0.9] * 5, [1, 0, 1, 0, 0], [49, 50, 52, 53, 99]), 0.5)
    assert bands[2] == AgeBand(35, 49, 1, 0)
    assert bands[3] == AgeBand(50, 52, 2, 1)
    assert (bands[4].rows, bands[-1].rows) == (1, 1)
    assert sum(band.rows for band in bands) == 5
