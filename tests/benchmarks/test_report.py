"""What the figures say together, and the page that is made of them.

Expected numbers are worked out by hand from the rounds below.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import micro, report, results
from benchmarks.compare import judgement
from benchmarks.results import Load, Micro, Row, Run, Sample, Server, Spread


def sample(server: str, round_: int, requests: int, refused: int = 0, mb: float = 50.0) -> Sample:
    load = Load(requests, 2.0, 1.0 + round_, 3.0, refused, socket_errors=round_)
    return Sample(server, 8, round_, load, cpu_seconds=1.0, memory_mb=mb)


RUN = Run(
    about={"date": "2026-11-25"},
    servers=[Server("bare", 0.1, 20.0), Server("litert", 0.8, 79.0)],
    skipped={"mlserver": "it cannot be installed"},
    samples=[
        sample("bare", 0, 2000),
        sample("litert", 0, 1000),
        sample("litert", 1, 1100, refused=200, mb=50.25),
        sample("bare", 1, 1000),
        sample("bare", 2, 4000),
        sample("litert", 2, 2800, mb=50.5),
    ],
)
FULL = Spread(1.0, 0.5, 2.0)
PARTS = [Row(name, 0, FULL) for name in micro.PARTS if name not in {micro.HIT, micro.DECISION}]
GROWING = [
    Row(name, size, Spread(size / 10, 0.5, size))
    for size in (10, 1000)
    for name in (micro.HIT, micro.MISS, micro.DECISION)
]
WHOLE = [Row(micro.PROCESSOR, 0, Spread(14.0, 12.0, 16.0)), Row(micro.LATENCY, 0, FULL)]


def test_a_ratio_is_taken_within_its_round_and_refused_answers_are_no_rate() -> None:
    assert RUN.ratio("litert", "bare", 8, lambda each: each.rate) == Spread(0.7, 0.5, 0.9)
    assert RUN.spread("litert", 8, lambda each: each.rate) == Spread(500, 450, 1400)
    assert sample("bare", 0, 2000, refused=1000).cpu_us == pytest.approx(1000)
    assert sample("bare", 0, 1000, refused=1000).cpu_us is None
    # A round that one of the two did not answer in has no ratio.
    rounds = [sample("litert", 0, 10), sample("bare", 0, 0), sample("litert", 1, 10)]
    run = Run({}, [], {}, rounds)
    assert run.ratio("litert", "bare", 8, lambda each: each.rate) is None
    assert run.spread("litert", 32, lambda each: each.rate) is None


def test_growth_is_from_first_to_last_and_checkouts_are_judged_by_rate_and_processor() -> None:
    assert RUN.growth("litert") == (3900, 0.5)
    assert judgement(RUN, [("litert", "bare")]).splitlines()[2:] == [
        "| litert | 8 | 0.7 (0.5 to 0.9) | 1.43 (1.11 to 2) |"
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0.0, "0"), (0.12345, "0.123"), (9.999, "10"), (12_345.6, "12,300")],
)
def test_a_figure_has_three_digits(number: float | None, text: str) -> None:
    assert results.shown(number) == text


def test_figures_survive_the_file(tmp_path: Path) -> None:
    results.write(RUN, tmp_path / "results" / "servers.json")
    results.write(Micro({"date": "today"}, PARTS), tmp_path / "micro.json")
    assert results.read_run(tmp_path / "results" / "servers.json") == RUN
    assert results.read_micro(tmp_path / "micro.json") == Micro({"date": "today"}, PARTS)


def test_a_row_has_everything_that_was_measured_of_a_server_or_why_nothing_was() -> None:
    bare, litert = report.load_table(RUN, 8, 8).splitlines()[2:]
    ratio = "0.7 (0.5 to 0.9)"
    assert bare == "| bare Tornado | 1 | 1 | 1,000 | 3 | 3 | 500 |"
    assert litert == f"| cardiorisk, litert | {ratio} | {ratio} | 500 | 3 | 3 | 1,000 |"
    *_, grown, left_out = report.servers_table(RUN).splitlines()
    assert grown.endswith(" | 0.8 | 79 | 0.5 over 3,900 |")
    assert left_out == "| MLServer | left out: it cannot be installed | - | - | - |"
    assert report.failures(RUN) == "bare Tornado 3; cardiorisk, litert 203"
    assert report.failures(Run({}, [], {}, [sample("bare", 0, 10)])) == "none"
    for requests, mark in ((15, " †"), (16, "")):  # fewer than two answers a connection
        run = Run({}, [Server("bare", 0.1, 20.0)], {}, [sample("bare", 0, requests)])
        made = report.load_table(run, 8, 8)
        assert made.splitlines()[2].startswith(f"| bare Tornado{mark} |")
        assert made.endswith(report.SATURATED) == bool(mark)


def test_parts_are_taken_from_the_whole_at_their_smallest_size() -> None:
    lines = report.parts_table([*GROWING, *PARTS, *WHOLE]).splitlines()
    assert lines[-3:] == [
        "| HTTP, the handler and the system: the rest | 7 |",
        "| processor time in all | 14 (12 to 16) |",
        "| p50 at 1 connection | 1 (0.5 to 2) |",
    ]
    assert f"| {micro.MISS} | 1 | 100 |" in report.growth_table(GROWING).splitlines()


def test_the_committed_page_is_that_of_its_results_and_a_plot_shows_all(tmp_path: Path) -> None:
    page = report.page(results.read_run(results.SERVERS), results.read_micro(results.MICRO))
    assert page == report.PAGE.read_text("utf-8")
    report.draw(RUN, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert all(f">{title}<" in drawn for title in ("bare Tornado", "cardiorisk, litert"))
