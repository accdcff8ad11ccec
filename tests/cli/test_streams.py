"""The standard streams may be closed, full or broken: what was asked for is done all the same."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from cardiorisk.cli.streams import Telling
from tests.cli.conftest import Call, start


def shell(command: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours with its streams redirected as a shell does it."""
    line = f"{shlex.quote(sys.executable)} -m cardiorisk {command} {redirection}"
    return subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_change_that_cannot_be_told_is_made(call: Call, redirection: str) -> None:
    call("keys", "create", "--account", "ana")
    changed = shell("accounts plan ana premium", redirection)
    assert (changed.returncode, changed.stderr) == (0, "")
    assert "ana\tpremium" in call("accounts", "list").stdout


def test_the_database_is_not_opened_in_the_place_of_a_stream() -> None:
    listed = shell("keys create --account ana", "<&- 2>&-; ls keys.db*")
    assert listed.stdout.splitlines()[1:] == ["keys.db"]
    assert start("keys", "list").stdout.count("\tana\t") == 1


@pytest.mark.parametrize("asked", ["--help", "log --help", "db current"])
def test_an_answer_that_does_not_fit_on_the_disk_is_one_line(call: Call, asked: str) -> None:
    call("db", "upgrade")
    shown = shell(asked, ">/dev/full")
    assert (shown.returncode, shown.stderr) == (1, "cardiorisk: No space left on device\n")


def test_assessments_that_have_nowhere_to_go_are_not_made() -> None:
    shown = shell("score - -", ">&-")
    assert (shown.returncode, shown.stderr) == (
        1,
        "cardiorisk: standard output is closed, so the assessments could not be shown\n",
    )


def test_a_stream_that_only_tells_leaves_out_what_a_full_pipe_does_not_take() -> None:
    reading, writing = os.pipe()
    telling = Telling(writing, waits=False)
    heard = []
    for piece in (b"told", bytes(1 << 20)):
        assert telling.write(piece) == len(piece)
        heard.append(telling.is_heard)
    assert (heard, os.read(reading, 4)) == ([True, False], b"told")
    os.close(reading)
    assert telling.write(b"broken") == len(b"broken")
    os.close(writing)
