"""``cardiorisk log``: the bitácora summed up, and its newest lines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.bitacora.entry import Entry
from cardiorisk.cli.log_reports import LARGE_LOG_BYTES
from tests.bitacora.support import make_entry
from tests.cli.conftest import Call, on_terminal, start

LOG = Path("logs/bitacora.jsonl")
NOON_S = 1_795_348_800.0  # 2026-11-22T12:00:00Z
REFUSED: dict[str, Any] = {"riesgo_cardiaco": None, "probabilidad": None, "modelo": None}
EXPECTED_STATS = """\
logs/bitacora.jsonl
  from        2026-11-22T12:00:00.000000Z
  to          2026-11-22T12:02:00.000000Z
  requests    4 (2.0 a minute)
  refusals    2 (50.0%): 401, 403, 413, 429, 503
  torn lines  1

status                   requests
200                             2
401                             1
429                             1

code                     requests
missing-key                     1
rate-limited                    1

plan                     requests
freemium                        2
premium                         1

ms by stage              requests        p50        p90        p99        max
auth                            2      0.020      0.020      0.020      0.020
total                           4      0.504      7.979      8.000      8.000
"""


def write(*entries: Entry, after: bytes = b"") -> None:
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"".join(entry.line() for entry in entries) + after)


def numbered(count: int) -> list[Entry]:
    return [make_entry(request_id=f"r{number}") for number in range(count)]


@pytest.fixture
def four_requests() -> None:
    write(
        make_entry(ts_seconds=NOON_S, timings_ms={"auth": 0.02, "total": 1.0}),
        make_entry(ts_seconds=NOON_S + 60, plan="premium", timings_ms={"auth": 0.02, "total": 8.0}),
        make_entry(
            ts_seconds=NOON_S + 90,
            key_id=None,
            plan=None,
            status=401,
            code="missing-key",
            timings_ms={"total": 0.5},
            **REFUSED,
        ),
        make_entry(
            ts_seconds=NOON_S + 120,
            status=429,
            code="rate-limited",
            timings_ms={"total": 0.5},
            **REFUSED,
        ),
        after=b'{"v":1,"ts":"2026',
    )


@pytest.mark.usefixtures("four_requests")
class TestStats:
    """``log stats`` on four requests and a torn line."""

    def test_stats_are_shown_as_tables(self, call: Call) -> None:
        result = call("log", "stats")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == EXPECTED_STATS

    def test_stats_are_one_json_object(self, call: Call) -> None:
        document = json.loads(call("log", "stats", "--json").stdout)
        latency = document.pop("latency_ms")
        assert document == {
            "log": "logs/bitacora.jsonl",
            "requests": 4,
            "first": "2026-11-22T12:00:00.000000Z",
            "last": "2026-11-22T12:02:00.000000Z",
            "requests_per_minute": 2.0,
            "refusals": 2,
            "by_status": {"200": 2, "401": 1, "429": 1},
            "by_code": {"missing-key": 1, "rate-limited": 1},
            "by_plan": {"freemium": 2, "premium": 1},
            "latency_relative_error": 0.01,
            "torn_lines": 1,
        }
        assert latency["total"] == pytest.approx(
            {"count": 4, "p50": 0.5, "p90": 8.0, "p99": 8.0, "max": 8.0}, rel=0.01
        )

    @pytest.mark.parametrize(
        ("since", "requests"),
        [
            ("2026-11-22", 4),
            ("2026-11-22T12:01", 3),
            ("2026-11-22T12:01:00Z", 3),
            ("2026-11-22T13:01:30+01:00", 2),
            ("2026-11-23", 0),
        ],
    )
    def test_older_requests_are_left_out(self, call: Call, since: str, requests: int) -> None:
        document = json.loads(call("log", "stats", "--json", "--since", since).stdout)
        assert document["requests"] == requests

    def test_stats_of_nothing_are_zeros(self, call: Call) -> None:
        result = call("log", "stats", "--since", "2026-11-23")
        assert result.stdout == (
            "logs/bitacora.jsonl\n"
            "  requests    0\n"
            "  refusals    0: 401, 403, 413, 429, 503\n"
            "  torn lines  1\n"
        )

    def test_a_log_elsewhere_is_read_by_the_option_or_else_the_settings(
        self, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("logs").rename("elsewhere")
        result = call("log", "stats", "--log-dir", "elsewhere", "--json")
        assert json.loads(result.stdout)["log"] == "elsewhere/bitacora.jsonl"
        monkeypatch.setenv("CARDIORISK_LOG_DIR", "elsewhere")
        assert call("log", "stats").exit_code == 0


@pytest.mark.parametrize(
    ("age", "requests"), [("300s", 1), ("15m", 2), ("2h", 3), ("2d", 4), ("999999999d", 5)]
)
def test_age_leaves_out_what_is_older(call: Call, age: str, requests: int) -> None:
    now_s = time.time()
    write(
        *(
            make_entry(ts_seconds=now_s - ago_s)
            for ago_s in (10, 10 * 60, 3_600, 86_400, 10 * 86_400)
        )
    )
    document = json.loads(call("log", "stats", "--json", "--since", age).stdout)
    assert document["requests"] == requests


@pytest.mark.parametrize("when", ["yesterday", "5 minutes", "-5m", "", "9999999999m", "0001-13-01"])
def test_unreadable_moment_is_wrong_usage(call: Call, when: str) -> None:
    result = call("log", "stats", "--since", when)
    assert result.exit_code == 2
    assert "is neither a time (2026-11-22T20:47) nor an age (15m, 2h, 7d)" in result.stderr


@pytest.mark.parametrize("command", ["stats", "tail", "drift"])
def test_missing_log_fails_in_one_line(call: Call, command: str) -> None:
    result = call("log", command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "cardiorisk: there is no bitácora at logs/bitacora.jsonl; "
        "start the service, or give its --log-dir\n"
    )


def test_piped_tail_is_the_newest_twenty_lines_themselves_unless_told(call: Call) -> None:
    write(*numbered(30), after=b"torn")
    result = call("log", "tail", "-n", "2")
    assert result.stdout_bytes == b"".join(entry.line() for entry in numbered(30)[-2:])
    assert result.stderr == "1 torn line(s) passed over\n"
    assert call("log", "tail").stdout.count("\n") == 20


def test_reader_who_has_had_enough_is_no_failure() -> None:
    write(*numbered(20_000))
    shown = subprocess.run(  # noqa: S602 - a pipe is what is tested
        f"{sys.executable} -m cardiorisk log tail -n 20000 | head -n 1",
        shell=True,
        capture_output=True,
        check=True,
    )
    assert (shown.stdout, shown.stderr) == (numbered(1)[0].line(), b"")


def test_tail_on_a_terminal_is_columns() -> None:
    write(
        make_entry(ts_seconds=NOON_S + 0.25),
        make_entry(riesgo_cardiaco=False, probabilidad=0.02, ts_seconds=NOON_S),
        make_entry(ts_seconds=NOON_S, status=401, plan=None, code="missing-key", **REFUSED),
        make_entry(ts_seconds=NOON_S, route="/healthz", plan=None, **REFUSED),
    )
    lines = on_terminal("log", "tail").splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["time", "2026-11-22 12:00:00.250"]
    assert [" ".join(line.split()) for line in lines] == [
        "time status method route ms plan answer",
        "2026-11-22 12:00:00.250 200 GET /service 1.020 freemium risk 0.9700",
        "2026-11-22 12:00:00.000 200 GET /service 1.020 freemium no risk 0.0200",
        "2026-11-22 12:00:00.000 401 GET /service 1.020 - missing-key",
        "2026-11-22 12:00:00.000 200 GET /healthz 1.020 -",
    ]


def test_tail_with_json_is_raw_on_a_terminal_too() -> None:
    write(*numbered(1))
    assert on_terminal("log", "tail", "--json") == numbered(1)[0].line().decode()


def test_text_of_strangers_cannot_steer_the_terminal() -> None:
    write(make_entry(method="\x1b[2J\ud800\x07" + "A" * 99, code="\x1b]0;x"))
    line = on_terminal("log", "tail").splitlines()[1]
    assert line.split()[3] == "?[2J??…"
    assert line.endswith("?]0;x")


def test_large_log_shows_its_progress_on_a_terminal() -> None:
    write(*numbered(10), after=b"x" * LARGE_LOG_BYTES)
    shown = on_terminal("log", "stats", stream="stderr")
    assert "Reading logs/bitacora.jsonl" in shown
    assert "100%" in shown


def test_progress_is_not_shown_of_a_small_log_nor_into_a_pipe() -> None:
    write(*numbered(10))
    assert on_terminal("log", "stats", stream="stderr") == ""
    write(*numbered(10), after=b"x" * LARGE_LOG_BYTES)
    assert start("log", "stats").stderr == ""


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let a child be interrupted although whoever started the tests (nohup, say) may not be."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("interruptible")
def test_following_survives_rotation_and_ends_cleanly_on_ctrl_c() -> None:
    first, second, third = numbered(3)
    write(first)
    with subprocess.Popen(
        [sys.executable, "-m", "cardiorisk", "log", "tail", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as follower:
        assert follower.stdout is not None
        assert follower.stderr is not None
        try:
            assert follower.stdout.readline() == first.line()
            with LOG.open("ab") as log:
                log.write(second.line())
            assert follower.stdout.readline() == second.line()
            LOG.rename("logs/bitacora.jsonl.1")
            write(third)
            assert follower.stdout.readline() == third.line()
            follower.send_signal(signal.SIGINT)
            assert follower.wait(timeout=60) == 0
            assert follower.stderr.read() == b""
        finally:
            follower.kill()
