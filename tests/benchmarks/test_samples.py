"""Expected numbers are worked out by hand from the rounds below."""

from __future__ import annotations

import pytest

from benchmarks.samples import Load, Sample, Spread, rate_ratio, ratios, summarize


def sample(server: str, round_: int, requests: int, *, refused: int = 0, waited: int = 0) -> Sample:
    load = Load(requests, 2.0, 1.0 + round_, 3.0, refused, waited)
    return Sample(server, 8, round_, load, cpu_seconds=1.0, memory_mb=50.0)


ROUNDS = [
    sample("bare", 0, 2000),
    sample("litert", 0, 1000),
    sample("bare", 1, 1000),
    sample("litert", 1, 900),
    sample("bare", 2, 4000),
    sample("litert", 2, 2800),
]


def test_a_ratio_is_taken_within_its_round() -> None:
    mine = [each for each in ROUNDS if each.server == "litert"]
    theirs = [each for each in ROUNDS if each.server == "bare"]
    assert ratios(mine, theirs) == [0.5, 0.9, 0.7]


def test_the_ratio_of_a_server_is_the_median_of_its_rounds() -> None:
    summary = summarize(ROUNDS, "litert", 8)
    assert summary
    assert summary.ratio == Spread(0.7, 0.5, 0.9)
    assert summary.rate == Spread(500, 450, 1400)


def test_a_round_in_which_the_other_answered_nothing_has_no_ratio() -> None:
    assert ratios([sample("litert", 0, 10)], [sample("bare", 0, 0)]) == []


def test_two_servers_can_be_compared_without_the_yardstick() -> None:
    rounds = [sample("litert", 0, 900), sample("fastapi", 0, 300)]
    assert rate_ratio(rounds, "litert", "fastapi", 8) == Spread(3, 3, 3)


def test_refused_answers_are_no_rate_and_take_the_processor_all_the_same() -> None:
    summary = summarize([sample("bare", 0, 2000, refused=1000)], "bare", 8)
    assert summary
    assert summary.rate.median == pytest.approx(500)
    assert summary.cpu_per_thousand == Spread(1, 1, 1)
    assert summary.refused == 1000


def test_failures_are_counted_over_all_rounds() -> None:
    summary = summarize([sample("bare", 0, 9, waited=2), sample("bare", 1, 9, waited=3)], "bare", 8)
    assert summary
    assert summary.socket_errors == 5


def test_fewer_than_two_answers_a_connection_are_saturation() -> None:
    enough = summarize([sample("bare", 0, 16)], "bare", 8)
    too_few = summarize([sample("bare", 0, 15)], "bare", 8)
    assert enough
    assert too_few
    assert (enough.is_saturated, too_few.is_saturated) == (False, True)


def test_what_was_not_measured_has_no_summary() -> None:
    assert summarize(ROUNDS, "litert", 32) is None


def test_a_sample_survives_json() -> None:
    assert Sample.from_json(ROUNDS[0].as_json()) == ROUNDS[0]
