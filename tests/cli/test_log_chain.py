"""``cardiorisk log verify`` and its like, as they are called."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cardiorisk.bitacora import files
from cardiorisk.bitacora.writer import Bitacora
from tests.bitacora.support import make_entry
from tests.cli.conftest import Call, on_terminal

LOGS = Path("logs")
LOG = LOGS / "bitacora.jsonl"


@pytest.fixture
def sealed(call: Call) -> str:
    """Write a sealed log of two files, and return its newest checkpoint."""
    assert call("log", "seal-key", "keys").exit_code == 0
    for number in range(2):
        # By a clock that stands, for each second would have a checkpoint of its own.
        bitacora = Bitacora(LOGS, seal_key_file=Path("keys/install.key"), clock=lambda: 0.0)
        for _ in range(3):
            bitacora.append(make_entry().line())
        bitacora.close()
        if number == 0:
            Path(f"{LOG}.2.gz").write_bytes(gzip.compress(LOG.read_bytes()))
            LOG.unlink()
    return call("log", "checkpoint").stdout


@pytest.mark.usefixtures("sealed")
def test_a_whole_log_is_said_to_be_and_what_was_not_looked_at(call: Call) -> None:
    result = call("log", "verify", "--key", "keys/verify.key")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(
        "logs/bitacora.jsonl: whole: 6 lines in 2 file(s), sealed by 4 checkpoints until 20"
    )
    assert call("log", "verify").stdout.splitlines()[1:] == [
        "  its seals were not checked: --key takes the file verify.key"
    ]


def test_a_log_that_is_not_whole_is_said_to_be_by_the_first_faulty_line(
    call: Call, sealed: str
) -> None:
    LOG.write_bytes(LOG.read_bytes().replace(b"freemium", b"premium_", 1))
    result = call("log", "verify", "logs")
    assert (result.exit_code, result.stdout) == (
        1,
        "logs/bitacora.jsonl: NOT WHOLE: logs/bitacora.jsonl, line 2: changed\n",
    )
    LOG.unlink()
    for against in (sealed, "kept"):
        Path("kept").write_text(sealed)
        result = call("log", "verify", "--against", against)
        assert (result.exit_code, "the end was cut off" in result.stdout) == (1, True)


@pytest.mark.usefixtures("sealed")
def test_files_and_directories_of_several_processes_are_told_apart(call: Call) -> None:
    Bitacora(LOGS, node="b").close()
    shown = call("log", "verify").stdout
    assert [line.partition(":")[0] for line in shown.splitlines() if line[0] != " "] == [
        "logs/bitacora-b.jsonl",
        "logs/bitacora.jsonl",
    ]
    result = call("log", "verify", "--key", "keys/verify.key")
    assert (result.exit_code, "here are 2: name its files" in result.stderr) == (2, True)
    named = call("log", "verify", "--key", "keys/verify.key", str(LOG))
    assert named.exit_code == 0
    assert "what was before checkpoint 3 was not looked at" in named.stdout
    all_named = (f"{LOG}.2.gz", str(LOG))
    assert "not looked at" not in call("log", "verify", *all_named).stdout
    Path(f"{LOG}.2.gz").unlink()
    missing = call("log", "verify", "--key", "keys/verify.key", str(LOG))
    assert "what was before checkpoint 3 is missing" in missing.stdout


@pytest.mark.usefixtures("sealed")
def test_a_log_that_is_rotated_while_it_is_verified_is_read_again(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = files.list_files

    def rotate_after_listing(path: Path) -> list[files.LogFile]:
        found = listed(path)
        if not Path(f"{LOG}.1").exists():
            LOG.rename(f"{LOG}.1")
        return found

    monkeypatch.setattr(files, "list_files", rotate_after_listing)
    assert "whole: 6 lines in 2 file(s)" in call("log", "verify").stdout


@pytest.mark.parametrize("against", ["nothing", '{"v":1}'])
def test_what_is_no_checkpoint_is_wrong_usage(call: Call, against: str) -> None:
    assert call("log", "verify", "--against", against).exit_code == 2


def test_without_a_log_there_is_nothing_to_verify(call: Call) -> None:
    for command in ("verify", "checkpoint"):
        result = call("log", command)
        assert (result.exit_code, result.stderr[:24]) == (1, "cardiorisk: there is no ")


@pytest.mark.usefixtures("sealed")
def test_the_services_key_is_not_taken_for_the_one_that_verifies(call: Call) -> None:
    result = call("log", "verify", "--key", "keys/install.key")
    assert result.exit_code == 2
    assert "is the service's and has moved on; give verify.key" in result.stderr


@pytest.mark.usefixtures("sealed")
def test_keys_are_private_and_never_replaced(call: Call) -> None:
    for name in ("install.key", "verify.key"):
        assert Path("keys", name).stat().st_mode & 0o077 == 0
    for kept, moved in (("install.key", "verify.key"), ("verify.key", "install.key")):
        Path("keys", moved).rename("elsewhere")
        result = call("log", "seal-key", "keys")
        assert (result.exit_code, result.stderr) == (
            1,
            f"cardiorisk: keys/{kept} exists, and keys are never replaced\n",
        )
        assert not Path("keys", moved).exists()
        Path("elsewhere").rename(f"keys/{moved}")


def test_a_large_log_shows_how_far_it_is() -> None:
    bitacora = Bitacora(LOGS)
    for _ in range(60_000):
        bitacora.append(make_entry().line())
    bitacora.close()
    assert "Verifying logs/bitacora.jsonl" in on_terminal("log", "verify", stream="stderr")
