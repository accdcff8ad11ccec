"""What ``cardiorisk serve`` tells on the terminal can be pasted there."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cardiorisk.cli.serve import TerminalAnnouncer
from cardiorisk.config import load_settings

COMMANDS = Path(sys.executable).parent


def advice(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the line that says how to make a key, told where no key was just made."""
    TerminalAnnouncer(load_settings({})).ready("http://127.0.0.1:8888", "1-7c7cfe6f")
    lines = capsys.readouterr().out.splitlines()
    return next(line for line in lines if line.startswith("Make a key with: "))


def test_the_command_is_told_with_its_directory_where_it_is_not_on_the_path(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    program, *arguments = shlex.split(advice(capsys).partition(": ")[2])
    assert arguments == ["keys", "create", "--account", "NAME"]
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    assert said.stdout.startswith("cardiorisk")


def test_the_command_is_told_by_its_name_where_it_is_on_the_path(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(COMMANDS))
    assert advice(capsys) == "Make a key with: cardiorisk keys create --account NAME"
