"""The bitácora read whole: rotated and compressed files, files that are named, and what is kept."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from cardiorisk.bitacora import files
from cardiorisk.bitacora.files import newest_first
from cardiorisk.bitacora.reader import find_newest
from cardiorisk.bitacora.writer import Bitacora
from tests.bitacora.support import make_entry
from tests.cli.conftest import Call, start
from tests.support import SettableClock

LOG = Path("logs/bitacora.jsonl")
NOON_S = 1_795_348_800.0  # 2026-11-22T12:00:00Z
DAY_S = 86_400.0


@pytest.fixture
def four_days() -> None:
    """Write two lines a day, each day into a file of its own, of which the older are squeezed."""
    clock = SettableClock(NOON_S)
    names = ("-20261122.gz", ".2026-11-23.gz", ".1", "")
    for day, name in enumerate(names):
        bitacora = Bitacora(LOG.parent, clock=clock, wall_clock=clock)
        for number in (1, 2):
            bitacora.append(
                make_entry(ts_seconds=clock(), request_id=f"d{day + 1}-{number}").line()
            )
        bitacora.close()
        if name:
            text = LOG.read_bytes()
            if name.endswith(".gz"):
                text = gzip.compress(text)
            Path(f"{LOG}{name}").write_bytes(text)
            LOG.unlink()
        clock.advance(days=1)


def ids(text: str) -> list[str]:
    return [json.loads(line)["request_id"] for line in text.splitlines()]


def requests(call: Call, *arguments: str) -> int:
    result = call("log", "stats", "--json", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return int(json.loads(result.stdout)["requests"])


@pytest.mark.usefixtures("four_days")
def test_statistics_reach_back_through_every_file(call: Call) -> None:
    assert requests(call) == 8
    assert requests(call, "--since", "2026-11-24T12:00") == 4
    assert requests(call, "--since", "2026-11-01") == 8
    assert call("log", "stats").stdout.startswith("logs/bitacora.jsonl and 3 more\n")
    assert "d1-1" not in call("log", "drift").stdout


@pytest.mark.usefixtures("four_days")
def test_a_file_that_is_compressed_while_it_is_looked_for_is_not_left_out(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order, plain = files.in_order, Path(f"{LOG}.1")

    def compress_before(paths: Iterable[Path]) -> list[files.LogFile]:
        if plain.exists():
            Path(f"{plain}.gz").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
        return in_order(paths)

    monkeypatch.setattr(files, "in_order", compress_before)
    assert requests(call) == 8


@pytest.mark.usefixtures("four_days")
def test_a_past_that_is_gone_is_said_to_be(call: Call) -> None:
    Path(f"{LOG}-20261122.gz").unlink()
    said = call("log", "stats", "--since", "2026-11-01").stderr
    assert said == (
        "logs/bitacora.jsonl goes back to 2026-11-23T12:00:00.000000Z; what was before is gone\n"
    )


@pytest.mark.usefixtures("four_days")
def test_the_newest_lines_go_back_through_every_file(call: Call) -> None:
    everything = [f"d{day}-{number}" for day in (1, 2, 3, 4) for number in (1, 2)]
    for count in (0, 1, 2, 3, 5, 8, 99):
        assert ids(call("log", "tail", "-n", str(count)).stdout) == everything[::-1][:count][::-1]
        found = find_newest(
            newest_first(LOG), lambda entry: entry.request_id != "d3-1", max(1, count)
        )
        wanted = [one for one in everything[::-1] if one != "d3-1"][: max(1, count)]
        assert [line.entry.request_id for line in found.lines] == wanted
        assert found.is_exhaustive


@pytest.mark.usefixtures("four_days")
def test_a_search_gives_up_before_a_compressed_file_that_is_too_large() -> None:
    bound = sum(path.stat().st_size for path in (LOG, Path(f"{LOG}.1"))) + 100
    found = find_newest(newest_first(LOG), lambda _: True, 9, bound)
    assert ([line.entry.request_id[:2] for line in found.lines], found.is_exhaustive) == (
        ["d4", "d4", "d3", "d3"],
        False,
    )


@pytest.mark.usefixtures("four_days")
def test_files_that_are_named_are_read_and_so_is_standard_input(call: Call) -> None:
    first, second = f"{LOG}-20261122.gz", f"{LOG}.2026-11-23.gz"
    assert requests(call, first, second) == 4
    assert ids(call("log", "tail", "-n", "3", first, second).stdout) == ["d1-2", "d2-1", "d2-2"]
    for command in (("tail", "-n", "1", "-"), ("tail", "-n", "1", "/dev/stdin")):
        shown = start("log", *command, input=Path(f"{LOG}.1").read_text())
        assert ids(shown.stdout) == ["d3-2"]
    assert call("log", "tail", "--follow", first).exit_code == 2


@pytest.mark.usefixtures("four_days")
def test_a_compressed_file_that_was_cut_off_is_read_as_far_as_it_goes(call: Call) -> None:
    squeezed = Path(f"{LOG}-20261122.gz")
    squeezed.write_bytes(squeezed.read_bytes()[:-30])
    document = json.loads(call("log", "stats", "--json", str(squeezed)).stdout)
    assert document["torn_lines"] == 1
    assert "cannot be read any further" in call("log", "verify").stdout
    refused = call("log", "prune", "--before", "2026-11-23T12:00")
    assert (refused.exit_code, squeezed.exists()) == (1, True)


@pytest.mark.usefixtures("four_days")
def test_old_files_are_deleted_and_what_remains_still_verifies(call: Call) -> None:
    dry = call("log", "prune", "--before", "2026-11-24T12:00", "--dry-run").stdout
    assert dry.splitlines() == [
        "would delete logs/bitacora.jsonl-20261122.gz",
        "would delete logs/bitacora.jsonl.2026-11-23.gz",
    ]
    assert call("log", "prune", "--before", "2026-11-24T12:00").exit_code == 0
    assert sorted(path.name for path in LOG.parent.iterdir()) == [
        "bitacora.jsonl",
        "bitacora.jsonl.1",
        "bitacora.jsonl.checkpoints-1.gz",
        "bitacora.jsonl.checkpoints-3.gz",
    ]
    assert requests(call) == 4
    whole = call("log", "verify")
    assert (whole.exit_code, "4 file(s), 2 of them deleted but for" in whole.stdout) == (0, True)
    assert call("log", "prune", "--before", "2030-01-01").stdout == (
        "deleted logs/bitacora.jsonl.1\n"
    )
    Path(f"{LOG}.checkpoints-3.gz").unlink()
    assert "2 checkpoint(s) after number 2 are missing" in call("log", "verify").stdout


@pytest.mark.usefixtures("four_days")
def test_each_processs_files_in_each_directory_are_read_by_every_command(call: Call) -> None:
    for directory, node in (("logs", "b"), ("more", "c")):
        bitacora = Bitacora(Path(directory), node=node)
        bitacora.append(make_entry(ts_seconds=NOON_S + 2.5 * DAY_S, request_id=node).line())
        bitacora.close()
    Path("logs/bitacora-b.jsonl").rename("logs/bitacora-b.jsonl.1")
    assert requests(call) == 9
    both = ("--log-dir", "logs", "--log-dir", "more")
    assert requests(call, *both) == 10
    assert ids(call("log", "tail", "-n", "4", *both).stdout) == [
        *("b", "c", "d4-1", "d4-2"),
    ]
    assert call("log", "verify", *both).stdout.count(": whole: ") == 3
    assert call("log", "checkpoint", *both).stdout.count('"checkpoint":') == 3
