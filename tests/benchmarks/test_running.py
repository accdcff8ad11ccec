"""Real processes: the server that does nothing, and some that come to nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from onnx.reference import ReferenceEvaluator

from benchmarks import load, onnx_file
from benchmarks.compare import TOLERANCE, Comparison, check_answers
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.running import ARTEFACT, Running, Skipped, install, start
from tests.processes import until

BARE = CONTESTANTS[0]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = start(BARE, tmp_path_factory.mktemp("bare"))
    yield server
    server.stop()


@pytest.mark.parametrize("contestant", CONTESTANTS[:2], ids=lambda each: each.name)
def test_a_server_is_weighed_asked_and_stopped(contestant: Contestant, tmp_path: Path) -> None:
    server = start(contestant, tmp_path)
    try:
        assert server.started
        assert min(server.started.start_seconds, server.started.start_memory_mb) > 0
        before = server.cpu_seconds()

        def has_worked() -> bool:
            seen = load.ask_by_ourselves(server.port, server.headers, 2, 0.2)
            assert (seen.refused, seen.socket_errors) == (0, 0)
            return server.cpu_seconds() > before

        until(has_worked)
    finally:
        server.stop()
    assert not psutil.pid_exists(server.process.pid)


def test_answers_that_are_not_the_network_s_are_found_out(bare: Running) -> None:
    with pytest.raises(Skipped, match=r"0\.000001.* where 0\.99\d+ is the network's probability"):
        check_answers(bare)


def test_a_server_that_ends_at_its_start_is_skipped_with_its_last_words(tmp_path: Path) -> None:
    broken = replace(BARE, command=("-c", "raise SystemExit('no licence')"))
    with pytest.raises(Skipped, match=r"ended at its start with 1\. It said last: no licence"):
        start(broken, tmp_path)


def test_another_checkout_runs_its_own_code_by_its_own_interpreter(tmp_path: Path) -> None:
    interpreter = tmp_path / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text("#!/bin/sh\necho $PYTHONPATH\n")
    interpreter.chmod(0o700)
    with pytest.raises(Skipped, match=f"It said last: {tmp_path}$"):
        start(BARE.of_checkout(tmp_path), tmp_path)


def test_what_cannot_be_installed_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "absent.txt").write_text(f"{tmp_path}/absent-1.0-py3-none-any.whl")
    with pytest.raises(Skipped, match=r"absent cannot be installed: .*absent-1\.0"):
        install("absent", tmp_path)
    assert not (tmp_path / ".environments" / "absent" / "installed.txt").exists()


def test_what_two_want_at_once_is_installed_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "empty.txt").write_text("# nothing\n")
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(install, ["empty"] * 2, [tmp_path] * 2)
    assert one == two
    assert Path(one).exists()
    assert capfd.readouterr().out.count("installing") == 1


def test_a_server_that_ends_in_the_middle_is_left_out_and_the_others_go_on(
    bare: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("COVERAGE_PROCESS_")]:
        monkeypatch.delenv(name)  # a killed process leaves coverage a file that it cannot read
    dying = start(replace(BARE, name="dying"), tmp_path)
    dying.process.kill()
    dying.process.wait()
    comparison = Comparison(running=[dying, bare])
    comparison.run(connections=[2], seconds=1, rounds=1)
    told = "it could not be measured at 32 connections in round 1: "
    assert comparison.skipped["dying"].startswith(told)
    assert [each.server for each in comparison.samples] == [bare.contestant.name]


def test_the_onnx_network_answers_the_card_s_golden_rows() -> None:
    rows = json.loads((ARTEFACT / "card.json").read_text())["golden_rows"]
    values = np.array([row["values"] for row in rows], dtype=np.float32)  # (n, 6)
    with np.errstate(all="ignore"):  # its sigmoid takes both branches everywhere, and keeps one
        answers: Any = ReferenceEvaluator(onnx_file.build(ARTEFACT)).run(None, {"patient": values})
    found = answers[0]  # (n, 1)
    assert found[:, 0] == pytest.approx([row["probability"] for row in rows], abs=TOLERANCE)
