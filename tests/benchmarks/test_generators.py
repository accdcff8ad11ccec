"""What the load generators print, as they print it."""

from __future__ import annotations

import pytest

from benchmarks.generators import read_hey, read_ours, read_wrk
from benchmarks.samples import Load

WRK = """\
Running 1s test @ http://127.0.0.1:8890/service
  1 threads and 512 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   150.61ms   51.49ms 307.47ms   66.62%
    Req/Sec     3.25k     1.09k    4.19k    87.50%
  Latency Distribution
     50%  950.00us
     75%   12.50ms
     90%    1.25s
     99%    1.10m
  2591 requests in 1.10s, 1.21MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 17
Requests/sec:   2355.17
Transfer/sec:      1.10MB
"""
HEY = """\
Summary:
  Total:	2.0031 secs
  Slowest:	0.0310 secs
  Requests/sec:	1497.2310

Latency distribution:
  10%% in 0.0004 secs
  50%% in 0.0006 secs
  99%% in 0.0015 secs

Status code distribution:
  [200]	2990 responses
  [429]	9 responses

Error distribution:
  [3]	Post "http://127.0.0.1:8890/service": EOF
  [2]	Post "http://127.0.0.1:8890/service": connection refused
"""


def test_wrk_s_units_become_seconds_and_milliseconds() -> None:
    load = read_wrk(WRK)
    assert (load.requests, load.seconds) == (2591, 1.1)
    assert load.p50_ms == pytest.approx(0.95)
    assert load.p99_ms == pytest.approx(66_000)


def test_what_wrk_counts_as_failed_is_kept_apart() -> None:
    load = read_wrk(WRK)
    assert (load.refused, load.socket_errors) == (17, 10)


def test_wrk_without_failures_reports_none() -> None:
    good = "".join(
        line for line in WRK.splitlines(keepends=True) if "errors" not in line and "Non" not in line
    )
    load = read_wrk(good)
    assert (load.refused, load.socket_errors) == (0, 0)


def test_no_answer_at_all_has_no_latency() -> None:
    nothing = "     50%    0.00us\n     99%    0.00us\n  0 requests in 1.00m, 0.00B read\n"
    assert read_wrk(nothing) == Load(0, 60.0, None, None, 0, 0)


def test_what_is_not_wrk_s_output_is_refused() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        read_wrk("unable to connect to 127.0.0.1:1 Connection refused")


def test_hey_reports_the_same_figures() -> None:
    load = read_hey(HEY)
    assert load == Load(2999, 2.0031, pytest.approx(0.6), pytest.approx(1.5), 9, 5)  # type: ignore[arg-type] # approx compares as a float


def test_ours_prints_what_it_saw() -> None:
    printed = (
        '{"requests": 3, "seconds": 1.5, "p50_ms": 0.5, "p99_ms": null, "refused": 1, '
        '"socket_errors": 0}'
    )
    assert read_ours(printed) == Load(3, 1.5, 0.5, None, 1, 0)
    assert read_ours(printed).rate == pytest.approx(2 / 1.5)
